// SPDX-License-Identifier: MIT OR Apache-2.0
//! A configuration that cannot be is found by the compiler.

#[test]
fn bad_constants_do_not_compile_and_good_ones_do() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/constants/good.rs");
    // The rest of the message changes with the compiler and the place of the sources; a doctest of
    // `Config` checks everywhere that such a constant is refused.
    let in_the_repository = std::path::Path::new("../../bindings/rust/trifuse").exists();
    if in_the_repository && compiler().starts_with("rustc 1.95.") {
        cases.compile_fail("tests/constants/rate.rs");
        cases.compile_fail("tests/constants/cap_below_wait.rs");
    }
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = std::process::Command::new(rustc).arg("--version").output().expect("rustc runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}
