# SPDX-License-Identifier: MIT OR Apache-2.0
# Formatters, linters and type checkers of every language.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs pyproject.toml python/src/trifuse bindings/rust/Cargo.toml
bash tools/wheel.sh
bash tools/install_wheel.sh
quietly ruff ruff check .
quietly ruff-format ruff format --check .
quietly mypy mypy
quietly pyright pyright
say "  python: ruff, mypy, pyright"
source tools/rust.sh
quietly rustfmt cargo fmt --manifest-path bindings/rust/Cargo.toml --all --check
quietly clippy cargo clippy --manifest-path bindings/rust/Cargo.toml --workspace --all-targets --all-features -- -D warnings
say "  rust: rustfmt, clippy"
need gcc gcc libc6-dev
need clang clang
quietly analyzer clang --analyze -Xclang -analyzer-werror -std=c11 -Icore/include core/src/trifuse.c -o "$BUILD/logs/analyzer.plist"
quietly more-warnings gcc -std=c11 -O2 -fanalyzer -Wall -Wextra -Wundef -Wstrict-prototypes -Wmissing-prototypes \
  -Wvla -Wcast-qual -Wformat=2 -Werror -Icore/include -c core/src/trifuse.c -o "$BUILD/logs/more-warnings.o"
say "  c: clang's analyzer, gcc's analyzer"
quietly shellcheck shellcheck -s bash -S warning -e SC1090,SC1091 tools/*.sh tools/stages/*.sh .ci/run bindings/rust/*.sh
say "  shell: shellcheck"
python tools/house.py
