# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams under a token budget: counted as their items come, settled at their end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from trifuse._core import lib
from trifuse._llm.token_budget_errors import Fate, fate_of
from trifuse._llm.tokens_text import rough
from trifuse._llm.usage import Usage, merge
from trifuse._stream_guards import Plain, PlainAsync

if TYPE_CHECKING:
    from trifuse._llm.token_budget import TokenBudget
    from trifuse._llm.token_budget_grant import TokenGrant

_bypass = lib.trifuse_py_bypass
current: ContextVar[TokenGrant | None] = ContextVar("trifuse.token_grant", default=None)
"""The grant of the call that runs now: what learn() holds headers against."""
_LONG = (
    "content",
    "reasoning_content",
    "reasoning",
    "refusal",
    "text",
    "thinking",
    "partial_json",
    "arguments",
)


class Tally:
    """What a stream has delivered so far."""

    __slots__ = ("budget", "delivered", "grant", "items", "total", "used")

    def __init__(self, budget: TokenBudget, grant: TokenGrant) -> None:
        """Begin with nothing."""
        self.budget, self.grant = budget, grant
        self.delivered = 0.0
        self.items = 0
        self.used: Usage | None = None
        self.total: int | None = None

    def see(self, item: Any) -> None:
        """Take an item in: its usage, and how much text it has."""
        self.items += 1
        used = self.budget._used(item)
        if isinstance(used, Usage):
            self.used = merge(self.used, used)
        elif used is not None:
            self.total = max(used, self.total or 0)
        try:
            self.delivered += _delivered(item)
        except Exception:  # noqa: BLE001 - foreign properties may raise anything
            return

    def ended(self) -> None:
        """Settle a stream that came to its end."""
        if self.total is not None:
            self.grant.settle(self.total)
        elif self.used is not None:
            self.grant.settle(self.used)
        else:
            self.broken_off()

    def failed(self, error: BaseException) -> None:
        """Settle a stream that raised."""
        used = None if fate_of(error) is not Fate.ESTIMATE and not self.delivered else self._so_far()
        self.grant.failed(error, used)

    def broken_off(self) -> None:
        """Settle a stream that was closed early, or whose end told nothing: by what was delivered."""
        used = self._so_far()
        if used is None:
            self.grant.keep()
        else:
            self.grant._close(used, 0)

    def _so_far(self) -> int | None:
        """Give what was used at least; None where nothing is known, and the estimate stays."""
        made = int(self.delivered + 0.5)
        if self.total is not None:
            return self.total
        if self.used is not None:
            return self.used.input_tokens + max(self.used.output_tokens, made)
        estimate = self.grant.estimate
        return None if estimate is None or not made else estimate.input_tokens + made


def _delivered(item: Any) -> float:
    """Give roughly the tokens of the text in an item: a text, an event of a client, a frame of events."""
    if isinstance(item, str):
        return rough(item)
    events = getattr(item, "events", None)
    if isinstance(events, (list, tuple)):
        return sum(_delivered(event) for event in events)
    choices = _get(item, "choices")
    if isinstance(choices, (list, tuple)):
        return sum(_texts(_get(choice, "delta")) for choice in choices)
    delta = _get(item, "delta")
    return rough(delta) if isinstance(delta, str) else _texts(delta)


def _texts(delta: Any) -> float:
    if delta is None:
        return 0.0
    found = sum(rough(text) for name in _LONG if isinstance(text := _get(delta, name), str))
    for call in _get(delta, "tool_calls") or ():
        arguments = _get(_get(call, "function"), "arguments")
        found += rough(arguments) if isinstance(arguments, str) else 0.0
    return found


def _get(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)


class Counted(Plain):
    """The items of a generator under a budget; without a grant it asks for one at the first."""

    __slots__ = ("_ask", "_budget", "_grant", "_tally")

    def __init__(
        self, budget: TokenBudget, grant: TokenGrant | None, items: Generator[Any, Any, Any], *ask: Any
    ) -> None:
        """Take the items; ``ask``: the arguments of the call."""
        super().__init__(items)
        self._budget, self._grant, self._ask = budget, grant, ask
        self._tally: Tally | None = None

    def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        tally = self._tally
        if tally is None:
            tally = self._begin()
        if tally is None:
            return super().step(value, throw=throw)
        outer = current.get()
        current.set(tally.grant)
        try:
            item = super().step(value, throw=throw)
        except StopIteration as stop:
            if stop.value is not None:
                tally.see(stop.value)
            tally.ended()
            raise
        except BaseException as error:
            tally.failed(error)
            raise
        finally:
            current.set(outer)
        tally.see(item)
        return item

    def _begin(self) -> Tally | None:
        if self._grant is None:
            if _bypass():
                return None
            from trifuse._llm.token_budget_guards import admit

            self._grant = admit(self._budget, *self._ask)
        self._grant._sent = True
        self._tally = Tally(self._budget, self._grant)
        return self._tally

    def close(self) -> None:
        """Close the generator."""
        try:
            super().close()
        finally:
            if self._tally is not None:
                self._tally.broken_off()


class CountedAsync(PlainAsync):
    """The items of an asynchronous generator under a budget, as Counted."""

    __slots__ = ("_ask", "_budget", "_grant", "_tally")

    def __init__(
        self, budget: TokenBudget, grant: TokenGrant | None, items: AsyncGenerator[Any, Any], *ask: Any
    ) -> None:
        """Take the items; ``ask``: the arguments of the call."""
        super().__init__(items)
        self._budget, self._grant, self._ask = budget, grant, ask
        self._tally: Tally | None = None

    async def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item."""
        tally = self._tally
        if tally is None:
            tally = await self._begin()
        if tally is None:
            return await super().step(value, throw=throw)
        outer = current.get()
        current.set(tally.grant)
        try:
            item = await super().step(value, throw=throw)
        except StopAsyncIteration:
            tally.ended()
            raise
        except BaseException as error:
            tally.failed(error)
            raise
        finally:
            current.set(outer)
        tally.see(item)
        return item

    async def _begin(self) -> Tally | None:
        if self._grant is None:
            if _bypass():
                return None
            from trifuse._llm.token_budget_guards import admit_async

            self._grant = await admit_async(self._budget, *self._ask)
        self._grant._sent = True
        self._tally = Tally(self._budget, self._grant)
        return self._tally

    async def close(self) -> None:
        """Close the generator."""
        try:
            await super().close()
        finally:
            if self._tally is not None:
                self._tally.broken_off()
            elif self._grant is not None:
                self._grant.cancel()
