# SPDX-License-Identifier: MIT OR Apache-2.0
# `make demo` without a terminal.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
quietly demo bash tools/demo.sh
tail -n 25 "$BUILD/logs/demo.log" | sed 's/^/  /'
