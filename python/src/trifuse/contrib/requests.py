# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards of requests: policies for each host, as an adapter or for a whole session.

::

    from trifuse.contrib.requests import protect

    session = protect(requests.Session(), bulkhead=20, total_timeout=10)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, Unpack
from urllib.parse import urlsplit

from trifuse._errors import ConfigurationError, RefusedError, RequestTimeoutError, TrifuseError
from trifuse._remaining import current, now_ns
from trifuse.contrib._http.also import also
from trifuse.contrib._http.attempts import run
from trifuse.contrib._http.guard import HttpGuard
from trifuse.contrib._http.origins import may_repeat, origin
from trifuse.contrib._http.requests_raw import GuardedRaw
from trifuse.contrib._http.settings import HttpFields
from trifuse.contrib._need import need

if TYPE_CHECKING:
    import requests
    import urllib3
else:
    requests = need("requests", "requests")
    urllib3 = need("urllib3", "requests")
S = TypeVar("S")
_NO_BODY = frozenset({204, 205, 304})

__all__ = ["GuardedAdapter", "HttpGuard", "guard_of", "protect"]


class _Wire:
    """What the loop of attempts asks of requests' responses."""

    @staticmethod
    def status(response: Any) -> int:
        status: int = response.status_code
        return status

    @staticmethod
    def empty(response: Any) -> bool:
        if response.request.method == "HEAD" or response.status_code in _NO_BODY:
            return True
        empty: bool = response.headers.get("content-length") == "0"
        return empty


_WIRE = _Wire()


