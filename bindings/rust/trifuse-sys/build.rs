// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds or compiles the C core. The order: `TRIFUSE_LIB_DIR`, `TRIFUSE_NO_BUNDLED`, the feature
//! `bundled`, the feature `system`. What is asked for and cannot be met stops the build.

use std::env;
use std::path::PathBuf;

fn main() {
    for name in ["TRIFUSE_LIB_DIR", "TRIFUSE_INCLUDE_DIR", "TRIFUSE_STATIC", "TRIFUSE_NO_BUNDLED"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    if let Some(folder) = env::var_os("TRIFUSE_LIB_DIR") {
        given(PathBuf::from(folder));
    } else if switched_on("TRIFUSE_NO_BUNDLED") {
        system();
    } else if cfg!(feature = "bundled") {
        bundled();
    } else if cfg!(feature = "system") {
        system();
    } else {
        panic!("trifuse-sys: enable the feature `bundled` or `system`, or set TRIFUSE_LIB_DIR");
    }
}

fn switched_on(name: &str) -> bool {
    match env::var(name) {
        Err(_) => false,
        Ok(value) if value.is_empty() || value == "0" => false,
        Ok(value) if value == "1" => true,
        Ok(value) => panic!("trifuse-sys: {name}={value} is neither 1 nor 0"),
    }
}

/// Links the library in a folder that the person who builds has named.
fn given(folder: PathBuf) {
    let names = ["libtrifuse.a", "libtrifuse.so", "libtrifuse.dylib", "libtrifuse.dll.a", "trifuse.lib"];
    if !names.iter().any(|name| folder.join(name).is_file()) {
        panic!("trifuse-sys: TRIFUSE_LIB_DIR={} holds none of {}", folder.display(), names.join(", "));
    }
    let kind = if switched_on("TRIFUSE_STATIC") { "static" } else { "dylib" };
    println!("cargo::rustc-link-search=native={}", folder.display());
    println!("cargo::rustc-link-lib={kind}=trifuse");
    if let Some(include) = env::var_os("TRIFUSE_INCLUDE_DIR").map(PathBuf::from) {
        if !include.join("trifuse/trifuse.h").is_file() {
            panic!("trifuse-sys: TRIFUSE_INCLUDE_DIR={} holds no trifuse/trifuse.h", include.display());
        }
        println!("cargo::metadata=include={}", include.display());
    }
}

#[cfg(feature = "bundled")]
fn bundled() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    // The second place serves checkouts where the symlink `core` is a text file.
    let core = [here.join("core"), here.join("../../../core")]
        .into_iter()
        .find(|core| core.join("src/trifuse.c").is_file())
        .expect(
            "trifuse-sys: the C sources are not here; enable the feature `system` or set TRIFUSE_LIB_DIR",
        );
    let (include, src) = (core.join("include"), core.join("src"));
    let mut build = cc::Build::new();
    build.file(src.join("trifuse.c")).include(&include).include(&src);
    build.define("TRIFUSE_STATIC", None).std("c11").warnings(false).opt_level(2);
    if env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("msvc") {
        build.flag_if_supported("/experimental:c11atomics");
    } else {
        build.flag("-fvisibility=hidden");
    }
    build.compile("trifuse");
    println!("cargo::metadata=include={}", include.display());
    println!("cargo::rerun-if-changed={}", src.display());
    println!("cargo::rerun-if-changed={}", include.display());
}

#[cfg(not(feature = "bundled"))]
fn bundled() {
    unreachable!("asked for by the feature only")
}

#[cfg(feature = "system")]
fn system() {
    match pkg_config::Config::new().range_version("0.1.0".."0.2.0").probe("trifuse") {
        Ok(library) => {
            if let Some(include) = library.include_paths.first() {
                println!("cargo::metadata=include={}", include.display());
            }
        }
        Err(error) => panic!("trifuse-sys: no system library: {error}"),
    }
}

#[cfg(not(feature = "system"))]
fn system() {
    panic!("trifuse-sys: TRIFUSE_NO_BUNDLED is set, but the feature `system` of trifuse-sys is off");
}
