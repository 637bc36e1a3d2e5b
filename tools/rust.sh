# SPDX-License-Identifier: MIT OR Apache-2.0
# To be sourced after lib.sh: the Rust tools that a stage needs, or a message that names them.
MSRV=1.85.0
CBINDGEN=0.29.4
export CARGO_TERM_COLOR=never CARGO_NET_RETRY=5

have_command cargo || die "'cargo' is missing: install Rust with rustup (https://rustup.rs), or the Debian packages cargo and rustc"
for component in clippy rustfmt; do
  cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
  have_command rustup || die "cargo $component is missing: install the Debian package ${component/clippy/rust-clippy}, or use rustup"
  quietly "rustup-$component" rustup component add "$component"
done

need_msrv() {
  have_command rustup || die "'rustup' is missing; the oldest supported compiler ($MSRV) is fetched with it (https://rustup.rs)"
  rustup run "$MSRV" rustc --version >/dev/null 2>&1 ||
    quietly rustup-msrv rustup toolchain install "$MSRV" --profile minimal
}

# cbindgen is a tool, not a dependency; built once into build/cargo.
need_cbindgen() {
  export PATH="$BUILD/cargo/bin:$PATH"
  if [ "$(cbindgen --version 2>/dev/null)" != "cbindgen $CBINDGEN" ]; then
    say "  building cbindgen $CBINDGEN (once; some minutes)"
    quietly cbindgen cargo install cbindgen --locked --version "$CBINDGEN" --root "$BUILD/cargo"
  fi
}
