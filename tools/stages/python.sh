# SPDX-License-Identifier: MIT OR Apache-2.0
# The Python package, from the built wheel.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs tests/python tests/integration
bash tools/wheel.sh
bash tools/install_wheel.sh
WORKERS=3 run_pytest python tests/python
run_pytest integration tests/integration
