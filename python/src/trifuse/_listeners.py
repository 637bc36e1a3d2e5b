# SPDX-License-Identifier: MIT OR Apache-2.0
"""Listeners and the log. Nobody's listener can break or delay the guarded call for long."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from trifuse._events import Call, Refusal, Transition
from trifuse._locks import Lock
from trifuse._values import State

if TYPE_CHECKING:
    import logging

TransitionListener = Callable[[Transition], Awaitable[None] | None]
RefusalListener = Callable[[Refusal], Awaitable[None] | None]
CallListener = Callable[[Call], Awaitable[None] | None]

_changing = Lock()
# Of libraries whose clients retry by themselves, and of those that are made of them.
_RETRYING = frozenset({
    "openai", "anthropic", "litellm", "instructor", "langchain_openai", "langchain_anthropic", "llama_index",
    "pydantic_ai", "opensearchpy", "redis",
})  # fmt: skip
_running: set[Any] = set()
_log: logging.Logger | None = None


class Listeners:
    """The listeners of one breaker or registry, in the order they were added."""

    __slots__ = ("on_call", "on_refused", "on_transition")

    def __init__(self) -> None:
        """Begin with none."""
        self.on_transition: tuple[TransitionListener, ...] = ()
        self.on_refused: tuple[RefusalListener, ...] = ()
        self.on_call: tuple[CallListener, ...] = ()

    def add(self, kind: str, listener: Callable[..., Any]) -> None:
        """Add one, once."""
        if not callable(listener):
            raise TypeError(f"{kind} takes a function, not {listener!r}")
        with _changing:
            present = getattr(self, kind)
            if listener not in present:
                setattr(self, kind, (*present, listener))

    def remove(self, listeners: tuple[Callable[..., Any], ...]) -> None:
        """Remove these, whatever they listen to."""
        with _changing:
            for kind in self.__slots__:
                kept = tuple(one for one in getattr(self, kind) if one not in listeners)
                setattr(self, kind, kept)


def log() -> logging.Logger:
    """Give the logger ``trifuse``; logging is imported when there is something to say."""
    global _log  # noqa: PLW0603 - looking a logger up costs more than a refusal
    if _log is None:
        import logging

        _log = logging.getLogger("trifuse")
    return _log


def tell(
    name: str, listeners: tuple[Callable[..., Any], ...], event: object, what: str = "circuit breaker"
) -> None:
    """Tell listeners in order; one that raises is logged and harmless."""
    for listener in listeners:
        try:
            answer = listener(event)
            if isinstance(answer, Awaitable):
                _spawn(what, name, answer)
        except Exception:  # noqa: BLE001 - whatever a listener does, the guarded call goes on
            log().exception("a listener of %s %r failed", what, name)


def log_transition(event: Transition) -> None:
    """Write a transition to the log: opening is a warning, the rest is information."""
    if event.from_state is event.to_state is State.METRICS_ONLY:
        log().warning(
            "circuit breaker %r would have opened (%s; %d of %d failed)",
            event.name, event.cause, event.window_failed, event.window_total,
        )  # fmt: skip
        return
    level = 30 if event.to_state in {State.OPEN, State.FORCED_OPEN} else 20
    log().log(
        level,
        "circuit breaker %r: %s -> %s (%s; %d of %d failed)",
        event.name, event.from_state, event.to_state, event.cause,
        event.window_failed, event.window_total,
    )  # fmt: skip


async def _quietly(what: str, name: str, answer: Awaitable[None]) -> None:
    try:
        await answer
    except Exception:  # noqa: BLE001 - as in tell
        log().exception("a listener of %s %r failed", what, name)


def _spawn(what: str, name: str, answer: Awaitable[None]) -> None:
    """Run an asynchronous listener beside the call; without an event loop, to its end."""
    import asyncio

    work: Coroutine[Any, Any, None] = _quietly(what, name, answer)
    if asyncio._get_running_loop() is not None:
        task = asyncio.ensure_future(work)
        _running.add(task)
        task.add_done_callback(_running.discard)
        return
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        trio.lowlevel.spawn_system_task(_quietly, what, name, answer)
        work.close()
        return
    asyncio.run(work)


def suspect(name: str, error: BaseException) -> None:
    """Warn, once, if an error comes from a client that retries by itself; ``name``: of the guard that saw it."""
    if type(error).__module__.partition(".")[0] in _RETRYING:
        from trifuse._retrying_clients import look

        look(name, error)
