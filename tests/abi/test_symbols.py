# SPDX-License-Identifier: MIT OR Apache-2.0
"""The symbols: exported is what the header declares, imported is what the house allows."""

from __future__ import annotations

import re
from pathlib import Path

import header
import pytest
from conftest import INCLUDE, SOURCE, STRICT, compiler, run

# What the core may ask of the system: the clock, the heap, and what compilers call by themselves.
ALLOWED = {
    "clock_gettime",
    "malloc",
    "calloc",
    "free",
    "aligned_alloc",
    "posix_memalign",
    "memcpy",
    "memset",
    "memmove",
    "memcmp",
    "strcmp",
    "strlen",
    "strncmp",
}
# What a linker, a C run-time or a hardened compiler adds.
TOOLCHAIN = {"_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail", "__memcpy_chk", "__memset_chk"}
WEAK = {"_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__cxa_finalize", "__gmon_start__"}


def declared() -> set[str]:
    return {f.name for f in header.functions()}


def map_nodes() -> dict[str, set[str]]:
    text = re.sub(r"#.*", "", (header.ROOT / "core/trifuse.map").read_text())
    return {
        node: set(re.findall(r"\b(trifuse_\w+);", body))
        for node, body in re.findall(r"(TRIFUSE_[\d.]+) \{(.*?)\}", text, re.DOTALL)
    }


def test_the_shared_library_exports_the_header_and_nothing_else(shared: Path) -> None:
    lines = run("nm", "-D", "--defined-only", "--with-symbol-versions", shared).stdout.splitlines()
    exported = {line.split()[-1] for line in lines if " A " not in line}
    assert exported == {f"{f}@@{node}" for node, names in map_nodes().items() for f in names}
    assert {e.partition("@")[0] for e in exported} == declared()


def test_the_version_script_lists_each_function_once() -> None:
    names = [n for names in map_nodes().values() for n in names]
    assert sorted(names) == sorted(declared())


def test_the_soname_carries_the_major_version(shared: Path) -> None:
    major = header.constants()["TRIFUSE_VERSION_MAJOR"]
    assert f"[libtrifuse.so.{major}]" in run("readelf", "-d", shared).stdout


def test_the_static_library_defines_the_header_and_nothing_else(build: Path) -> None:
    lines = run("nm", "-g", "--defined-only", build / "libtrifuse.a").stdout.splitlines()
    assert {line.split()[2] for line in lines if len(line.split()) == 3} == declared()


@pytest.mark.parametrize("name", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2", "-O3"])
def test_one_bare_command_compiles_it_and_it_imports_no_more_than_it_may(
    tmp_path: Path, name: str, level: str
) -> None:
    built = tmp_path / "trifuse.o"
    run(compiler(name), "-std=c11", *STRICT, level, INCLUDE, "-c", SOURCE, "-o", built)
    imported = {line.split()[-1] for line in run("nm", "-u", built).stdout.splitlines()}
    assert imported - ALLOWED - TOOLCHAIN == set()
    assert "clock_gettime" in imported


def test_the_shared_library_needs_only_the_c_library(shared: Path) -> None:
    needed = re.findall(r"\(NEEDED\).*\[(.+?)\]", run("readelf", "-d", shared).stdout)
    assert set(needed) <= {"libc.so.6"}
    lines = run("nm", "-D", "-u", shared).stdout.splitlines()
    imported = {line.split()[-1].partition("@")[0] for line in lines}
    assert imported - ALLOWED - TOOLCHAIN - WEAK == set()


@pytest.mark.parametrize("dialect", ["c11", "c17", "gnu11", "gnu17"])
def test_it_compiles_in_newer_dialects_and_as_position_independent_code(tmp_path: Path, dialect: str) -> None:
    run(
        compiler("gcc"),
        f"-std={dialect}",
        *STRICT,
        "-O2",
        "-fPIC",
        INCLUDE,
        "-c",
        SOURCE,
        "-o",
        tmp_path / "o",
    )


def test_the_library_keeps_no_writable_data(build: Path) -> None:
    """No globals, so nothing is shared between users or lost in a fork; tables are relocated read-only."""
    sizes = dict(
        re.findall(r"^(\.\S+) +(\d+)", run("size", "-A", build / "libtrifuse.a").stdout, re.MULTILINE)
    )
    assert ".text" in sizes
    writable = {
        name: size
        for name, size in sizes.items()
        if re.match(r"\.(data|bss|tdata|tbss)", name) and not name.startswith(".data.rel.ro")
    }
    assert {name: size for name, size in writable.items() if int(size)} == {}


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("gcc", ("-m32", "-march=i386")),
        ("gcc", ("-m32", "-march=i486")),
        ("clang", ("--target=armv5te-none-eabi",)),
        ("clang", ("--target=riscv32-unknown-elf", "-march=rv32ima")),
    ],
)
def test_a_target_without_lock_free_64_bit_atomics_is_refused_in_words(
    tmp_path: Path, name: str, flags: tuple[str, ...]
) -> None:
    (tmp_path / "gnu").mkdir()
    for stub in ("stubs-32.h", "stubs-soft.h"):  # of the other width, which this system may not have
        (tmp_path / "gnu" / stub).touch()
    source = tmp_path / "target.c"
    source.write_text('#include "atomic.h"\n')
    done = run(
        compiler(name),
        *flags,
        "-std=c11",
        "-ffreestanding",
        "-fsyntax-only",
        f"-I{tmp_path}",
        INCLUDE,
        f"-I{SOURCE.parent}",
        source,
        check=False,
    )
    assert done.returncode != 0
    assert "trifuse needs lock-free 64-bit atomics" in done.stderr
