#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Tries trifuse-sys and trifuse as strangers get them:
#   1. `cargo package` of both; what is in the .crate files;
#   2. a consumer, and the tests of tests/rust, built from the unpacked .crate files alone;
#   3. a consumer with a git dependency on a bare clone;
#   4. a system library through TRIFUSE_LIB_DIR, and overrides that fail loudly;
#   5. the minimum supported Rust, through rustup.
# Everything happens in a temporary folder; TRIFUSE_KEEP=1 leaves it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
[ -n "${TRIFUSE_KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
: "${CARGO_TARGET_DIR:=$here/target}"
export CARGO_TARGET_DIR
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -1)

fail() {
    echo "check-package.sh: $*" >&2
    exit 1
}

package() {
    (cd "$here" && cargo package --quiet --allow-dirty -p trifuse-sys -p trifuse)
    mkdir "$work/crates"
    for crate in trifuse-sys trifuse; do
        tar -xzf "$CARGO_TARGET_DIR/package/$crate-$version.crate" -C "$work/crates"
        local unpacked=$work/crates/$crate-$version
        [ -z "$(find "$unpacked" -type l)" ] || fail "$crate: links in the .crate"
        for file in LICENSE-MIT LICENSE-APACHE README.md; do
            [ -s "$unpacked/$file" ] || fail "$crate: no $file in the .crate"
        done
    done
    diff <(cd "$root/core" && find include src -name '*.[ch]' | sort) \
        <(cd "$work/crates/trifuse-sys-$version/core" && find . -name '*.[ch]' | sed 's,^\./,,' | sort) ||
        fail "the C files of the .crate are not those of core/"
    echo "package: both crates are packed and build"
}

# A program outside of every workspace that uses trifuse as `$1` says.
consumer() {
    mkdir -p "$work/$2/src"
    cat >"$work/$2/Cargo.toml" <<END
[package]
name = "consumer"
version = "0.1.0"
edition = "2024"

[dependencies]
trifuse = $1

[workspace]
$3
END
    cat >"$work/$2/src/main.rs" <<'END'
use trifuse::{CircuitBreaker, State};

fn main() {
    let breaker = CircuitBreaker::builder("payments").consecutive_failures(3).build().unwrap();
    for _ in 0..3 {
        let _ = breaker.call(|| Err::<(), _>("down"));
    }
    assert_eq!(breaker.state(), State::Open);
    println!("{}", breaker.try_acquire().unwrap_err());
}
END
    (cd "$work/$2" && cargo run --quiet)
    echo "$2: a consumer builds and runs"
}

