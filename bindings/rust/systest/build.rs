// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generates the C and Rust halves of the layout test.

fn main() {
    let include = std::env::var("DEP_TRIFUSE_INCLUDE").expect("trifuse-sys tells its include folder");
    let mut generator = ctest::TestGenerator::new();
    generator.header("trifuse/trifuse.h").include(include).edition(2024);
    ctest::generate_test(&mut generator, "../trifuse-sys/src/lib.rs", "all.rs")
        .expect("ctest generates the test");
}
