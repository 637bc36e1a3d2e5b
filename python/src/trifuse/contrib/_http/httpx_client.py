# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guarding a whole client of httpx or httpx2 in place."""

from __future__ import annotations

from typing import Any

from trifuse._errors import ConfigurationError, RequestTimeoutError
from trifuse._remaining import current
from trifuse._time_limit import within
from trifuse.contrib._http.guard import HttpGuard
from trifuse.contrib._http.httpx_like import Shaper, TransportParts


def protect(client: Any, module: Any, sync_kind: Any, async_kind: Any, fields: Any) -> Any:
    """Put guards around the transports of a client, all with the same policies, and give the client."""
    if not isinstance(client, (module.Client, module.AsyncClient)):
        name = module.__name__
        raise ConfigurationError("client", client, f"a Client or AsyncClient of {name}")
    if isinstance(client._transport, TransportParts):
        raise ConfigurationError("client", client, "a client that is not guarded yet")
    guard = HttpGuard(module.__name__, fields)
    asynchronous = isinstance(client, module.AsyncClient)
    kind = async_kind if asynchronous else sync_kind
    client._transport = kind(client._transport, guard=guard)
    for pattern, transport in client._mounts.items():
        if transport is not None:
            client._mounts[pattern] = kind(transport, guard=guard)
    if guard.total is not None:
        limited = _limited_async if asynchronous else _limited
        client.send = limited(client.send, guard, module)
    return client


def guard_of(client: Any) -> HttpGuard:
    """Give the guard of a client that was protected, or whose transport is a guarded one."""
    transport = getattr(client, "_transport", client)
    if not isinstance(transport, TransportParts):
        raise ConfigurationError("client", client, "a client or transport that is guarded")
    return transport.guard


def _limited(send: Any, guard: HttpGuard, module: Any) -> Any:
    """Give ``send`` with one total time for all hops of a request."""

    def limited(request: Any, **settings: Any) -> Any:
        ends, outer = guard.ends(), current.get()
        if ends is not None:
            current.set(ends[0])
        try:
            return send(request, **settings)
        except RequestTimeoutError as error:
            shaped = Shaper(module, request)(error)
            if shaped is error:
                raise
            try:
                raise shaped from error.__cause__
            finally:
                del shaped
        finally:
            current.set(outer)

    return limited


def _limited_async(send: Any, guard: HttpGuard, module: Any) -> Any:
    async def limited(request: Any, **settings: Any) -> Any:
        ends = guard.ends()
        sending = send(request, **settings)
        try:
            return await (sending if ends is None else within(ends, sending))
        except RequestTimeoutError as error:
            shaped = Shaper(module, request)(error)
            if shaped is error:
                raise
            try:
                raise shaped from error.__cause__
            finally:
                del shaped

    return limited
