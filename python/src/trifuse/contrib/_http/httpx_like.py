# SPDX-License-Identifier: MIT OR Apache-2.0
"""What ``contrib.httpx`` and ``contrib.httpx2`` share: the same code over two modules."""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar

from trifuse._errors import ConfigurationError, RefusedError, RequestTimeoutError, TrifuseError
from trifuse._options import SUCCESS
from trifuse._remaining import current, now_ns
from trifuse._time_limit import within
from trifuse.contrib._http.also import also
from trifuse.contrib._http.attempts import Exchange, run, run_async
from trifuse.contrib._http.bodies import cut_socket
from trifuse.contrib._http.guard import HttpGuard
from trifuse.contrib._http.origins import may_repeat, origin

_NO_BODY = frozenset({101, 204, 205, 304})
_KINDS = ("connect", "read", "write", "pool")
_MARGIN_NS = 10_000_000
_SDKS = {"anthropic": "AnthropicError", "openai": "OpenAIError"}


class HttpxWire:
    """What the loop of attempts asks of httpx's responses."""

    @staticmethod
    def status(response: Any) -> int:
        """Give the status."""
        status: int = response.status_code
        return status

    @staticmethod
    def empty(response: Any) -> bool:
        """Tell whether no body follows, by the status; the transport does not know the method."""
        return response.status_code in _NO_BODY or response.headers.get("content-length") == "0"


class HeadWire(HttpxWire):
    """As HttpxWire, of a request whose answer has no body."""

    @staticmethod
    def empty(response: Any) -> bool:  # noqa: ARG004 - there is none, whatever it says
        """Tell that no body follows."""
        return True


WIRE, HEAD_WIRE = HttpxWire(), HeadWire()


class Limits(dict[str, Any]):
    """The time limits of one attempt as httpcore reads them: never beyond the end of the attempt.

    httpcore asks for each when it begins to connect, write or read, so each is what is left then.
    """

    def __init__(self, given: dict[str, Any], end_ns: int, kinds: tuple[str, ...] = _KINDS) -> None:
        """Take those the client was given, the end, and which of them it limits."""
        super().__init__(given)
        self._end_ns = end_ns
        self._kinds = kinds

    def get(self, key: Any, default: Any = None) -> Any:
        """Give a limit, at most what is left."""
        own = super().get(key, default)
        if key not in self._kinds:
            return own
        left = max(0.001, (self._end_ns - now_ns()) / 1e9)
        return left if own is None else min(own, left)


class Shaper:
    """Gives errors of ours the types that the sender of a request expects, so that it asks only once."""

    __slots__ = ("_module", "_request")

    def __init__(self, module: Any, request: Any) -> None:
        """Take the module and the request that the error is of."""
        self._module = module
        self._request = request

    def __call__(self, error: BaseException) -> BaseException:
        """Give the error, also of httpx's ``HTTPError`` and of the SDK's own base class.

        An SDK lets its own errors through and makes no request again for them. HTTPError is not one
        of those after which it does (they are RequestError).
        """
        if not isinstance(error, (RefusedError, RequestTimeoutError)):
            return error
        kinds = [self._module.HTTPError]
        agent = self._request.headers.get("user-agent", "").lower()
        for name, base in _SDKS.items():
            sdk = sys.modules.get(name)
            if sdk is not None and name in agent and "/python" in agent:
                kinds.append(getattr(sdk, base))
        return also(error, *kinds, _request=self._request)


