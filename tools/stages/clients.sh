# SPDX-License-Identifier: MIT OR Apache-2.0
# The integrations, with the real clients, frameworks, databases and servers.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs tests/web tests/llm tests/vector
need redis-server redis-server
bash tools/wheel.sh
bash tools/install_wheel.sh
run_pytest measures tests/llm/scenarios/test_measures.py   # of time and memory: alone
WORKERS=3 run_pytest web tests/web
WORKERS=3 run_pytest llm tests/llm --ignore=tests/llm/scenarios/test_measures.py
WORKERS=2 run_pytest vector tests/vector
