#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs the built wheel into build/venv, so that tests see what users get.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_venv
one_at_a_time wheel
WANTED="$(cat "$BUILD/dist/.fingerprint")"
STAMP="$VENV/.trifuse-wheel"
if [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$WANTED" ]; then
  exit 0
fi
quietly pip-wheel python -m pip install --force-reinstall --no-deps "$BUILD"/dist/trifuse-*.whl
python -m pip check >"$BUILD/logs/pip-check.log" || die "pip check: $(cat "$BUILD/logs/pip-check.log")"
printf '%s' "$WANTED" >"$STAMP"
