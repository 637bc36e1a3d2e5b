# SPDX-License-Identifier: MIT OR Apache-2.0
# The C tests, built by gcc and by clang with every warning an error.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs core/examples tests/unit tests/vectors tests/stress tests/crash tests/abi tests/fuzz
need gcc gcc libc6-dev
need clang clang
configure core-gcc -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo
configure core-clang -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo
for compiler in gcc clang; do
  run_ctest "core-$compiler"
done
for label in examples unit vectors stress crash abi fuzz; do
  ctest --test-dir "$BUILD/core-gcc" -N -L "^$label\$" | grep -q 'Total Tests: [1-9]' ||
    die "no C test bears the label $label"
done
