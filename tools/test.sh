#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Runs the stages named on the command line, or all; stops at the first that fails.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ALL="core sanitizers coverage abi package fuzz mutants python clients vectors lint rust docs demo"
STAGES="${*:-$ALL}"

for stage in $STAGES; do
  [ -f "tools/stages/$stage.sh" ] || die "no stage '$stage'; there are: $ALL"
done

START=$SECONDS
use_venv
PASSED=0
for stage in $STAGES; do
  say "== $stage"
  STAGE_START=$SECONDS
  if ! bash "tools/stages/$stage.sh"; then
    say "== $stage FAILED after $((SECONDS - STAGE_START)) s (logs: build/logs); total $((SECONDS - START)) s"
    say "$PASSED passed, 1 failed"
    exit 1
  fi
  say "== $stage passed in $((SECONDS - STAGE_START)) s"
  PASSED=$((PASSED + 1))
done
say "total $((SECONDS - START)) s"
say "$PASSED passed, 0 failed"
