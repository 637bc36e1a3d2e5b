# SPDX-License-Identifier: MIT OR Apache-2.0
"""Asking the levels of a chain for an answer, and telling the log and the context which one gave it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Mapping
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from trifuse._awaiting import PLAIN, unstarted
from trifuse._chains import Why
from trifuse._fallback import Answer, Answered, note
from trifuse._fallback_streams import opened, opened_async
from trifuse._listeners import log
from trifuse._locks import Lock

if TYPE_CHECKING:
    from trifuse._chains import Chain
    from trifuse._fallback_level import Level

_counting = Lock()


class Asking:
    """One error that a chain is asked to answer. The levels never see one another's errors."""

    __slots__ = ("_args", "_chain", "_failed", "_kwargs", "_left", "_name", "_what", "_why")

    def __init__(
        self, chain: Chain, name: str, error: BaseException, args: tuple[Any, ...], kwargs: Mapping[str, Any], what: str
    ) -> None:  # fmt: skip
        """Take the call that has failed. ``what``: what kind of guard it had."""
        self._chain, self._name, self._what = chain, name, what
        self._args, self._kwargs = args, kwargs
        self._why = Why(error)
        self._failed: list[Exception] = []
        self._left = iter([
            (number, level)
            for number, level in enumerate(chain.pick(self._why), 1)
            if level.is_for(self._why)
        ])  # fmt: skip

    def ask(self, ways: tuple[str, ...]) -> tuple[Any, Answered] | None:
        """Ask in order. When one gives what is to be awaited the answer is a coroutine that goes on."""
        for number, level in self._left:
            try:
                result = level.call(self._why.error, self._args, self._kwargs)
                if ways:
                    result = opened(_checked(result, ways))
            except Exception as error:  # noqa: BLE001 - the next level is asked
                self._note_failure(error)
                continue
            if not ways and type(result) not in PLAIN and isinstance(result, Awaitable):
                return self._go_on(number, level, unstarted(result)), Answered(self._name, number, level.name)
            return result, self._answered(number, level)
        self._exhausted()
        return None

    async def ask_async(self, ways: tuple[str, ...] = ()) -> tuple[Any, Answered] | None:
        """Ask in order, awaiting what is to be awaited."""
        for number, level in self._left:
            try:
                result = level.call(self._why.error, self._args, self._kwargs, in_task=True)
                if type(result) not in PLAIN and isinstance(result, Awaitable):
                    result = await result
                if ways:
                    result = await opened_async(_checked(result, ways))
            except Exception as error:  # noqa: BLE001 - the next level is asked
                self._note_failure(error)
                continue
            return result, self._answered(number, level)
        self._exhausted()
        return None

    async def _go_on(self, number: int, level: Level, awaitable: Awaitable[Any]) -> Any:
        """Await what a level gave, and ask the next ones when that fails."""
        try:
            result = await awaitable
        except Exception as failed:  # noqa: BLE001 - the next level is asked
            self._note_failure(failed)
        else:
            self._answered(number, level)
            return result
        found = await self.ask_async()
        if found is not None:
            return found[0]
        original = self._why.error
        del self  # or the error would hold itself, through its traceback and this frame
        try:
            raise original
        finally:
            del original

    def _answered(self, number: int, level: Level) -> Answered:
        """Count it, and note in the log, the context and the scopes around which level answered."""
        with _counting:
            level.answered += 1
        kind = self._why.kind
        name, what = self._name, self._what
        note(Answer(name, number, level.name, kind))
        log().info(
            "%s %r: fallback level %d (%s) answers (%s)", what, name, number, level.name, kind,
            extra=_fields("fallback", what, name, kind, trifuse_level=number, trifuse_fallback=level.name),
        )  # fmt: skip
        return Answered(name, number, level.name)

    def _note_failure(self, error: Exception) -> None:
        self._failed.append(error.with_traceback(None))

    def _exhausted(self) -> None:
        """Attach the errors of the fallbacks to the original one.

        They are in its attribute ``fallback_errors``, without tracebacks (those would hold the error
        in a cycle), and by type in its notes.
        """
        error, failed, name, what = self._why.error, self._failed, self._name, self._what
        if not failed:
            return  # there is no level for this error
        with _counting:
            self._chain.exhausted += 1
        kinds = ", ".join(type(one).__qualname__ for one in failed)
        log().warning(
            "%s %r: all fallbacks failed (%s)", what, name, kinds,
            extra=_fields("fallbacks_failed", what, name, self._why.kind),
        )  # fmt: skip
        for one in failed:
            if one.__context__ is error:
                with contextlib.suppress(Exception):
                    one.__context__ = None
        with contextlib.suppress(Exception):  # an error that cannot be written to, such as a frozen dataclass
            error.add_note(f"all fallbacks of {what} {name!r} failed too: {kinds}")
            error.fallback_errors = tuple(failed)  # type: ignore[attr-defined]


def _fields(event: str, what: str, name: str, kind: object, **more: Any) -> dict[str, Any]:
    """Give what a structured log shows beside the text; never anything of the call's arguments."""
    policy = what.replace(" ", "_")
    told = {"trifuse_event": event, "trifuse_policy": policy, "trifuse_name": name, "trifuse_kind": str(kind)}
    return {**told, **more}


def _checked(result: Any, ways: tuple[str, ...]) -> Any:
    if not any(hasattr(result, way) for way in ways):
        if isinstance(result, CoroutineType):
            result.close()  # or it would warn that nobody has awaited it
        raise TypeError(f"the fallback gave a {type(result).__qualname__}, where a stream needs items")
    return result
