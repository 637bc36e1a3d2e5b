# SPDX-License-Identifier: MIT OR Apache-2.0
# Seeded faults in the core; every one must be caught.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs tests/model/mutants/run.py
need gcc gcc libc6-dev
quietly mutants python tests/model/mutants/run.py
tail -n 2 "$BUILD/logs/mutants.log" | sed 's/^/  /'
