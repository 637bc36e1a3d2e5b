# SPDX-License-Identifier: MIT OR Apache-2.0
# Unit, vector, stress and crash tests under ASan with UBSan, and under TSan.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs tests/unit tests/stress tests/crash
need_clang_runtime

sanitize() {
  local name="$1" kinds="$2" labels="$3"
  configure "$name" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DTRIFUSE_SANITIZE="$kinds" -DTRIFUSE_SHARED=OFF -DTRIFUSE_INSTALL=OFF
  run_ctest "$name" -L "$labels"
}

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
sanitize asan address,undefined '^(unit|vectors|stress|crash)$'
# TSan of older compilers does not find its way in an address space with much randomness.
if setarch "$(uname -m)" -R true 2>/dev/null; then
  ctest() { setarch "$(uname -m)" -R ctest "$@"; }
  export -f ctest
fi
sanitize tsan thread '^(unit|stress|crash)$'
