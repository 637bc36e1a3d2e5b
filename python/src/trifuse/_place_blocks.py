# SPDX-License-Identifier: MIT OR Apache-2.0
"""``with limit`` and ``async with limit`` where each block is measured by itself."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from trifuse._contexts import owner_now
from trifuse._places import Place, Places


class MeasuredPlaces(Places):
    """Places of which each belongs to one call; blocks are found again by their task or thread."""

    __slots__ = ("_blocks",)
    _blocks: dict[Any, list[Place]]

    def __enter__(self) -> Place:
        """Take a place for a block of code, as :meth:`acquire`."""
        return self._push(self.acquire())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self._pop().end(error)

    async def __aenter__(self) -> Place:
        """Take a place for a block of code, as :meth:`acquire_async`."""
        return self._push(await self.acquire_async())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self._pop().end(error)

    def _push(self, place: Place) -> Place:
        self._blocks.setdefault(owner_now(), []).append(place)
        return place

    def _pop(self) -> Place:
        """Give the innermost block of the running task or thread.

        A block may be left elsewhere than it was entered (an asynchronous generator that is
        finalized): then it is the last that was entered at all.
        """
        owner = owner_now()
        if owner not in self._blocks:
            if not self._blocks:
                raise RuntimeError(f"a block of a {self.kind} is left that was not entered")
            owner = next(reversed(self._blocks))
        places = self._blocks[owner]
        place = places.pop()
        if not places:
            self._blocks.pop(owner, None)
        return place
