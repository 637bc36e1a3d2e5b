# SPDX-License-Identifier: MIT OR Apache-2.0
"""The servers of a run, and the lanes of its scenario."""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack
from typing import Self

from openai import AsyncOpenAI

from trifuse._demo._lanes import Lane, guarded, make_client, unguarded
from trifuse._demo._lanes_busy import budgeted, limited, naive
from trifuse._demo._scenario import Script
from trifuse._demo._server import Arrival, BreakableServer

KEYS = ("without", "bare", "with")
_BROWNOUT_THRESHOLD = 0.3


class Servers:
    """One server for all kinds of users, or one for each where the workers are counted."""

    def __init__(self, script: Script) -> None:
        """Take the ports."""
        self.arrivals: list[Arrival] = []
        count = len(KEYS) if script.workers else 1
        self._servers = [BreakableServer(script.workers, self.arrivals) for _ in range(count)]
        self._stack = ExitStack()

    def url(self, key: str) -> str:
        """Give what a client of this key takes as its ``base_url``."""
        return self._servers[KEYS.index(key) % len(self._servers)].url

    def become(self, condition: str) -> None:
        """Set the condition of all."""
        for server in self._servers:
            server.condition = condition

    def requests(self, key: str) -> int:
        """Count the requests that came with a key."""
        return sum(a.key == key for a in self.arrivals)

    def __enter__(self) -> Self:
        """Begin to serve."""
        for server in self._servers:
            self._stack.enter_context(server)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving and free the ports."""
        self._stack.close()


def make_lanes(servers: Servers, script: Script, stack: AsyncExitStack) -> tuple[Lane, Lane, Lane]:
    """Make the lanes of a scenario; the clients are closed with ``stack``."""

    def client(key: str) -> AsyncOpenAI:
        return make_client(servers.url(key), key, script.timeout, stack)

    first, second, third = script.kinds
    ours = client("with").with_options(max_retries=0)
    bare = unguarded("bare", second, client("bare").with_options(max_retries=0))
    usual = unguarded("without", first, client("without"))
    if script.name == "retry-storm":
        storm = naive("without", first, client("without").with_options(max_retries=0))
        return storm, bare, budgeted("with", third, ours, script.timeout)
    if script.name == "overload":
        return usual, bare, limited("with", third, ours, script.timeout)
    threshold = _BROWNOUT_THRESHOLD if script.name == "brownout" else 0.5
    return usual, bare, guarded("with", third, ours, script.timeout, threshold)
