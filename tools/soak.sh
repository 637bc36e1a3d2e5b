#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# soak.sh [seconds each]: fuzzers, random histories and stress tests, long. Ten minutes each unless told.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
SECONDS_EACH="${1:-600}"
use_venv
say "== fuzz, $SECONDS_EACH s each"
bash tools/fuzz.sh "$SECONDS_EACH"
say "== random histories, model beside core"
bash tools/wheel.sh
bash tools/install_wheel.sh
TRIFUSE_SOAK_SECONDS="$SECONDS_EACH" run_pytest soak-model tests/model
say "== memory of a protected client, from call 20,000 to 200,000"
TRIFUSE_LONG=1 run_pytest soak-memory tests/llm/scenarios/test_measures.py -k memory
say "== stress, $SECONDS_EACH s"
configure soak -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo
END=$((SECONDS + SECONDS_EACH))
ROUNDS=0
while [ "$SECONDS" -lt "$END" ]; do
  quietly soak-stress ctest --test-dir "$BUILD/soak" --output-on-failure --no-tests=error -L '^(stress|crash)$'
  ROUNDS=$((ROUNDS + 1))
done
say "  stress and crash tests: $ROUNDS rounds"
