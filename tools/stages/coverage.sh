# SPDX-License-Identifier: MIT OR Apache-2.0
# Every branch of core/src is taken by the C tests; code of other systems is not compiled here, and
# what of it stands in shared lines is excluded by name in tools/gcovr.cfg.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs tests/unit tests/crash tests/vectors
need gcc gcc libc6-dev
find "$BUILD/coverage" -name '*.gcda' -delete 2>/dev/null || true
configure coverage -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DTRIFUSE_COVERAGE=ON \
  -DTRIFUSE_SHARED=OFF -DTRIFUSE_INSTALL=OFF
run_ctest coverage -L '^(unit|vectors|stress|crash|abi)$'
quietly gcovr gcovr --config tools/gcovr.cfg --root "$ROOT" --object-directory "$BUILD/coverage" "$BUILD/coverage" \
  --txt-metric branch --txt "$BUILD/coverage/branches.txt" --txt-summary --fail-under-branch 100 --fail-under-line 100
grep -E '^(lines|branches)' "$BUILD/logs/gcovr.log" | sed 's/^/  /'
