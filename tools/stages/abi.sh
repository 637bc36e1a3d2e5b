# SPDX-License-Identifier: MIT OR Apache-2.0
# The binary interface: header, symbols, baseline, bare compilation, targets that must be refused.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs tests/abi core/trifuse.abi core/trifuse.map
need gcc gcc libc6-dev
need g++ g++
need clang clang
need abidiff abigail-tools
need nm binutils
run_pytest abi -c /dev/null --rootdir "$ROOT" tests/abi
