# SPDX-License-Identifier: MIT OR Apache-2.0
# The code in README and docs runs.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs README.md docs/c.md docs/python.md docs/rust.md docs/guide.md
bash tools/wheel.sh
bash tools/install_wheel.sh
source tools/rust.sh
python tools/docs_test.py
