# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards of httpx and httpx2 as event hooks: for clients whose transport is somebody else's."""

from __future__ import annotations

from typing import Any

from trifuse._errors import ConfigurationError, RefusedError
from trifuse._remaining import now_ns
from trifuse.contrib._http.attempts import head
from trifuse.contrib._http.guard import HttpGuard
from trifuse.contrib._http.httpx_like import Shaper, is_read, wire_of
from trifuse.contrib._http.origins import origin
from trifuse.contrib._http.permits import Permit

_OURS = "trifuse"
_NOT_HERE = ("retry", "total_timeout", "refusals")
_STAGES = ("connect", "send_", "receive_response_headers", "start_tls", "init", "socks")


class EventHooks(dict[str, list[Any]]):
    """The hooks of a client, to be given as its ``event_hooks``, and their guard."""

    guard: HttpGuard


def make(module: Any, body: Any, fields: Any, *, asynchronous: bool) -> EventHooks:
    """Make the hooks. Raises ConfigurationError for what hooks cannot do."""
    for field in _NOT_HERE:
        if field in fields:
            raise ConfigurationError(field, fields[field], "nothing: event hooks cannot; use a transport")
    guard = HttpGuard(module.__name__, {**fields, "retry": False})
    hooks = _Hooks(module, body, guard)
    if asynchronous:
        made = EventHooks(request=[hooks.request_async], response=[hooks.response_async])
    else:
        made = EventHooks(request=[hooks.request], response=[hooks.response])
    made.guard = guard
    return made


class _Hooks:
    """What the hooks of one client do."""

    def __init__(self, module: Any, body: Any, guard: HttpGuard) -> None:
        self._module, self._body, self._guard = module, body, guard

    def request(self, request: Any) -> None:
        """Ask before a request is sent."""
        try:
            permit = self._guard.hosts.enter(self._key(request))
        except RefusedError as error:
            raise Shaper(self._module, request)(error) from None
        self._follow(request, Trace(permit, _earlier(request)))

    async def request_async(self, request: Any) -> None:
        """Ask before a request is sent."""
        try:
            permit = await self._guard.hosts.enter_async(self._key(request))
        except RefusedError as error:
            raise Shaper(self._module, request)(error) from None
        self._follow(request, AsyncTrace(permit, _earlier(request)))

    def response(self, response: Any) -> None:
        """Judge the head of an answer and watch its body."""
        permit = self._judged(response)
        if permit is not None:
            shape = Shaper(self._module, response.request)
            body = self._body(response.stream, permit, None, shape, None)
            response.stream = body.of(response.headers)

    async def response_async(self, response: Any) -> None:
        """Judge the head of an answer and watch its body."""
        permit = self._judged(response)
        if permit is not None:
            shape = Shaper(self._module, response.request)
            body = self._body(response.stream, permit, None, shape)
            response.stream = body.of(response.headers)

    def _key(self, request: Any) -> Any:
        url = request.url
        return self._guard.key_of(request, origin(url.scheme, url.host, url.port))

    def _follow(self, request: Any, trace: _Following) -> None:
        request.extensions = {**request.extensions, "trace": trace, _OURS: trace}

    def _judged(self, response: Any) -> Permit | None:
        trace = response.request.extensions.get(_OURS)
        if not isinstance(trace, _Following):
            return None
        permit, limit_ns = trace.permit, trace.permit.limit_ns
        late = bool(limit_ns) and now_ns() - trace.started_ns > limit_ns
        exchange = head(self._guard, wire_of(response.request), permit, response, late=late)
        return None if is_read(exchange) else permit


class _Following:
    """Told by httpcore what becomes of a request; hooks are not told of its errors."""

    def __init__(self, permit: Permit, earlier: Any) -> None:
        self.permit, self.earlier = permit, earlier
        self.started_ns = now_ns()

    def look(self, name: str, info: Any) -> None:
        """Report what failed before there was an answer."""
        stage, _, what = name.rpartition(".")
        if what == "failed" and stage.rpartition(".")[2].startswith(_STAGES):
            error = info.get("exception")
            if isinstance(error, BaseException):
                self.permit.raised(error)


class Trace(_Following):
    """As httpcore wants it of synchronous clients."""

    def __call__(self, name: str, info: Any) -> None:
        """Look, and pass it on."""
        self.look(name, info)
        if self.earlier is not None:
            self.earlier(name, info)


class AsyncTrace(_Following):
    """As httpcore wants it of asynchronous clients."""

    async def __call__(self, name: str, info: Any) -> None:
        """Look, and pass it on."""
        self.look(name, info)
        if self.earlier is not None:
            await self.earlier(name, info)


def _earlier(request: Any) -> Any:
    """Give the trace that the request had; a redirect brings ours along, which is none of its own."""
    trace = request.extensions.get("trace")
    return trace.earlier if isinstance(trace, _Following) else trace