from_crates() {
    local patch="[patch.crates-io]
trifuse = { path = \"$work/crates/trifuse-$version\" }
trifuse-sys = { path = \"$work/crates/trifuse-sys-$version\" }"
    consumer "\"$version\"" "from .crate files" "$patch"
}

# The tests of the project, on the packed crates.
tests_on_crates() {
    mkdir -p "$work/tests" "$work/docs"
    cp -r "$root/tests/rust" "$work/tests/rust"
    ln -s "$root/tests/vectors" "$work/tests/vectors"
    cp "$root/docs/rust.md" "$root/docs/rust-services.md" "$work/docs/"
    sed -i.bak -e '/^workspace = /d' \
        -e "s,\"[^\"]*/bindings/rust/trifuse-sys\",\"$work/crates/trifuse-sys-$version\"," \
        -e "s,\"[^\"]*/bindings/rust/trifuse\",\"$work/crates/trifuse-$version\"," "$work/tests/rust/Cargo.toml"
    printf '\n[workspace]\n\n[patch.crates-io]\ntrifuse-sys = { path = "%s" }\n' \
        "$work/crates/trifuse-sys-$version" >>"$work/tests/rust/Cargo.toml"
    cp "$here/Cargo.lock" "$work/tests/rust/"
    (cd "$work/tests/rust" && cargo test --quiet)
    echo "tests: they pass on the packed crates"
}

# The files as they are now, committed to a repository of their own, so that an edit is tried before
# it is committed for good.
from_git() {
    mkdir "$work/repository"
    tar -C "$root" -cf - --exclude target --exclude build --exclude __pycache__ \
        core/include core/src bindings/rust tests/rust tests/rust-constants bench/rust docs/rust.md docs/rust-services.md LICENSE-MIT LICENSE-APACHE README.md |
        tar -C "$work/repository" -xf -
    (
        cd "$work/repository"
        git init --quiet
        git add --all
        git -c user.name=check -c user.email=check@localhost -c commit.gpgsign=false commit --quiet -m "As it is"
        git clone --quiet --bare . "$work/bare.git"
    )
    CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} consumer "{ git = \"file://$work/bare.git\" }" "from git" ""
}

from_system() {
    mkdir "$work/lib"
    ${CC:-cc} -std=c11 -O2 -DTRIFUSE_BUILD -I"$root/core/include" -c "$root/core/src/trifuse.c" -o "$work/lib/trifuse.o"
    ar rcs "$work/lib/libtrifuse.a" "$work/lib/trifuse.o"
    (
        export TRIFUSE_LIB_DIR=$work/lib TRIFUSE_INCLUDE_DIR=$root/core/include TRIFUSE_STATIC=1
        consumer "{ path = \"$here/trifuse\", default-features = false, features = [\"system\"] }" "from TRIFUSE_LIB_DIR" ""
    )
    if command -v pkg-config >/dev/null; then
        printf 'Name: trifuse\nDescription: trifuse\nVersion: %s\nLibs: -L%s -ltrifuse\nCflags: -I%s\n' \
            "$version" "$work/lib" "$root/core/include" >"$work/lib/trifuse.pc"
        PKG_CONFIG_PATH=$work/lib consumer \
            "{ path = \"$here/trifuse\", default-features = false, features = [\"system\"] }" "from pkg-config" ""
    fi
    refuses "TRIFUSE_LIB_DIR=/nowhere holds none of" TRIFUSE_LIB_DIR=/nowhere
    refuses "TRIFUSE_STATIC=perhaps is neither 1 nor 0" TRIFUSE_LIB_DIR="$work/lib" TRIFUSE_STATIC=perhaps
    refuses "feature .system. of trifuse-sys is off" TRIFUSE_NO_BUNDLED=1
    refuses "no system library" TRIFUSE_NO_BUNDLED=1 PKG_CONFIG_LIBDIR=/nowhere PKG_CONFIG_PATH=/nowhere --features system
}

# `$1`: what the build says when it stops; then variables and arguments.
refuses() {
    local says=$1 variables=() arguments=()
    shift
    for word in "$@"; do
        case $word in
        *=*) variables+=("$word") ;;
        *) arguments+=("$word") ;;
        esac
    done
    if (cd "$here" && env "${variables[@]}" cargo check --quiet -p trifuse-sys ${arguments[@]+"${arguments[@]}"}) \
        2>"$work/said"; then
        fail "${variables[*]}: the build went on"
    fi
    grep -q "$says" "$work/said" || fail "${variables[*]}: it does not say \"$says\" but: $(cat "$work/said")"
    echo "override: ${variables[0]%%=*} stops the build, saying why"
}

oldest_rust() {
    local oldest
    oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$here/Cargo.toml").0
    if ! command -v rustup >/dev/null; then
        echo "oldest Rust: NOT CHECKED, rustup is missing (https://rustup.rs)"
        return
    fi
    rustup run "$oldest" rustc --version >/dev/null 2>&1 ||
        rustup toolchain install "$oldest" --profile minimal >/dev/null 2>&1 ||
        fail "rustup cannot install Rust $oldest"
    (cd "$here" && CARGO_TARGET_DIR="$CARGO_TARGET_DIR/oldest" cargo "+$oldest" check --quiet \
        -p trifuse-sys -p trifuse --all-features)
    echo "oldest Rust: both crates check with $oldest and all features"
}

# The stages to run, by default all; all but package need the crates that it packs.
stages=${*:-package from_crates tests_on_crates from_git from_system oldest_rust}
for stage in $stages; do
    "$stage"
done
echo "check-package.sh: all well"
