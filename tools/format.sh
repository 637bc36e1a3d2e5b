#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Rewrites Python and Rust sources as their formatters want them.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_venv
ruff check --select I --fix --quiet .
ruff format --quiet .
source tools/rust.sh
cargo fmt --manifest-path bindings/rust/Cargo.toml --all
