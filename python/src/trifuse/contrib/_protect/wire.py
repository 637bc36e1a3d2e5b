# SPDX-License-Identifier: MIT OR Apache-2.0
"""The HTTP client under a synchronous client: its timeouts, and whether a request can be ended from outside."""

from __future__ import annotations

from typing import Any

_LEAST = 0.001
_OF_THE_POOL = 0.95


def bound(extensions: dict[str, Any], seconds: float, names: tuple[str, ...]) -> dict[str, Any]:
    """Give the extensions of a request whose timeouts of these names are at most ``seconds``.

    That of the pool is a little less: a call that waited for a place in the client's own pool until
    it was too late is to say so, since that tells nothing about the service.
    """
    times = dict(extensions.get("timeout") or {})
    for name in names:
        most = max(seconds * (_OF_THE_POOL if name == "pool" else 1), _LEAST)
        times[name] = most if times.get(name) is None else min(times[name], most)
    return {**extensions, "timeout": times}


def why_not_closable(http_client: Any) -> str | None:
    """Tell why requests of a synchronous HTTP client cannot be ended from outside; None if they can."""
    mounted = dict(getattr(http_client, "_mounts", None) or {}).values()
    for transport in (getattr(http_client, "_transport", None), *mounted):
        if transport is None:
            continue
        if not any(kind.__name__ == "HTTPTransport" for kind in type(transport).__mro__):
            return f"its transport is a {type(transport).__qualname__}"
        pool = getattr(transport, "_pool", None)
        if not hasattr(pool, "_requests"):
            return "this version of its HTTP library hides its connections"
        if getattr(pool, "_http2", False):
            return "with HTTP/2 one connection carries the requests of others"
    return None
