# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the library once, as a release is built but with debug information."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import header
import pytest

STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
INCLUDE = f"-I{header.ROOT / 'core/include'}"
SOURCE = header.ROOT / "core/src/trifuse.c"


def run(*command: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a command; unless `check` is False a failure shows its output."""
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, check=False, env=environment
    )
    if check and done.returncode:
        pytest.fail(
            f"{' '.join(map(str, command))}\nended with {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done


def compiler(name: str) -> str:
    """The compiler's path; a missing one is a failure, never a skip."""
    return shutil.which(name) or pytest.fail(f"{name} is missing: install the Debian package {name}")


@pytest.fixture(scope="session")
def build() -> Path:
    """A build tree with libtrifuse.so and libtrifuse.a."""
    tree = Path(os.environ.get("BUILD", header.ROOT / "build")) / "abi"
    run(
        "cmake",
        "-S",
        header.ROOT,
        "-B",
        tree,
        "-G",
        "Ninja",
        "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
        "-DCMAKE_C_COMPILER=gcc",
        "-DBUILD_TESTING=OFF",
        "-DTRIFUSE_WERROR=ON",
    )
    run("cmake", "--build", tree)
    return tree


@pytest.fixture(scope="session")
def shared(build: Path) -> Path:
    """The shared library."""
    return (build / "libtrifuse.so").resolve()
