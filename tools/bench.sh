#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# bench.sh [c] [python] [rust]: the benchmarks, each beside its floor and its peers in the same run.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
BENCHES="${*:-c python rust}"
use_venv

bench_c() {
  require_dirs bench/c
  configure bench -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release
  local found=0 program
  for program in "$BUILD"/bench/bench/c/bench_*; do
    if [ -f "$program" ] && [ -x "$program" ]; then
      "$program"
      found=1
    fi
  done
  [ "$found" = 1 ] || die "bench/c built no program (bench_*)"
}

bench_python() {
  require_dirs bench/python
  bash tools/wheel.sh
  bash tools/install_wheel.sh
  python bench/python
}

bench_rust() {
  require_dirs bench/rust
  source tools/rust.sh
  (cd bindings/rust && cargo bench --manifest-path ../../bench/rust/Cargo.toml)
}

for bench in $BENCHES; do
  say "== $bench"
  "bench_$bench"
done
