#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# fuzz.sh <seconds each>: every libFuzzer harness of tests/fuzz under ASan and UBSan.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
require_dirs tests/fuzz
use_venv
need_clang_runtime
SECONDS_EACH="${1:-20}"
configure fuzz -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTRIFUSE_SHARED=OFF \
  -DTRIFUSE_INSTALL=OFF -DTRIFUSE_FUZZ=ON
FOUND=0
for harness in "$BUILD"/fuzz/tests/fuzz/fuzz_*; do
  [ -f "$harness" ] && [ -x "$harness" ] || continue
  name="$(basename "$harness")"
  corpus="$BUILD/corpus/$name"
  mkdir -p "$corpus"
  seeds=()
  [ -d "tests/fuzz/corpus/$name" ] && seeds=("tests/fuzz/corpus/$name")
  quietly "$name" "$harness" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$BUILD/logs/$name-" "$corpus" "${seeds[@]}"
  say "  $name: $(grep -E '^Done ' "$BUILD/logs/$name.log" | tail -n 1)"
  FOUND=$((FOUND + 1))
done
[ "$FOUND" -gt 0 ] || die "tests/fuzz built no harness (build/fuzz/tests/fuzz/fuzz_*)"
