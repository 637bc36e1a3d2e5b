#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# abi_dump.sh <library> <header directory> <output>: the public interface, free of paths and places.
set -euo pipefail
abidw --headers-dir "$2" --drop-private-types --no-corpus-path --no-comp-dir-path --no-show-locs \
  --no-elf-needed --no-architecture --out-file "$3" "$1"
sed -i "s#path='[^']*/core/#path='core/#; /comp-dir-path/s#comp-dir-path='[^']*'##" "$3"
