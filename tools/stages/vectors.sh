# SPDX-License-Identifier: MIT OR Apache-2.0
# One truth: normative ids, vectors through Python, and model beside core over random histories.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs tests/vectors tests/model docs/semantics.md
bash tools/wheel.sh
bash tools/install_wheel.sh
python tests/vectors/check_ids.py | tail -n 1 | sed 's/^/  ids: /'
run_pytest vectors tests/vectors
run_pytest model -s tests/model
sed -n '/^TRIFUSE_MODEL_SEED/,/^steps /s/^/  /p' "$BUILD/logs/pytest-model.log"
