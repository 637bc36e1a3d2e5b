#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `trifuse demo` as a user would install it: the package with its extra, in build/demo-venv, made once and
# again when a source has changed. Options are passed on. Leaves build/demo.svg and build/demo.json.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source tools/python.sh
DEMO="$BUILD/demo-venv"
STAMP="$DEMO/.trifuse-demo"

# The sources of the package are what the wheel is made of, wherever Python has left its caches.
fingerprint() {
  find core/include core/src python CMakeLists.txt pyproject.toml tools/constraints.txt \
    -type f -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 cksum | cksum
}

install_demo() {
  have_compiler
  local python
  python="$(find_python)"
  say "installing trifuse[cli] into build/demo-venv with $("$python" --version) (once; about a minute)"
  if [ -n "${PYTHON:-}" ] || ! "$DEMO/bin/python" -m pip --version >/dev/null 2>&1; then
    make_venv "$python" "$DEMO"
  fi
  quietly demo-install "$DEMO/bin/python" -m pip install --prefer-binary -c tools/constraints.txt \
    --config-settings=build-dir="$BUILD/demo-wheel" ".[cli]"
  printf '%s' "$WANTED" >"$STAMP"
}

one_at_a_time demo
WANTED="$(printf '%s' "${PYTHON:-}" | cat - <(fingerprint) | cksum)"
if [ ! -f "$STAMP" ] || [ "$(cat "$STAMP")" != "$WANTED" ]; then
  install_demo
fi
exec 9>&-
exec "$DEMO/bin/trifuse" demo --output "$BUILD/demo.svg" --json "$BUILD/demo.json" "$@"
