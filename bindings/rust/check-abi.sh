#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Holds the hand-written declarations of trifuse-sys against trifuse.h, four ways:
#   1. cbindgen turns them into C prototypes, which are compiled together with the header;
#   2. the two sets of function names are equal;
#   3. every field of every struct has the header's type and offset;
#   4. ctest (the crate systest) compares sizes, offsets and constants in a running program.
# Needs cbindgen 0.29.4 (`cargo install cbindgen --locked --version 0.29.4`) and a C compiler.
set -euo pipefail
cd "$(dirname "$0")"

core=../../core
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compiler=${CC:-cc}
: "${CBINDGEN:=cbindgen}"

fallback=${CARGO_HOME:-$HOME/.cargo}/bin/cbindgen
if ! command -v "$CBINDGEN" >/dev/null && [ -x "$fallback" ]; then
    CBINDGEN=$fallback
fi
if ! command -v "$CBINDGEN" >/dev/null; then
    echo "check-abi.sh: cbindgen is missing; install it: cargo install cbindgen --locked --version 0.29.4" >&2
    exit 1
fi

prototypes() {
    "$CBINDGEN" -q --config trifuse-sys/cbindgen.toml --output "$work/from_rust.h" trifuse-sys
    printf '#include "trifuse/trifuse.h"\n#include "from_rust.h"\n' >"$work/both.c"
    "$compiler" -std=c11 -Wall -Wextra -Werror -fsyntax-only -I$core/include -I"$work" "$work/both.c"
    # 32 bits tell size_t from uint64_t; no 32-bit library is needed for that.
    if "$compiler" -m32 -ffreestanding -fsyntax-only -x c /dev/null 2>/dev/null; then
        "$compiler" -m32 -ffreestanding -std=c11 -fsyntax-only -I$core/include -I"$work" "$work/both.c"
    fi
    echo "prototypes: they compile with the header"
}

names() {
    grep -oE 'trifuse_[a-z0-9_]+ *\(' "$work/from_rust.h" | tr -d ' (' | sort -u >"$work/rust"
    grep -E '^TRIFUSE_API' $core/include/trifuse/trifuse.h |
        grep -oE 'trifuse_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$work/c"
    diff "$work/c" "$work/rust" || { echo "check-abi.sh: < in the header only, > in Rust only" >&2; exit 1; }
    echo "names: $(wc -l <"$work/c") functions in both"
}

fields() {
    "$CBINDGEN" -q --config trifuse-sys/cbindgen-structs.toml --output "$work/structs.h" trifuse-sys
    {
        printf '#include <stddef.h>\n#include "trifuse/trifuse.h"\n#include "structs.h"\n'
        awk '
            /^typedef struct/ { n = 0 }
            /^  [a-z]/ { name = $NF; sub(/\[.*/, "", name); sub(/;.*/, "", name); field[n++] = name }
            /^} rs_/ {
                type = $2; sub(/;/, "", type); c = type; sub(/^rs_/, "", c)
                printf "_Static_assert(sizeof(%s) == sizeof(%s), \"%s: size\");\n", c, type, c
                for (i = 0; i < n; i++)
                    printf "_Static_assert(__builtin_types_compatible_p(__typeof__(((%s *)0)->%s), __typeof__(((%s *)0)->%s)) && offsetof(%s, %s) == offsetof(%s, %s), \"%s.%s\");\n", \
                        c, field[i], type, field[i], c, field[i], type, field[i], c, field[i]
            }' "$work/structs.h"
    } >"$work/fields.c"
    "$compiler" -std=gnu11 -Wall -Werror -fsyntax-only -I$core/include -I"$work" "$work/fields.c"
    asserts=$(grep -c '^_Static_assert' "$work/fields.c")
    if [ "$asserts" -lt 100 ]; then
        echo "check-abi.sh: only $asserts assertions were made; has the output of cbindgen changed?" >&2
        exit 1
    fi
    echo "fields: $asserts assertions hold"
}

prototypes
names
fields
cargo test --quiet --package systest
echo "check-abi.sh: trifuse-sys agrees with trifuse.h"