class GuardedAdapter(requests.adapters.BaseAdapter):
    """An adapter whose requests go through the policies of their host.

    ``session.mount("https://", GuardedAdapter(HTTPAdapter(), bulkhead=20))``. The retries of urllib3
    are switched off in the adapter that sends, those of the guard take their place. Refusals are
    RefusedError and ``requests.RequestException`` both, timeouts of the guard RequestTimeoutError
    and ``requests.Timeout``.

    Raises:
        ConfigurationError: for a bad setting.
    """

    def __init__(
        self, adapter: Any = None, /, *, guard: HttpGuard | None = None, **fields: Unpack[HttpFields]
    ) -> None:
        """Take the adapter that sends, by default a new ``HTTPAdapter``, and the settings of :func:`protect`."""
        super().__init__()
        if guard is not None and fields:
            raise ConfigurationError("guard", guard, f"nothing beside {', '.join(fields)}")
        self.adapter = requests.adapters.HTTPAdapter() if adapter is None else adapter
        if hasattr(self.adapter, "max_retries"):
            self.adapter.max_retries = urllib3.Retry(0, read=False)
        self.guard = HttpGuard("requests", fields) if guard is None else guard

    def __getattr__(self, name: str) -> Any:
        """Give what the adapter that sends has."""
        if name == "adapter":
            raise AttributeError(name)
        return getattr(self.adapter, name)

    def send(
        self, request: Any, stream: bool = False, timeout: Any = None, verify: Any = True,  # noqa: FBT001, FBT002
        cert: Any = None, proxies: Any = None,
    ) -> Any:  # fmt: skip
        """Send a request through the policies of its host."""

        def attempt(end_ns: int) -> Any:
            return self.adapter.send(
                request, stream=stream, timeout=_clamped(timeout, end_ns), verify=verify, cert=cert,
                proxies=proxies,
            )  # fmt: skip

        try:
            return self._send(request, attempt)
        except TrifuseError as error:
            if self.guard.refusals == "respond" and isinstance(error, RefusedError):
                return _refusal(request, error)
            shaped = _shaped(error, request)
            if shaped is error:
                raise
        try:
            raise shaped
        finally:
            del shaped  # or it would hold itself, through its traceback

    def _send(self, request: Any, attempt: Any) -> Any:
        ends, outer = self.guard.ends(), current.get()
        if ends is not None:
            current.set(ends[0])
        url = urlsplit(request.url)
        key = self.guard.key_of(request, origin(url.scheme, url.hostname or "", url.port))
        rewind = _rewinder(request)
        try:
            exchange = run(
                self.guard, _WIRE, key, lambda end: _again(rewind, attempt, end), _close,
                again=rewind is not None and may_repeat(request.method, request.headers),
            )  # fmt: skip
        finally:
            current.set(outer)
        response, end = exchange.response, None if ends is None else ends[0]
        raw = GuardedRaw(response.raw, exchange.permit, end, lambda error: _shaped(error, request))
        response.raw = raw.of(response.headers)
        return response

    def close(self) -> None:
        """Close the adapter that sends."""
        self.adapter.close()

    def describe(self) -> dict[str, Any]:
        """Give the settings in force and the hosts known as plain data."""
        return self.guard.describe()

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Give what the policies of each host have counted."""
        return self.guard.snapshot()


def protect(session: S, /, **fields: Unpack[HttpFields]) -> S:
    """Guard a ``Session`` in place, and give it back.

    All its adapters get the same policies: a circuit breaker for each scheme, host and port
    (``requests[https://api.example.com:443]``, in the registry), and where wanted a rate limit and a
    limit of requests in flight for each. Redirects ask the policies of where they lead. Adapters that
    are mounted later are not guarded.

    Args:
        session: a session that is not guarded yet.
        fields: as those of :func:`trifuse.contrib.httpx.protect`.

    Raises:
        ConfigurationError: for a bad setting, and for what is no session.
    """
    if not isinstance(session, requests.Session):
        raise ConfigurationError("session", session, "a Session of requests")
    plain: Any = session
    if any(isinstance(adapter, GuardedAdapter) for adapter in plain.adapters.values()):
        raise ConfigurationError("session", session, "a session that is not guarded yet")
    guard = HttpGuard("requests", fields)
    for prefix, adapter in plain.adapters.items():
        plain.adapters[prefix] = GuardedAdapter(adapter, guard=guard)
    plain.trifuse_guard = guard
    if guard.total is not None:
        plain.send = _limited(plain.send, guard)
    return session


def guard_of(session: Any) -> HttpGuard:
    """Give the guard of a session that was protected, or of an adapter."""
    own = getattr(session, "trifuse_guard", None)
    if isinstance(own, HttpGuard):
        return own
    adapters = getattr(session, "adapters", {"": session}).values()
    found = next((adapter for adapter in adapters if isinstance(adapter, GuardedAdapter)), None)
    if found is None:
        raise ConfigurationError("session", session, "a session that is guarded")
    guard: HttpGuard = found.guard
    return guard


def _limited(send: Any, guard: HttpGuard) -> Any:
    """Give ``send`` with one total time for all hops of a request."""

    def limited(request: Any, **settings: Any) -> Any:
        ends, outer = guard.ends(), current.get()
        if ends is not None:
            current.set(ends[0])
        try:
            return send(request, **settings)
        finally:
            current.set(outer)

    return limited


def _clamped(timeout: Any, end_ns: int) -> Any:
    """Give time limits for urllib3 that do not reach beyond the end of the attempt."""
    if not end_ns:
        return timeout
    if isinstance(timeout, urllib3.Timeout):
        connect, read = timeout.connect_timeout, timeout._read
    else:
        connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    left = max(0.001, (end_ns - now_ns()) / 1e9)
    return urllib3.Timeout(connect=connect, read=read, total=left)


def _rewinder(request: Any) -> Any:
    """Give what makes a request's body ready to be sent again; None where nothing does."""
    body = request.body
    if body is None or isinstance(body, (bytes, str)):
        return _as_it_is
    if isinstance(getattr(request, "_body_position", None), int) and hasattr(body, "seek"):
        return lambda: body.seek(request._body_position)
    return None


def _as_it_is() -> None:
    """Leave a body that is in memory."""


def _again(rewind: Any, attempt: Any, end_ns: int) -> Any:
    if rewind is not None:
        rewind()
    return attempt(end_ns)


def _close(response: Any) -> None:
    response.close()


def _shaped(error: Any, request: Any) -> Any:
    """Give an error of ours the types that those who use requests expect."""
    if isinstance(error, RequestTimeoutError):
        return also(error, requests.exceptions.Timeout, request=request, response=None)
    if isinstance(error, RefusedError):
        return also(error, requests.exceptions.RequestException, request=request, response=None)
    return error


def _refusal(request: Any, error: RefusedError) -> Any:
    """Give a refusal as an answer."""
    response = requests.Response()
    response.status_code, response.reason = 503, "Service Unavailable"
    response.url, response.request = request.url, request
    response.headers["content-type"] = "application/json"
    if error.retry_after is not None:
        response.headers["retry-after"] = f"{error.retry_after:.3f}"
    body = {"error": {"message": str(error), "type": "refused", "code": str(error.reason)}}
    response._content, response._content_consumed = json.dumps(body).encode(), True
    vars(response)["refusal"] = error
    return response
