# SPDX-License-Identifier: MIT OR Apache-2.0
# The crates: tests, doctests, the oldest supported compiler, declarations beside the header, packages.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
require_dirs bindings/rust/Cargo.toml bindings/rust/check-abi.sh bindings/rust/check-package.sh
source tools/rust.sh
need_cbindgen
need_msrv
need_postgres
cd "$ROOT/bindings/rust" || exit 1
export TRIFUSE_NO_SKIP=1                       # a server that is missing is a failure here
quietly cargo-test cargo test --workspace --all-features
grep -hE '^test result' "$BUILD/logs/cargo-test.log" |
  awk '{p += $4; f += $6} END {printf "  cargo test: %d passed, %d failed\n", p, f; exit p == 0}'
quietly cargo-msrv rustup run 1.85.0 cargo check -p trifuse-sys -p trifuse --all-features --target-dir "$BUILD/rust-msrv"
quietly check-abi bash ./check-abi.sh
# The oldest compiler has just been tried.
quietly check-package bash ./check-package.sh package from_crates tests_on_crates from_git from_system
say "  1.85.0, declarations beside trifuse.h, packages: passed"