class TransportParts:
    """What both transports have: the guard and the transport that sends."""

    _module: ClassVar[Any]
    guard: HttpGuard
    transport: Any

    def _set_up(self, transport: Any, guard: HttpGuard | None, fields: Any) -> None:
        if guard is not None and fields:
            raise ConfigurationError("guard", guard, f"nothing beside {', '.join(fields)}")
        self.transport = transport
        self.guard = HttpGuard(self._module.__name__, fields) if guard is None else guard

    def describe(self) -> dict[str, Any]:
        """Give the settings in force and the hosts known as plain data."""
        return self.guard.describe()

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Give what the policies of each host have counted."""
        return self.guard.snapshot()

    def _key(self, request: Any) -> Any:
        url = request.url
        return self.guard.key_of(request, origin(url.scheme, url.host, url.port))

    def _again(self, request: Any) -> bool:
        """Tell whether a request may be made again: its body too must be there a second time."""
        repeats = may_repeat(request.method, request.headers)
        return repeats and isinstance(request.stream, self._module.ByteStream)

    def _responds(self, error: BaseException) -> bool:
        return self.guard.refusals == "respond" and isinstance(error, RefusedError)

    def _refusal(self, request: Any, error: TrifuseError) -> Any:
        """Give a refusal as an answer that no SDK of the Stainless family asks again after."""
        headers = {"x-should-retry": "false"}
        wait = getattr(error, "retry_after", None)
        if wait is not None:
            headers["retry-after"] = f"{wait:.3f}"
        content = json.dumps({"error": {"message": str(error), "type": "refused", "code": error.reason}})  # type: ignore[attr-defined]
        return self._module.Response(
            503, headers={**headers, "content-type": "application/json"}, content=content,
            request=request, extensions={"trifuse": error},
        )  # fmt: skip


def wire_of(request: Any) -> HttpxWire:
    """Give what to ask of the answers to a request."""
    return HEAD_WIRE if request.method.upper() == "HEAD" else WIRE


def clamped(request: Any, end_ns: int, kinds: tuple[str, ...] = _KINDS) -> Any:
    """Give the request with time limits that do not reach beyond an end.

    It is another object: the sender's may be on its way a second time, at the same time.
    """
    if not end_ns:
        return request
    given = request.extensions
    other = object.__new__(type(request))
    vars(other).update(vars(request))
    other.extensions = {**given, "timeout": Limits(given.get("timeout") or {}, end_ns, kinds)}
    return other


def is_read(exchange: Exchange) -> bool:
    """Tell whether an answer came with its body read, such as from a cache; then it has ended."""
    read: bool = exchange.response.is_closed
    if read:
        exchange.permit.judge(SUCCESS)
        exchange.permit.release()
    return read


class SyncTransportParts(TransportParts):
    """The synchronous transport."""

    _body: ClassVar[Any]

    def handle_request(self, request: Any) -> Any:
        """Send a request through the policies of its host. Raises RefusedError, RequestTimeoutError."""
        shape = Shaper(self._module, request)
        try:
            return self._handle(request, shape)
        except TrifuseError as error:
            if self._responds(error):
                return self._refusal(request, error)
            shaped = shape(error)
            if shaped is error:
                raise
        try:
            raise shaped
        finally:
            del shaped  # or it would hold itself, through its traceback

    def _handle(self, request: Any, shape: Shaper) -> Any:
        ends, outer = self.guard.ends(), current.get()
        if ends is not None:
            current.set(ends[0])
        try:
            exchange = run(
                self.guard, wire_of(request), self._key(request), lambda end: self._send(request, end),
                lambda response: response.close(), again=self._again(request),
            )  # fmt: skip
        finally:
            current.set(outer)
        return self._guarded(exchange, None if ends is None else ends[0], shape)

    def _send(self, request: Any, end_ns: int) -> Any:
        return self.transport.handle_request(clamped(request, end_ns))

    def _guarded(self, exchange: Exchange, end: Any, shape: Shaper) -> Any:
        response = exchange.response
        if is_read(exchange):
            return response
        stream = response.extensions.get("network_stream")
        alone = stream is not None and response.extensions.get("http_version", b"").startswith(b"HTTP/1")
        cut = cut_socket(lambda: stream.get_extra_info("socket")) if alone else None
        body = self._body(response.stream, exchange.permit, end, shape, cut)
        response.stream = body.of(response.headers)
        return response

    def close(self) -> None:
        """Close the transport that sends."""
        self.transport.close()


class AsyncTransportParts(TransportParts):
    """The asynchronous transport."""

    _body: ClassVar[Any]

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request through the policies of its host. Raises RefusedError, RequestTimeoutError."""
        shape = Shaper(self._module, request)
        try:
            return await self._handle(request, shape)
        except TrifuseError as error:
            if self._responds(error):
                return self._refusal(request, error)
            shaped = shape(error)
            if shaped is error:
                raise
        try:
            raise shaped
        finally:
            del shaped  # or it would hold itself, through its traceback

    async def _handle(self, request: Any, shape: Shaper) -> Any:
        ends = self.guard.ends()
        sending = run_async(
            self.guard, wire_of(request), self._key(request),
            lambda end: self._send(request, end), lambda response: response.aclose(),
            again=self._again(request),
        )  # fmt: skip
        exchange = await (sending if ends is None else within(ends, sending))
        response, end = exchange.response, None if ends is None else ends[0]
        if not is_read(exchange):
            body = self._body(response.stream, exchange.permit, end, shape)
            response.stream = body.of(response.headers)
        return response

    async def _send(self, request: Any, end_ns: int) -> Any:
        # A full pool is no failure of the host: the wait for it ends before the attempt does.
        sent = clamped(request, max(0, end_ns - _MARGIN_NS), ("pool",))
        return await self.transport.handle_async_request(sent)

    async def aclose(self) -> None:
        """Close the transport that sends."""
        await self.transport.aclose()
