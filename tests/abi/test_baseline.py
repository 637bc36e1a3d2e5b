# SPDX-License-Identifier: MIT OR Apache-2.0
"""The baseline core/trifuse.abi: the library agrees with it, and an incompatible change would not."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import header
import pytest
from conftest import compiler, run

BASELINE = header.ROOT / "core/trifuse.abi"
DROP_ASSERTS = "-D_Static_assert(...)=struct trifuse_no_assert"


def abidiff(library: Path, headers: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """Compares with the baseline. New functions are compatible; everything else that changed is told."""
    compiler("abidiff")
    run("bash", header.ROOT / "tools/abi_dump.sh", library, headers, directory / "new.abi")
    return run(
        "abidiff", "--no-architecture", "--no-added-syms", BASELINE, directory / "new.abi", check=False
    )


def modified(tmp_path: Path, *changes: tuple[str, str, str]) -> tuple[Path, Path]:
    """Builds a copy of the core after (file, pattern, replacement) changes; the library and its headers."""
    core = tmp_path / "core"
    shutil.copytree(header.ROOT / "core", core)
    for name, pattern, replacement in changes:
        path = core / name
        text, count = re.subn(pattern, replacement, path.read_text())
        assert count > 0, f"{pattern} does not occur in {name}"
        path.write_text(text)
    library = tmp_path / "libtrifuse.so"
    run(
        "gcc",
        "-std=c11",
        "-g",
        "-O2",
        "-fPIC",
        "-shared",
        "-fvisibility=hidden",
        DROP_ASSERTS,
        "-w",
        f"-I{core / 'include'}",
        core / "src/trifuse.c",
        f"-Wl,--version-script={core / 'trifuse.map'}",
        "-Wl,-soname,libtrifuse.so.0",
        "-o",
        library,
    )
    return library, core / "include"


HEADER = "include/trifuse/trifuse.h"


def test_the_library_agrees_with_the_baseline(shared: Path, tmp_path: Path) -> None:
    done = abidiff(shared, header.ROOT / "core/include", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unmodified_copy_agrees_with_the_baseline(tmp_path: Path) -> None:
    done = abidiff(*modified(tmp_path), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


CHANGES: dict[str, list[tuple[str, str, str]]] = {
    "a function is gone": [("trifuse.map", r"    trifuse_breaker_trip;\n", "")],
    "two fields change places": [
        (HEADER, r"(    uint32_t window_kind;.*\n)(    uint32_t window_buckets;.*\n)", r"\2\1")
    ],
    "a field gets wider": [(HEADER, r"uint32_t minimum_calls;", "uint64_t minimum_calls;")],
    "a field changes its type": [(HEADER, r"uint64_t at_ns;", "double at_ns;")],
    "a field is inserted": [
        (HEADER, r"    uint64_t generation;      /\* after", r"    uint64_t added;\n\g<0>")
    ],
    "a result gets another type": [
        (HEADER, r"TRIFUSE_API uint32_t trifuse_version\(", "TRIFUSE_API uint64_t trifuse_version("),
        ("src/version.c", r"uint32_t trifuse_version\(", "uint64_t trifuse_version("),
    ],
    "a parameter goes": [
        (HEADER, r"trifuse_version_text\(void\)", "trifuse_version_text(int which)"),
        ("src/version.c", r"trifuse_version_text\(void\)", "trifuse_version_text(int which)"),
    ],
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_incompatible_change_is_caught(tmp_path: Path, change: str) -> None:
    done = abidiff(*modified(tmp_path, *CHANGES[change]), tmp_path)
    assert done.returncode not in (0, 1, 2), f"not caught ({done.returncode}): {done.stdout}{done.stderr}"


def test_a_new_function_is_compatible(tmp_path: Path) -> None:
    done = abidiff(
        *modified(
            tmp_path,
            (
                "src/version.c",
                r"\Z",
                "\nTRIFUSE_API int trifuse_added(void);\nint trifuse_added(void) { return 1; }\n",
            ),
            ("trifuse.map", r"  local:", "    trifuse_added;\n  local:"),
        ),
        tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
