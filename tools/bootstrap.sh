#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes build/venv with the pinned tools and test dependencies; nothing to do when it is up to date.
# PYTHON=<interpreter> chooses the Python.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

source tools/python.sh
one_at_a_time bootstrap
STAMP="$VENV/.trifuse-stamp"
WANTED="$({ printf '%s\n' "${PYTHON:-}"; cat tools/requirements*.txt tools/constraints.txt; } | cksum)"
if [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$WANTED" ] && "$VENV/bin/python" -c '' 2>/dev/null; then
  exit 0
fi
have_compiler
mkdir -p "$BUILD/logs"
if [ -n "${PYTHON:-}" ] || ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
  PYTHON_FOUND="$(find_python)"
  say "  making build/venv with $("$PYTHON_FOUND" --version) (once; a minute or two)"
  make_venv "$PYTHON_FOUND" "$VENV"
fi
quietly pip "$VENV/bin/python" -m pip install --prefer-binary -c tools/constraints.txt -r tools/requirements.txt -r tools/requirements-test.txt -r tools/requirements-clients.txt
printf '%s' "$WANTED" >"$STAMP"
