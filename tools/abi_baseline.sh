#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Writes core/trifuse.abi anew. Run it for a release that adds to the interface, never to silence a test.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need abidw abigail-tools
need gcc gcc libc6-dev
use_venv
configure abi-baseline -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF
bash tools/abi_dump.sh "$BUILD/abi-baseline/libtrifuse.so" core/include core/trifuse.abi
say "core/trifuse.abi: $(wc -l <core/trifuse.abi) lines"
