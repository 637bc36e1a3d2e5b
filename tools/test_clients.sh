#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Runs tests/clients: for each library its own environment, build/clients/<library>, made once and kept until
# its requirements change, and in it the tests that make its real errors. They are about 3 GB together.
#   tools/test_clients.sh [library...]     all, or those; the names are those of tests/clients/requirements
#   TRIFUSE_PATH=python/src tools/...      with a source tree whose core is built, not with the wheel
#   KEEP=no tools/test_clients.sh          deletes each environment after its tests
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/tools/python.sh"
require_dirs tests/clients/requirements
REQUIREMENTS="$ROOT/tests/clients/requirements"
ALL="$(cd "$REQUIREMENTS" && ls ./*.txt | sed 's|^\./||; s|\.txt$||' | grep -vx common)"
LIBRARIES="${*:-$ALL}"
for library in $LIBRARIES; do
  [ -f "$REQUIREMENTS/$library.txt" ] || die "no requirements of '$library'; there are: $(printf '%s' "$ALL" | tr '\n' ' ')"
  [ -f "tests/clients/test_$library.py" ] || die "no tests of '$library'"
done
need redis-server redis-server

WHEEL=""
if [ -z "${TRIFUSE_PATH:-}" ]; then
  bash tools/wheel.sh
  WHEEL="$(ls "$BUILD"/dist/trifuse-*.whl)"
else
  export PYTHONPATH="$ROOT/${TRIFUSE_PATH#"$ROOT"/}"
fi
PYTHON_FOUND="$(find_python)"
mkdir -p "$BUILD/clients" "$BUILD/logs"

# environment <library>: made anew when its requirements or the interpreter are others than last time.
environment() {
  local directory="$BUILD/clients/$1" wanted
  wanted="$(cat "$REQUIREMENTS/common.txt" "$REQUIREMENTS/$1.txt" | cksum) $PYTHON_FOUND"
  if [ "$(cat "$directory/.requirements" 2>/dev/null)" != "$wanted" ]; then
    make_venv "$PYTHON_FOUND" "$directory"
    quietly "clients-$1-pip" "$directory/bin/python" -m pip install --prefer-binary \
      -r "$REQUIREMENTS/common.txt" -r "$REQUIREMENTS/$1.txt"
    printf '%s' "$wanted" >"$directory/.requirements"
  fi
  if [ -n "$WHEEL" ]; then
    quietly "clients-$1-wheel" "$directory/bin/python" -m pip install --force-reinstall --no-deps "$WHEEL"
  fi
}

# client_tests <library>: its errors; of Milvus, which no other environment has, the guarded queries too.
client_tests() {
  "$python" -m pytest -q -p no:cacheprovider -W default "tests/clients/test_$1.py" || return 1
  if [ "$1" = pymilvus ]; then
    "$python" -m pytest -q -p no:cacheprovider -W default --confcutdir=tests/vector/milvus tests/vector/milvus
  fi
}

FAILED=""
for library in $LIBRARIES; do
  started="$(date +%s)"
  environment "$library"
  python="$BUILD/clients/$library/bin/python" log="$BUILD/logs/clients-$library.log"
  versions="$("$python" -m pip freeze | grep -ixF -f <(sed 's/\[.*\]//' "$REQUIREMENTS/$library.txt") | tr '\n' ' ')"
  if client_tests "$library" >"$log" 2>&1; then
    result="$(grep -E '[0-9]+ passed' "$log" | tail -n 1)"
  else
    result="FAILED: $log"
    FAILED="$FAILED $library"
    grep -E '^(E  |FAILED|ERROR)' "$log" | head -n 40 >&2 || true
  fi
  say "$(printf '%-17s %-60s %s (%s s in all)' "$library" "${versions:-?}" "$result" "$(($(date +%s) - started))")"
  [ "${KEEP:-yes}" = yes ] || rm -rf "$BUILD/clients/$library"
done
[ -z "$FAILED" ] || die "these failed:$FAILED"
say "all clients passed: $(printf '%s' "$LIBRARIES" | wc -w)"
