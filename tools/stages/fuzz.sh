# SPDX-License-Identifier: MIT OR Apache-2.0
# The libFuzzer harnesses, some seconds each; `make soak` runs them long.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
bash tools/fuzz.sh "${FUZZ_SECONDS:-20}"
