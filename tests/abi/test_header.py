# SPDX-License-Identifier: MIT OR Apache-2.0
"""The header: clean in every dialect, the same layout everywhere, and nothing of it unpinned."""

from __future__ import annotations

import re
from pathlib import Path

import header
import pytest
from conftest import INCLUDE, STRICT, compiler, run

HERE = Path(__file__).parent
DIALECTS = [
    ("gcc", "c99"),
    ("gcc", "c11"),
    ("clang", "c99"),
    ("clang", "c11"),
    ("g++", "c++11"),
    ("g++", "c++17"),
    ("clang++", "c++11"),
    ("clang++", "c++17"),
]


@pytest.mark.parametrize(("name", "dialect"), DIALECTS)
@pytest.mark.parametrize("defines", [(), ("-DTRIFUSE_STATIC",)])
def test_the_header_compiles_alone_and_twice(
    tmp_path: Path, name: str, dialect: str, defines: tuple[str, ...]
) -> None:
    source = tmp_path / ("alone.cc" if "++" in dialect else "alone.c")
    source.write_text(
        "#include <trifuse/trifuse.h>\n#include <trifuse/trifuse.h>\nint main(void);\n"
        "int main(void) { return (int)trifuse_version(); }\n"
    )
    run(compiler(name), f"-std={dialect}", *STRICT, *defines, INCLUDE, "-fsyntax-only", source)


@pytest.mark.parametrize(
    "target",
    [
        ("gcc",),
        ("clang",),
        ("gcc", "-m32"),
        ("clang", "-m32"),
        ("clang", "--target=aarch64-none-elf"),
        ("clang", "--target=armv7-none-eabihf"),
        ("clang", "--target=x86_64-pc-windows-msvc"),
    ],
)
@pytest.mark.parametrize("pinned", ["constants", "structs", "functions"])
def test_the_pinned_interface_holds_on_64_and_32_bit(target: tuple[str, ...], pinned: str) -> None:
    run(
        compiler(target[0]),
        *target[1:],
        "-std=c11",
        *STRICT,
        "-ffreestanding",
        "-DTRIFUSE_STATIC",
        INCLUDE,
        "-fsyntax-only",
        HERE / f"pinned_{pinned}.c",
    )


def test_every_constant_is_pinned() -> None:
    pinned = set(re.findall(r"_Static_assert\((TRIFUSE_\w+) ==", (HERE / "pinned_constants.c").read_text()))
    assert pinned == {n for n in header.constants() if not n.startswith("TRIFUSE_VERSION_")}


def test_every_field_is_pinned() -> None:
    text = (HERE / "pinned_structs.c").read_text()
    pinned = set(re.findall(r"^FIELD\((\w+), (\w+),", text, re.MULTILINE))
    assert pinned == {(s, f.name) for s, fields in header.structs().items() for f in fields}
    sized = set(re.findall(r"_Static_assert\(sizeof\((\w+)\) ==", text))
    assert sized == set(header.structs())


def test_every_function_is_pinned() -> None:
    pinned = set(re.findall(r"_Generic\(&(trifuse_\w+),", (HERE / "pinned_functions.c").read_text()))
    assert pinned == {f.name for f in header.functions()}


def test_every_choice_has_a_pinned_text() -> None:
    rows = set(re.findall(r"^ROW\((\w+), (\w+), ", (HERE / "pinned_texts.inc").read_text(), re.MULTILINE))
    assert rows == {(header.family(c), c) for c in header.constants() if header.family(c)}


def test_nothing_of_the_header_escapes_the_reader() -> None:
    text = header.text()
    assert len(header.constants()) == text.count("#define")
    assert len(header.functions()) == text.count("TRIFUSE_API")
    opaque = len(re.findall(r"typedef struct (\w+) \1;", text))
    assert opaque == 8
    assert len(header.structs()) == text.count("typedef struct") - opaque
    for name, fields in header.structs().items():
        body = re.search(rf"struct {name} \{{(.*?)\}}", text, re.DOTALL)
        assert body is not None
        assert len(fields) == body.group(1).count(";"), name


def test_structs_have_no_padding_and_only_fixed_width_fields() -> None:
    width = {"uint32_t": 4, "uint64_t": 8, "double": 8, "char": 1}
    text = (HERE / "pinned_structs.c").read_text()
    for name, fields in header.structs().items():
        assert [f.name for f in fields[:1]] == ["struct_size"], name
        end = 0
        for field in fields:
            assert field.type in width, f"{name}.{field.name} is a {field.type}"
            count = 1
            for n in re.findall(r"\d+", field.dims):
                count *= int(n)
            pin = re.search(rf"FIELD\({name}, {field.name}, [^,]+, (\d+), (\d+)\)", text)
            assert pin is not None
            assert (int(pin[1]), int(pin[2])) == (end, count * width[field.type]), f"{name}.{field.name}"
            end += count * width[field.type]
        assert f"sizeof({name}) == {end}," in text
        assert end % 8 == 0


def test_values_of_a_kind_are_distinct() -> None:
    seen: dict[tuple[str, int], str] = {}
    for name, value in header.constants().items():
        kind = header.family(name)
        if kind:
            key = (kind, int(value.rstrip("UL"), 0))
            assert key not in seen, f"{name} and {seen[key]} are both {value}"
            seen[key] = name
