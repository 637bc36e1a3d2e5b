# SPDX-License-Identifier: MIT OR Apache-2.0
"""One call of a guarded client: which guard, which way through it, what the caller gets."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trifuse.contrib._protect import raw
from trifuse.contrib._protect.answers import dressed
from trifuse.contrib._protect.attempts import Attempt, attempt_async, attempt_sync, checked
from trifuse.contrib._protect.bodies import once_only, sendable
from trifuse.contrib._protect.judging import AnswerError
from trifuse.contrib._protect.operations import body_of

if TYPE_CHECKING:
    from trifuse._policy import Policy
    from trifuse.contrib._protect.guards import Guard
    from trifuse.contrib._protect.operations import Operation
    from trifuse.contrib._protect.protection import Protection


class Call:
    """A request as the SDK made it up, before it is sent."""

    __slots__ = ("body", "cast_to", "client", "guard", "operation", "options", "protection", "send", "stream",
        "stream_cls", "view")  # fmt: skip
    guard: Guard | None

    def __init__(
        self,
        client: Any,
        protection: Protection,
        send: Callable[..., Any],
        cast_to: Any,
        options: Any,
        stream: bool,  # noqa: FBT001 - as the SDK has it
        stream_cls: Any,
    ) -> None:
        """Find the guard; ``send`` is the SDK's own request."""
        self.client, self.protection, self.send = client, protection, send
        self.cast_to, self.options, self.stream, self.stream_cls = cast_to, options, stream, stream_cls
        self.view = raw.view_of(options)
        self.operation: Operation | None = protection.provider.find(
            options.method.lower(), options.url, client.base_url.path
        )
        self.body: dict[str, Any] = {}
        self.guard = None
        if self.operation is not None and protection.guards_group(self.operation.group):
            self.options = sendable(options, client)
            self.body = body_of(self.options)
            self.guard = protection.guard(self.operation, self.body)
        else:
            protection.passed(options.method, options.url)

    def unguarded(self) -> Any:
        """Send it as the SDK would have, its own retries included."""
        if type(self.options.max_retries) is not int:
            self.options.max_retries = self.protection.sdk_retries
        return self.send(self.cast_to, self.options, stream=self.stream, stream_cls=self.stream_cls)

    def sent(self) -> Any:
        """Send it once."""
        return self.send(self.cast_to, self.options, stream=self.stream, stream_cls=self.stream_cls)

    def policy(self, guard: Guard) -> Policy:
        """Give what stands around its attempts."""
        return guard.policy(streamed=self.streamed, once=once_only(self.options), cached=self.view is None)

    @property
    def streamed(self) -> bool:
        """Whether its answer comes in pieces."""
        return self.stream or self.view == raw.STREAMING

    def checked(self, result: Any, attempt: Attempt) -> Any:
        """Look at what came back; may be to be awaited."""
        if self.view == raw.RAW:
            return raw.checked(result, self, attempt)
        return checked(result, self.cast_to, attempt, self.protection.provider.module)


async def run_async(call: Call) -> Any:
    """Make a call of an asynchronous client."""
    guard = call.guard
    if guard is None:
        return await call.unguarded()

    async def attempt(**_body: Any) -> Any:
        return await attempt_async(guard, call.sent, call.checked)

    if call.streamed:
        from trifuse.contrib._protect.streaming import open_async

        async def made(**body: Any) -> Any:
            return await open_async(call, guard, body)
    else:
        made = call.policy(guard)._guard(attempt)
    answered = made if guard.fallback is None else guard.fallback._guard(made)
    try:
        result = await answered(**call.body)
    except AnswerError as error:
        return error.result
    if guard.fallback is None:
        return result
    given = dressed(call, result, asynchronous=True)
    return await given if inspect.iscoroutine(given) else given


def run_sync(call: Call) -> Any:
    """Make a call of a synchronous client."""
    guard = call.guard
    if guard is None:
        return call.unguarded()

    def attempt(**_body: Any) -> Any:
        return attempt_sync(guard, call.sent, call.checked)

    if call.streamed:
        from trifuse.contrib._protect.streaming import open_sync

        def made(**body: Any) -> Any:
            return open_sync(call, guard, body)
    else:
        made = call.policy(guard)._guard(attempt)
    answered = made if guard.fallback is None else guard.fallback._guard(made)
    try:
        result = answered(**call.body)
    except AnswerError as error:
        return error.result
    if guard.fallback is None:
        return result
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError("a fallback of a synchronous client gave what is to be awaited")
    return dressed(call, result, asynchronous=False)
