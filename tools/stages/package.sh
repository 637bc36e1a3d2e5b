# SPDX-License-Identifier: MIT OR Apache-2.0
# What a user installs: C library, CMake and pkg-config packages, wheel, sdist.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs tests/package
need gcc gcc libc6-dev
need pkg-config pkg-config
bash tools/wheel.sh
run_pytest package -c /dev/null --rootdir "$ROOT" tests/package
