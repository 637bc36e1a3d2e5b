# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards of httpx2 clients: policies for each host, in the transport or for a whole client.

::

    from trifuse.contrib.httpx2 import protect

    client = protect(httpx2.Client(), bulkhead=20, total_timeout=10)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, Unpack

from trifuse.contrib._http import bodies, httpx_client, httpx_hooks, httpx_like
from trifuse.contrib._http.guard import HttpGuard
from trifuse.contrib._http.httpx_client import guard_of
from trifuse.contrib._http.settings import HttpFields
from trifuse.contrib._need import need

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = need("httpx2", "httpx2")
C = TypeVar("C")

__all__ = [
    "AsyncGuardedTransport",
    "GuardedTransport",
    "HttpGuard",
    "async_event_hooks",
    "event_hooks",
    "guard_of",
    "protect",
]


class _SyncBody(bodies.SyncBody, httpx2.SyncByteStream):
    """A guarded body as httpx2 wants it."""


class _AsyncBody(bodies.AsyncBody, httpx2.AsyncByteStream):
    """A guarded body as httpx2 wants it."""


class GuardedTransport(httpx_like.SyncTransportParts, httpx2.BaseTransport):
    """A transport whose requests go through the policies of their host."""

    _module: ClassVar[Any] = httpx2
    _body: ClassVar[Any] = _SyncBody

    def __init__(
        self, transport: Any = None, /, *, guard: HttpGuard | None = None, **fields: Unpack[HttpFields]
    ) -> None:
        """Take the transport that sends, by default a new ``HTTPTransport``, and the settings."""
        self._set_up(httpx2.HTTPTransport() if transport is None else transport, guard, fields)


class AsyncGuardedTransport(httpx_like.AsyncTransportParts, httpx2.AsyncBaseTransport):
    """As GuardedTransport, for ``AsyncClient``; asyncio and trio."""

    _module: ClassVar[Any] = httpx2
    _body: ClassVar[Any] = _AsyncBody

    def __init__(
        self, transport: Any = None, /, *, guard: HttpGuard | None = None, **fields: Unpack[HttpFields]
    ) -> None:
        """Take the transport that sends, by default a new ``AsyncHTTPTransport``, and the settings."""
        self._set_up(httpx2.AsyncHTTPTransport() if transport is None else transport, guard, fields)


def event_hooks(**fields: Unpack[HttpFields]) -> httpx_hooks.EventHooks:
    """Give the guards as hooks: ``Client(event_hooks=event_hooks(bulkhead=20))``.

    For a client whose transport cannot be wrapped. They count and refuse as a GuardedTransport does,
    with the same errors, but cannot make a request again, and enforce no time limit: an answer that
    took longer than ``request_timeout`` is a timeout afterwards. Errors of the connection are seen
    where the transport is httpx's own; with another they count as ignored. ``.guard`` is the guard.

    Raises:
        ConfigurationError: for a bad setting, ``retry``, ``total_timeout`` and ``refusals``.
    """
    return httpx_hooks.make(httpx2, _SyncBody, fields, asynchronous=False)


def async_event_hooks(**fields: Unpack[HttpFields]) -> httpx_hooks.EventHooks:
    """As event_hooks, for ``AsyncClient``."""
    return httpx_hooks.make(httpx2, _AsyncBody, fields, asynchronous=True)


def protect(client: C, /, **fields: Unpack[HttpFields]) -> C:
    """Guard a ``Client`` or ``AsyncClient`` in place, and give it back.

    All its transports, proxies too, get the same policies: a circuit breaker for each scheme, host
    and port (``name[https://api.example.com:443]``, in the registry), and where wanted a rate limit
    and a limit of requests in flight for each. Redirects ask the policies of where they lead.

    Args:
        client: a client that is not guarded yet.
        fields: the settings of the breakers (:class:`trifuse.CircuitBreaker`), and

            ``name`` (the module's), ``preset``, ``registry``. ``retry`` (2 retries): a number,
            settings of a :class:`trifuse.Retry`, a Retry, or False; only requests that mean the same
            when sent twice (GET, HEAD, PUT, DELETE, OPTIONS, TRACE, or with an Idempotency-Key)
            whose body is in memory are sent again, after connection errors, timeouts and statuses
            such as 429 and 503, and at the time that a Retry-After says. ``rate_limit``:
            ``per(500, minutes=1)``, or settings of a RateLimit. ``bulkhead``: a number, or settings.
            ``adaptive_limit``: ``"gradient2"``, or settings. ``total_timeout`` (None): seconds for
            all of a request, its retries, redirects and body. ``request_timeout`` is the time to the
            head of an answer, of one attempt. ``max_hosts`` (1024): how many hosts have policies of
            their own. ``key``: a function of the request that says whose policies it uses.
            ``failure_if``: a function of the response that says whether it is a failure, in place
            of its status. ``refusals``: ``"raise"``, or ``"respond"`` with a 503.

    Raises:
        ConfigurationError: for a bad setting, and for what is no client.
    """
    guarded: C = httpx_client.protect(client, httpx2, GuardedTransport, AsyncGuardedTransport, fields)
    return guarded
