#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds sdist and wheel (the wheel from the sdist) into build/dist, unless they are newer than every
# source, and checks the wheel with abi3audit and auditwheel.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
require_dirs pyproject.toml python/_core.c python/src/trifuse
use_venv
one_at_a_time wheel
DIST="$BUILD/dist"

fingerprint() {
  find core/include core/src python cmake CMakeLists.txt pyproject.toml README.md LICENSE* \
    -type f -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 cksum | cksum
}

WANTED="$(fingerprint)"
if [ -f "$DIST/.fingerprint" ] && [ "$(cat "$DIST/.fingerprint")" = "$WANTED" ]; then
  exit 0
fi
rm -rf "$DIST" "$BUILD/dist-raw"
quietly wheel python -m build --outdir "$BUILD/dist-raw" .
quietly abi3audit abi3audit --strict --report "$BUILD"/dist-raw/trifuse-*.whl
if [ "$(uname -s)" = Linux ]; then             # gives the wheel the platform tag that it deserves
  quietly auditwheel auditwheel repair --wheel-dir "$DIST" "$BUILD"/dist-raw/trifuse-*.whl
  mv "$BUILD"/dist-raw/trifuse-*.tar.gz "$DIST"
else
  mv "$BUILD/dist-raw" "$DIST"
fi
printf '%s' "$WANTED" >"$DIST/.fingerprint"
say "  $(cd "$DIST" && ls trifuse-*.whl trifuse-*.tar.gz | tr '\n' ' ')"
