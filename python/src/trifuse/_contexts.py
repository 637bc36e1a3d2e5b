# SPDX-License-Identifier: MIT OR Apache-2.0
"""``with breaker`` and ``async with breaker``."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from trifuse import _limits
from trifuse._errors import RefusedError, RequestTimeoutError
from trifuse._limits import start_limit
from trifuse._options import FAILURE, IGNORED, SUCCESS, TIMEOUT, is_cancellation
from trifuse._permits import UNJUDGED, OwnCall, admit_own, obey_retry_after, tell_refused_call

if TYPE_CHECKING:
    from trifuse._base import Base


class GuardedBlock:
    """What ``as`` gives: say here how the block ended, if no exception says it."""

    __slots__ = ("_limit", "_marked", "_own", "_subject")

    def __init__(self, own: OwnCall | None, limit: Any) -> None:
        """Take the admitted call; None when everything is switched off."""
        self._own = own
        self._limit = limit
        self._marked = SUCCESS
        self._subject: object = None

    def failure(self, subject: object = None) -> None:
        """Count the block as a failure at its end; a Retry-After found on ``subject`` counts too."""
        self._marked, self._subject = FAILURE, subject

    def ignore(self) -> None:
        """Count the block as nothing at its end, whatever happens: the service is not to blame."""
        self._marked = IGNORED

    def finish(self, error: BaseException | None) -> None:
        """Report. Raises RequestTimeoutError when the limit ended the block."""
        own, limit = self._own, self._limit
        expired = limit is not None and limit.stop(error)
        if own is None:
            return
        try:
            if expired:
                self._finish_expired(own, error)
            elif self._marked == IGNORED:
                own.finish(IGNORED, error)
            elif error is not None:
                own.raised(error)
            elif own.finish(self._marked) and self._marked == FAILURE:
                obey_retry_after(own.breaker, own.breaker._options, self._subject)
        finally:
            own.notify()

    def _finish_expired(self, own: OwnCall, error: BaseException | None) -> None:
        own.finish(TIMEOUT, error)
        if error is not None and is_cancellation(error):
            name, limit = own.breaker.name, own.breaker._timeout
            raise RequestTimeoutError(name, "request_timeout", limit) from error


class Contexts:
    """The blocks that are inside a breaker now, by the task or thread that runs them."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        """Begin with none."""
        self._blocks: dict[Any, list[GuardedBlock]] = {}

    def enter(self, breaker: Base, *, limited: bool = False) -> GuardedBlock:
        """Admit a block. Raises RefusedError."""
        try:
            own = admit_own(breaker, breaker._options, UNJUDGED if limited else 0)
        except RefusedError as error:
            tell_refused_call(breaker, error)
            raise
        limit = start_limit(breaker._timeout) if limited and own is not None else None
        block = GuardedBlock(own, limit)
        self._blocks.setdefault(owner_now(), []).append(block)
        return block

    def exit(self, error: BaseException | None) -> None:
        """Report the innermost block of the running task or thread.

        A block may be left elsewhere than it was entered (an asynchronous generator that is
        finalized): then it is the last that was entered at all.
        """
        owner = owner_now()
        if owner not in self._blocks:
            if not self._blocks:
                raise RuntimeError("a block of a circuit breaker is left that was not entered")
            owner = next(reversed(self._blocks))
        blocks = self._blocks[owner]
        block = blocks.pop()
        if not blocks:
            self._blocks.pop(owner, None)
        block.finish(error)


def owner_now() -> Any:
    """Give the running task, or the thread outside of one."""
    loop = _limits.running_loop() if _limits.load() else None
    if loop is not None:
        task = _limits.current_task(loop)
        if task is not None:
            return task
    return _limits.trio_task() or threading.get_ident()
