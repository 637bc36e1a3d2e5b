# SPDX-License-Identifier: MIT OR Apache-2.0
# The integrations, with the real clients, frameworks, databases and servers.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs tests/web tests/llm tests/vector
need redis-server redis-server
bash tools/wheel.sh
bash tools/install_wheel.sh
export TRIFUSE_NO_SKIP=1                       # a server that is missing is a failure here
run_pytest web tests/web
run_pytest llm tests/llm
run_pytest vector tests/vector
