# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards of aiohttp clients: policies for each host, as a middleware or for a whole session.

::

    from trifuse.contrib.aiohttp import protect

    session = protect(aiohttp.ClientSession(), bulkhead=20, total_timeout=10)
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from trifuse._errors import ConfigurationError, RefusedError, RequestTimeoutError, TrifuseError
from trifuse._time_limit import within
from trifuse.contrib._http.aiohttp_body import WatchedBody
from trifuse.contrib._http.also import also
from trifuse.contrib._http.attempts import run_async
from trifuse.contrib._http.guard import HttpGuard
from trifuse.contrib._http.origins import may_repeat, origin
from trifuse.contrib._http.settings import HttpFields
from trifuse.contrib._need import need

if TYPE_CHECKING:
    import aiohttp
else:
    aiohttp = need("aiohttp", "aiohttp")
S = TypeVar("S")
_NO_BODY = frozenset({101, 204, 205, 304})

__all__ = ["GuardMiddleware", "HttpGuard", "guard_of", "protect"]


class _Wire:
    """What the loop of attempts asks of aiohttp's responses."""

    @staticmethod
    def status(response: Any) -> int:
        status: int = response.status
        return status

    @staticmethod
    def empty(response: Any) -> bool:
        empty: bool = response.method == "HEAD" or response.status in _NO_BODY
        return empty or response.headers.get("content-length") == "0"


_WIRE = _Wire()


class GuardMiddleware:
    """A client middleware whose requests go through the policies of their host.

    ``ClientSession(middlewares=[GuardMiddleware(bulkhead=20)])``; the last of several, so that each
    request of those before it asks. A call that names middlewares of its own leaves those of the
    session out; :func:`protect` keeps the guard. Refusals are RefusedError and
    ``aiohttp.ClientError`` both, timeouts of the guard RequestTimeoutError and ``ClientError``.

    Args:
        fields: as those of :func:`protect`.

    Raises:
        ConfigurationError: for a bad setting.
    """

    def __init__(self, *, guard: HttpGuard | None = None, **fields: Unpack[HttpFields]) -> None:
        """Take the settings."""
        if guard is not None and fields:
            raise ConfigurationError("guard", guard, f"nothing beside {', '.join(fields)}")
        self.guard = HttpGuard("aiohttp", fields) if guard is None else guard
        if self.guard.refusals != "raise":
            raise ConfigurationError(
                "refusals", self.guard.refusals, "raise: aiohttp has no answers of our own"
            )

    async def __call__(self, request: Any, handler: Any) -> Any:
        """Send a request through the policies of its host."""
        try:
            return await self._send(request, handler)
        except TrifuseError as error:
            shaped = _shaped(error)
            if shaped is error:
                raise
        try:
            raise shaped
        finally:
            del shaped  # or it would hold itself, through its traceback

    async def _send(self, request: Any, handler: Any) -> Any:
        url, ends = request.url, self.guard.ends()
        key = self.guard.key_of(request, origin(url.scheme, url.raw_host or "", url.port))
        sending = run_async(
            self.guard, _WIRE, key, lambda _end: handler(request), _release,
            again=_replayable(request) and may_repeat(request.method, request.headers),
        )  # fmt: skip
        exchange = await (sending if ends is None else within(ends, sending))
        response, end = exchange.response, None if ends is None else ends[0]
        WatchedBody(response, exchange.permit, end, _shaped, asyncio.get_running_loop())
        return response

    def describe(self) -> dict[str, Any]:
        """Give the settings in force and the hosts known as plain data."""
        return self.guard.describe()

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Give what the policies of each host have counted."""
        return self.guard.snapshot()


def protect(session: S, /, **fields: Unpack[HttpFields]) -> S:
    """Guard a ``ClientSession`` in place, and give it back.

    A circuit breaker for each scheme, host and port (``aiohttp[https://api.example.com:443]``, in the
    registry), and where wanted a rate limit and a limit of requests in flight for each. Redirects ask
    the policies of where they lead. WebSockets are guarded until they are open.

    Args:
        session: a session that is not guarded yet.
        fields: as those of :func:`trifuse.contrib.httpx.protect`, without ``refusals``.

    Raises:
        ConfigurationError: for a bad setting, and for what is no session.
    """
    if not isinstance(session, aiohttp.ClientSession):
        raise ConfigurationError("session", session, "a ClientSession of aiohttp")
    plain: Any = session
    if _found(plain) is not None:
        raise ConfigurationError("session", session, "a session that is not guarded yet")
    guarding = GuardMiddleware(**fields)
    plain._middlewares = (*(plain._middlewares or ()), guarding)
    vars(plain)["_request"] = _with(plain._request, guarding)
    return session


def guard_of(session: Any) -> HttpGuard:
    """Give the guard of a session that was protected, or has a GuardMiddleware."""
    found = session if isinstance(session, GuardMiddleware) else _found(session)
    if found is None:
        raise ConfigurationError("session", session, "a session that is guarded")
    return found.guard


def _found(session: Any) -> GuardMiddleware | None:
    middlewares = getattr(session, "_middlewares", None) or ()
    return next((one for one in middlewares if isinstance(one, GuardMiddleware)), None)


def _with(request: Any, guarding: GuardMiddleware) -> Any:
    """Give ``_request`` with the guard among the middlewares of a call, and one total time for all hops."""

    async def guarded(method: str, url: Any, *, middlewares: Any = None, **settings: Any) -> Any:
        if middlewares is not None:
            settings["middlewares"] = (*middlewares, guarding)
        ends, sending = guarding.guard.ends(), request(method, url, **settings)
        if ends is None:
            return await sending
        try:
            return await within(ends, sending)
        except RequestTimeoutError as error:
            shaped = _shaped(error)
            if shaped is error:
                raise
            try:
                raise shaped from error.__cause__
            finally:
                del shaped

    return guarded


async def _release(response: Any) -> None:
    response.release()


def _replayable(request: Any) -> bool:
    """Tell whether a body is in memory, or there is none."""
    body = request.body
    return not body or isinstance(body, (bytes, aiohttp.payload.BytesPayload))


def _shaped(error: Any) -> Any:
    """Give an error of ours the type that those who use aiohttp expect."""
    if isinstance(error, (RefusedError, RequestTimeoutError)):
        return also(error, aiohttp.ClientError)
    return error
