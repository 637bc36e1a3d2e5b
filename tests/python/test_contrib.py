# SPDX-License-Identifier: MIT OR Apache-2.0
"""Integrations without their library: what is to be installed is said, and exists."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest
import trifuse

PACKAGE = Path(trifuse.__file__).parent
LIBRARIES = {
    "aiohttp": "aiohttp", "anthropic": "anthropic", "celery": "celery", "chromadb": "chromadb", "django": "django",
    "fastapi": "fastapi", "flask": "flask", "grpc": "grpc", "httpx": "httpx", "httpx2": "httpx2", "lancedb": "lancedb",
    "milvus": "pymilvus", "openai": "openai", "pgvector": "psycopg", "qdrant": "qdrant_client", "requests": "requests",
}  # fmt: skip
NONE = {"asgi", "wsgi"}


def calls_of_need():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", None) == "need"
                and len(node.args) == 2
            ):
                extra = node.args[1]
                if isinstance(extra, ast.Constant):
                    yield path.name, extra.value


def test_every_integration_is_known_to_this_test():
    modules = {path.stem for path in (PACKAGE / "contrib").glob("[!_]*.py")}
    assert modules == LIBRARIES.keys() | NONE


@pytest.mark.parametrize("module", LIBRARIES)
def test_an_integration_without_its_library_says_what_to_install_or_imports_nothing(module):
    code = (
        f"import sys; sys.modules[{LIBRARIES[module]!r}] = None\n"
        "try:\n"
        f"    import trifuse.contrib.{module}\n"
        "except ImportError as error:\n"
        "    print(error)\n"
        "else:\n"
        "    print('imported')\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "imported\n" or f"pip install 'trifuse[{module}]'" in told


def test_every_extra_that_is_named_exists():
    extras = set(metadata("trifuse").get_all("Provides-Extra"))
    named = {extra for _, extra in calls_of_need()}
    assert named
    assert named <= extras
    assert LIBRARIES.keys() <= extras


def test_importing_the_package_imports_no_integration():
    code = "import sys, trifuse; print([name for name in sys.modules if name.startswith('trifuse.contrib')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "[]\n"
