# SPDX-License-Identifier: MIT OR Apache-2.0
"""For every WSGI application: limits for what comes in, and answers for what trifuse refused inside.

::

    application = Resilience(application, rate_limit=per(100, seconds=1), key=by_client, timeout=10)

Needs no extra. Frameworks that answer for exceptions themselves have modules of their own:
``trifuse.contrib.flask``, ``trifuse.contrib.django``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from http.client import responses
from typing import Any

from trifuse._durations import Duration
from trifuse._errors import RateLimitedError
from trifuse._places import Place
from trifuse._values import Outcome
from trifuse.contrib._web.inbound import EXEMPT, SERVER_ERROR, Inbound
from trifuse.contrib._web.problem import Answer, answer_to, refusal

__all__ = ["Resilience", "by_client", "by_header", "by_path"]

Environ = dict[str, Any]
App = Callable[[Environ, Any], Iterable[bytes]]


def by_client(environ: Environ) -> Hashable:
    """Key: the address of the peer. Behind a proxy that is the proxy: then key by a header it sets."""
    address: str = environ.get("REMOTE_ADDR", "")
    return address


def by_path(environ: Environ) -> Hashable:
    """Key: the path as requested. Paths with identities in them make a key each; see max_keys."""
    path: str = environ.get("PATH_INFO", "")
    return path


def by_header(name: str) -> Callable[[Environ], Hashable]:
    """Key: a header, such as ``x-api-key``. Requests without it share one key."""
    variable = "HTTP_" + name.upper().replace("-", "_")
    return lambda environ: environ.get(variable, "")


class Resilience:
    """Middleware: as :class:`trifuse.contrib.asgi.Resilience`, for WSGI; ``key`` is a function of the environ.

    A synchronous request cannot be interrupted: at ``timeout`` what it calls through trifuse is given
    up or not begun, and its own code goes on.

    Raises:
        ConfigurationError: for a bad setting.
    """

    def __init__(
        self,
        app: App,
        *,
        rate_limit: Any = None,
        key: Callable[[Environ], Hashable] | None = None,
        adaptive_limit: Any = None,
        max_keys: int = 1024,
        timeout: Duration | None = None,
        exempt: Collection[str] = EXEMPT,
    ) -> None:
        """Take the application and its limits."""
        self.app = app
        self._inbound = Inbound(
            rate_limit=rate_limit, key=key, adaptive_limit=adaptive_limit, max_keys=max_keys, timeout=timeout,
            exempt=exempt,
        )  # fmt: skip
        limit = self._inbound.deadline
        self._run: App = self._called if limit is None else limit(self._called)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Serve a request."""
        path = environ.get("PATH_INFO", "")
        if self._inbound.exempts(path):
            return self.app(environ, start_response)
        starter = _Starter(start_response)
        try:
            body = self._limited(environ, starter)
            return body if starter.status else _Unbegun(body, starter, start_response)
        except Exception as error:
            answer = None if starter.status else answer_to(error)
            if answer is None:
                raise
            return respond(start_response, answer)

    def _limited(self, environ: Environ, starter: _Starter) -> Iterable[bytes]:
        rate, places = self._inbound.limits_of(environ)
        if rate is not None:
            try:
                rate.acquire()
            except RateLimitedError as error:
                return respond(starter, refusal(429, error))
        if places is None:
            return self._run(environ, starter)
        place = places.acquire()
        try:
            return _Body(self._run(environ, starter), place, starter)
        except BaseException as error:
            place.end(error)
            raise

    def _called(self, environ: Environ, starter: Any) -> Iterable[bytes]:
        body = self.app(environ, starter)
        # A generator would be taken for a call that goes on: the time limit is for the answer to begin.
        return body if isinstance(body, (list, tuple)) else _Passed(body)

    def describe(self) -> dict[str, Any]:
        """Give the limits as plain data."""
        return self._inbound.describe()


class _Passed:
    """A body, passed on."""

    __slots__ = ("_body",)

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


class _Unbegun(_Passed):
    """A body whose application begins to answer when it is iterated, as generators do."""

    __slots__ = ("_start", "_starter")

    def __init__(self, body: Iterable[bytes], starter: _Starter, start_response: Any) -> None:
        super().__init__(body)
        self._starter, self._start = starter, start_response

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception as error:
            answer = None if self._starter.status else answer_to(error)
            if answer is None:
                raise
            yield from respond(self._start, answer)


class _Body(_Passed):
    """A body whose place is given back when the server closes it."""

    __slots__ = ("_place", "_starter")

    def __init__(self, body: Iterable[bytes], place: Place, starter: _Starter) -> None:
        super().__init__(body)
        self._place, self._starter = place, starter

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception as error:
            self._place.end(error)
            raise

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._place._state:
                failed = self._starter.status >= SERVER_ERROR
                self._place.release(Outcome.FAILURE if failed else Outcome.SUCCESS)


class _Starter:
    """Passes the beginning of the response on, and keeps its status."""

    __slots__ = ("_start", "status")

    def __init__(self, start_response: Any) -> None:
        self._start = start_response
        self.status = 0

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self.status = int(status.split(" ", 1)[0])
        return self._start(status, headers, exc_info) if exc_info else self._start(status, headers)


def respond(start_response: Any, answer: Answer) -> list[bytes]:
    """Send an answer."""
    reason = responses.get(answer.status, "")
    start_response(f"{answer.status} {reason}", list(answer.headers.items()))
    return [answer.body]
