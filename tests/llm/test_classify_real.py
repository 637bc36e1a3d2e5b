# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tests of tests/clients whose libraries are here anyway, each in a process of its own."""

import os
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import trifuse

ROOT = pathlib.Path(__file__).parents[2]
HERE = ("openai", "anthropic", "http", "grpc", "chromadb", "qdrant", "lancedb", "psycopg", "redis", "valkey")


@pytest.fixture(scope="module")
def running(request):
    """Begin with all that are asked for, three at a time: they wait for time limits more than they work."""
    wanted = {
        item.callspec.params["library"] for item in request.session.items if item.module is request.module
    }
    with ThreadPoolExecutor(3) as pool:
        yield {library: pool.submit(run, library) for library in HERE if library in wanted}


def run(library):
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default",
        f"tests/clients/test_{library}.py",
    ]  # fmt: skip
    source = str(pathlib.Path(trifuse.__file__).parents[1])
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("library", HERE)
def test_the_errors_of_a_real_client_are_of_the_right_kind(library, running):
    done = running[library].result()
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout
