# SPDX-License-Identifier: MIT OR Apache-2.0
"""The wheel and the source distribution, as users get them."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from conftest import ROOT, run

PROGRAM = """
import trifuse
breaker = trifuse.CircuitBreaker("installed")
assert breaker.call(lambda: 42) == 42
print(trifuse.__version__, breaker.get_state()["state"])
"""


def test_the_wheel_is_one_for_every_cpython_from_3_11_on(wheel: Path) -> None:
    assert re.fullmatch(r"trifuse-0\.1\.0-cp311-abi3-manylinux[\w.]+\.whl", wheel.name)


def test_the_wheel_holds_the_package_and_its_types_and_nothing_else(wheel: Path) -> None:
    names = [n for n in zipfile.ZipFile(wheel).namelist() if not n.endswith("/")]
    assert {"trifuse/__init__.py", "trifuse/py.typed", "trifuse/_core.abi3.so"} <= set(names)
    strange = [
        n
        for n in names
        if not re.match(r"trifuse/[\w/]+\.(py|pyi|typed|so|abi3\.so)$", n)
        and not re.match(r"trifuse-[\d.]+\.dist-info/", n)
        and n != "trifuse/py.typed"
    ]
    assert strange == []
    for licence in ("LICENSE", "LICENSE-MIT", "LICENSE-APACHE"):
        assert any(n.endswith(f"/{licence}") for n in names), licence


def test_the_wheel_needs_cffi_and_nothing_else(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
    metadata = HeaderParser().parsestr(archive.read(name).decode())
    needed = [r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r]
    assert {re.split(r"[^\w-]", r)[0] for r in needed} == {"cffi"}
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT OR Apache-2.0"


def test_the_extension_exports_its_entry_point_only(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extract("trifuse/_core.abi3.so", tmp_path)
    lines = run("nm", "-D", "--defined-only", tmp_path / "trifuse/_core.abi3.so").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["PyInit__core"]


def test_the_sdist_holds_what_the_build_needs_and_no_build_products(sdist: Path) -> None:
    names = [n.partition("/")[2] for n in tarfile.open(sdist).getnames()]
    assert {
        "CMakeLists.txt",
        "pyproject.toml",
        "core/src/trifuse.c",
        "core/include/trifuse/trifuse.h",
        "python/_core.c",
        "python/src/trifuse/__init__.py",
        "README.md",
        "LICENSE-MIT",
    } <= set(names)
    wanted = {str(p.relative_to(ROOT)) for p in (ROOT / "core").rglob("*.[ch]")}
    assert wanted <= set(names)
    assert [
        n for n in names if n.startswith(("build/", ".git/", "bindings/")) or n.endswith((".o", ".so"))
    ] == []


def pythons() -> list[str]:
    found = [p for v in ("3.11", "3.12", "3.13", "3.14") if (p := shutil.which(f"python{v}"))]
    if pyenv := shutil.which("pyenv"):
        root = Path(run(pyenv, "root").stdout.strip(), "versions")
        found += [
            str(p) for v in ("3.11", "3.12", "3.13", "3.14") for p in sorted(root.glob(f"{v}*/bin/python{v}"))
        ]
    works = [p for p in found if run(p, "-c", "import venv, ensurepip", check=False).returncode == 0]
    newest: dict[str, str] = {}
    for path in works:
        newest[run(path, "-c", "import sys; print(sys.version_info[:2])").stdout] = path
    return list(newest.values()) or [sys.executable]


@pytest.mark.parametrize("python", pythons(), ids=lambda p: Path(p).name)
def test_the_wheel_works_in_a_clean_environment_of_each_python_here(
    wheel: Path, tmp_path: Path, python: str
) -> None:
    run(python, "-m", "venv", tmp_path / "venv")
    own = tmp_path / "venv/bin/python"
    run(own, "-m", "pip", "install", "-q", wheel)
    done = run(own, "-W", "error", "-c", PROGRAM, PYTHONPATH="", PATH=os.defpath)
    assert done.stdout == "0.1.0 closed\n"


def test_the_sdist_builds_and_installs_in_a_clean_environment(sdist: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    own = tmp_path / "venv/bin/python"
    run(own, "-m", "pip", "install", "-q", sdist)
    assert run(own, "-c", PROGRAM, PYTHONPATH="").stdout == "0.1.0 closed\n"
