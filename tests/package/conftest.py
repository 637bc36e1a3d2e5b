# SPDX-License-Identifier: MIT OR Apache-2.0
"""Installs the C library into temporary prefixes, and knows where the wheel is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
EXAMPLE = ROOT / "core/examples/breaker.c"
EXPECTED = (ROOT / "core/examples/breaker.expected").read_text()


def run(*command: object, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command; unless `check` is False a failure shows its output."""
    done = subprocess.run(
        [str(c) for c in command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C", **environment},
    )
    if check and done.returncode:
        pytest.fail(
            f"{' '.join(map(str, command))}\nended with {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done


def install(directory: Path, *options: str) -> Path:
    """Configures, builds and installs the library; the prefix."""
    prefix = directory / "prefix"
    run(
        "cmake",
        "-S",
        ROOT,
        "-B",
        directory / "build",
        "-G",
        "Ninja",
        "-DBUILD_TESTING=OFF",
        f"-DCMAKE_INSTALL_PREFIX={directory / 'as-built'}",
        *options,
    )
    run("cmake", "--build", directory / "build")
    run("cmake", "--install", directory / "build")
    return (directory / "as-built").rename(prefix)  # moved: nothing in it may know where it was built


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared and static library, moved after installation."""
    return install(tmp_path_factory.mktemp("both"), "-DCMAKE_INSTALL_LIBDIR=lib")


@pytest.fixture(scope="session")
def static_prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static library alone."""
    return install(tmp_path_factory.mktemp("static"), "-DTRIFUSE_SHARED=OFF", "-DCMAKE_INSTALL_LIBDIR=lib")


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel of build/dist."""
    found = list((BUILD / "dist").glob("trifuse-*.whl"))
    assert len(found) == 1, f"build/dist holds {found}; tools/wheel.sh builds one wheel"
    return found[0]


@pytest.fixture(scope="session")
def sdist() -> Path:
    """The source distribution of build/dist."""
    found = list((BUILD / "dist").glob("trifuse-*.tar.gz"))
    assert len(found) == 1, f"build/dist holds {found}; tools/wheel.sh builds one sdist"
    return found[0]
