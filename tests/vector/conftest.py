# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the tests with vector databases share: real servers, and names of their own for breakers."""

from __future__ import annotations

import gc
import importlib.util
import itertools
import os
import pathlib
import sys
import time
import warnings

import pytest

os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
sys.path.insert(0, str(pathlib.Path(__file__).parent))
pytest.register_assert_rewrite("servers", "embedded", "chroma_fixtures", "pg_fixtures")
from chroma_fixtures import bare, client, embedder, slow, texts  # noqa: E402, F401 - fixtures
from pg_fixtures import make_connection, postgres, postgres_started  # noqa: E402, F401 - fixtures

_numbers = itertools.count()
# They run in an environment of their own, with the requirements that lie beside them.
collect_ignore_glob = [] if importlib.util.find_spec("pymilvus") else ["milvus/*"]


@pytest.fixture(autouse=True, scope="module")
def collected():
    """Let what chromadb leaves to the garbage collector not warn in the tests of another module."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture
def name():
    """A name that no other breaker has."""
    return f"store-{next(_numbers)}"


@pytest.fixture
def quick(name):
    """Settings of a breaker that opens at the second failure in a row, for 0.2 s."""
    return {
        "name": name, "consecutive_failures": 2, "failure_rate_threshold": 1.0, "open_duration": 0.2,
        "request_timeout": 0.5,
    }  # fmt: skip


@pytest.fixture
def until():
    """Wait until a condition holds; fail after 5 s."""

    def wait(condition):
        end = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.005)

    return wait
