# SPDX-License-Identifier: MIT OR Apache-2.0
"""One call on its way through a worker thread."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trifuse._places import Place


class Job:
    """A call: ``done`` for its caller, ``ended`` for its thread, ``left`` when its caller has gone before."""

    __slots__ = ("context", "done", "ended", "error", "fn", "left", "place", "result", "tell")

    def __init__(self, fn: Callable[[], Any], tell: Callable[[], Any], place: Place) -> None:
        """Take what is called, what tells its caller, and the place that it holds."""
        self.fn: Callable[[], Any] | None = fn
        self.tell, self.place = tell, place
        self.context: contextvars.Context | None = contextvars.copy_context()
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = self.ended = self.left = False

    def run(self) -> None:
        """Call it, in the context of its caller."""
        fn, context = self.fn, self.context
        self.fn = self.context = None
        assert fn is not None
        assert context is not None
        try:
            self.result = context.run(fn)
        except BaseException as error:  # noqa: BLE001 - it is raised to the caller
            self.error = error

    def give(self) -> Any:
        """Give the result. Raises what was raised."""
        error, self.error = self.error, None
        try:
            if error is not None:
                raise error
            return self.result
        finally:
            del error  # or it would hold itself, through its traceback and this frame
