# SPDX-License-Identifier: MIT OR Apache-2.0
# A thin front for people; the work is done by tools/.
#   make demo    watch a breaker save a real client from an outage
#   make test    everything that must hold; STAGES="core python" runs a part
#   make lint    formatters, linters, type checkers
#   make format  rewrites what the formatters would change
#   make test-clients    the heavier clients, each in an environment of its own (about 4 GB); CLIENTS="litellm"
#   make bench   speed, beside floors and peers
#   make soak    the long form of the random and fuzz tests; SECONDS_EACH=600
#   make cross   aarch64, i686, armv7 under qemu-user; Windows by mingw-w64
#   make wheel   wheel and sdist into build/dist
#   make abi     a new ABI baseline (core/trifuse.abi), after a change that is meant
#   make clean   removes build/
.PHONY: demo test test-clients lint format bench soak cross wheel abi clean

demo: ; @bash tools/demo.sh
test: ; @bash tools/test.sh $(STAGES)
test-clients: ; @bash tools/test_clients.sh $(CLIENTS)
lint: ; @bash tools/test.sh lint
format: ; @bash tools/format.sh
bench: ; @bash tools/bench.sh $(BENCHES)
soak: ; @bash tools/soak.sh $(SECONDS_EACH)
cross: ; @bash tools/cross.sh
wheel: ; @bash tools/wheel.sh
abi: ; @bash tools/abi_baseline.sh
clean: ; rm -rf build
