# SPDX-License-Identifier: MIT OR Apache-2.0
"""``with pipeline`` and ``async with pipeline``."""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

from trifuse._contexts import owner_now
from trifuse._errors import UnsupportedError

if TYPE_CHECKING:
    from trifuse._pipeline import Pipeline
    from trifuse._policy import Policy

_ADVICE = "use it as a decorator or by call()"


class Blocks:
    """The blocks that are inside a pipeline now, by the task or thread that runs them."""

    __slots__ = ("_stacks",)

    def __init__(self) -> None:
        """Begin with none."""
        self._stacks: dict[Any, list[Any]] = {}

    def enter(self, pipeline: Pipeline) -> None:
        """Enter all parts, the outermost first; those entered are left if one refuses."""
        check(pipeline, pipeline, "__enter__")
        with ExitStack() as stack:
            for policy in pipeline.policies:
                stack.enter_context(policy)  # type: ignore[arg-type]
            self._push(stack.pop_all())

    async def enter_async(self, pipeline: Pipeline) -> None:
        """Enter all parts, the outermost first; those entered are left if one refuses."""
        check(pipeline, pipeline, "__aenter__")
        async with AsyncExitStack() as stack:
            for policy in pipeline.policies:
                await stack.enter_async_context(policy)  # type: ignore[arg-type]
            self._push(stack.pop_all())

    def exit(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Leave all parts, the innermost first."""
        return bool(self._pop().__exit__(kind, error, trace))

    async def exit_async(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Leave all parts, the innermost first."""
        return bool(await self._pop().__aexit__(kind, error, trace))

    def _push(self, stack: Any) -> None:
        self._stacks.setdefault(owner_now(), []).append(stack)

    def _pop(self) -> Any:
        """Give the innermost block of the running task or thread.

        A block may be left elsewhere than it was entered (an asynchronous generator that is
        finalized): then it is the last that was entered at all.
        """
        owner = owner_now()
        if owner not in self._stacks:
            if not self._stacks:
                raise RuntimeError("a block of a pipeline is left that was not entered")
            owner = next(reversed(self._stacks))
        stacks = self._stacks[owner]
        stack = stacks.pop()
        if not stacks:
            self._stacks.pop(owner, None)
        return stack


def check(pipeline: Pipeline, policy: Policy, way: str) -> None:
    """Raise UnsupportedError, naming the part, if one cannot guard a block."""
    what = "with blocks" if way == "__enter__" else "async with blocks"
    parts = getattr(policy, "policies", None)
    if parts is None and not hasattr(type(policy), way):
        raise UnsupportedError(pipeline.name, what, f"its {policy.kind} has none: {_ADVICE}")
    for part in parts or ():
        check(pipeline, part, way)
