# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the tests of guarded streams share: fake clients of both kinds under virtual time."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stream_fakes import AsyncFake, Client, SyncFake, read_async, read_sync


@pytest.fixture(params=[AsyncFake, SyncFake], ids=["async", "sync"])
def kind(request, clock):
    SyncFake.clock = clock
    return request.param


@pytest.fixture
def read(kind, run):
    """Open a stream of scripts under a policy and read it to its end."""

    def reading(policy, *scripts, opening=0, **settings):
        client = Client(kind, *scripts, opening=opening)
        if kind is AsyncFake:
            result = run(read_async(policy, client, **settings))
        else:
            result = read_sync(policy, client, **settings)
        result.client = client
        return result

    return reading


@pytest.fixture
def counts():
    """Give how often a breaker has counted a success, a failure, a timeout (a failure too), nothing."""

    def counted(breaker):
        seen = breaker.snapshot()
        return seen.successes, seen.failures, seen.timeouts, seen.ignored

    return counted
