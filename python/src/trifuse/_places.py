# SPDX-License-Identifier: MIT OR Apache-2.0
"""What bulkheads and adaptive limits have in common: places, and queues for them."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from trifuse._contexts import owner_now
from trifuse._core import ffi, lib
from trifuse._durations import Duration, seconds
from trifuse._errors import ConfigurationError, TrifuseError
from trifuse._options import Options
from trifuse._place_turns import queue_settings, take_turn, take_turn_async
from trifuse._policy import Policy, checked_name
from trifuse._queues import PlaceQueue
from trifuse._structs import Kind, wait_ns
from trifuse._values import OUTCOMES, Outcome

enter = lib.trifuse_py_places_enter
leave = lib.trifuse_py_places_leave
finish = lib.trifuse_py_places_finish
ALGORITHMS = ("fixed", "aimd", "vegas", "gradient2")
"""In the order of the core's numbers."""
_FULL: int = lib.TRIFUSE_REFUSED_BULKHEAD_FULL
_IGNORED: int = lib.TRIFUSE_OUTCOME_IGNORED
_PLACE = ffi.typeof("trifuse_py_place *")
_all: weakref.WeakSet[Places] = weakref.WeakSet()


class Places(Policy):
    """So many calls at once; others wait for a place or are refused."""

    __slots__ = ("_entered", "_max_queue", "_max_wait_ns", "_memory", "_options", "_parents", "_queue")
    _options: Options

    def _set_up(self, kind: Kind, config: Any, given: Mapping[str, Any], name: str | None) -> None:
        self.name = checked_name(name)
        self._memory: Any = kind.block(config, given)
        self._queue: PlaceQueue | None = None
        self._entered: Entered | None = None
        self._parents: Any = None
        _all.add(self)

    def _set_queue(self, max_queue: Any, max_wait: Duration | None) -> None:
        most, longest = queue_settings(max_queue, max_wait)
        self._max_queue, self._max_wait_ns = most, longest
        places = ffi.cast(_PLACE, self._memory).places
        places.queueing = most > 0

    def _new_slot(self) -> Any:
        """Give what one call holds: its own, or the one that all share."""
        return self._memory

    def try_acquire(self) -> Place | None:
        """Take a place if there is one, and nobody waits for it; None when there is none."""
        slot = self._new_slot()
        result = enter(slot)
        if result == 0:
            return Place(self, slot)
        if lib.trifuse_py_bypass():
            return Place(self, None)
        if result != _FULL:
            lib.trifuse_py_places_refuse(slot)
        return None

    def acquire(self, *, max_wait: Duration | None = None) -> Place:
        """Take a place, blocking the thread in the queue for at most ``max_wait``, by default the limit's own.

        Raises BulkheadFullError when the queue is full or the wait over.
        """
        slot = self._new_slot()
        result = enter(slot)
        if result == 0 or take_turn(self, slot, result, self._longest(max_wait)):
            return Place(self, slot)
        return Place(self, None)

    async def acquire_async(self, *, max_wait: Duration | None = None) -> Place:
        """Take a place; the task waits in the queue. As :meth:`acquire`. Cancelled, it loses nothing."""
        slot = self._new_slot()
        result = enter(slot)
        if result == 0 or await take_turn_async(self, slot, result, self._longest(max_wait)):
            return Place(self, slot)
        return Place(self, None)

    def _longest(self, max_wait: Duration | None) -> int:
        return self._max_wait_ns if max_wait is None else wait_ns("max_wait", max_wait)

    @property
    def limit(self) -> int:
        """How many calls may be in flight."""
        return int(lib.trifuse_concurrency_limit(self._core))

    @property
    def in_flight(self) -> int:
        """How many calls are in flight."""
        return int(lib.trifuse_concurrency_in_flight(self._core))

    @property
    def _core(self) -> Any:
        return ffi.cast(_PLACE, self._memory).places.concurrency

    def _settle(self) -> None:
        """Give places that came free to those who wait."""
        if self._queue is not None:
            self._queue.settle()

    def _inherit(self) -> None:
        """In a forked child: begin with no place taken.

        What runs here yet of what the parent began gives its places back to the parent's memory, which
        is kept for that.
        """
        if not self.in_flight:
            return
        memory = ffi.new("uint64_t[]", len(self._memory))
        lib.trifuse_py_places_inherit(memory, self._memory, ffi.sizeof(memory))
        self._parents = (self._memory, self._parents)
        self._memory = memory
        self._entered = Entered()
        if self._queue is not None:
            self._queue.forget(memory)

    def _leave(self, slot: Any, outcome: int) -> None:
        if finish(slot, outcome) > 0:
            self._settle()


class Place:
    """A place in a bulkhead or adaptive limit: given back by ``release()`` or at the end of ``with``."""

    __slots__ = ("_limit", "_slot", "_state")

    def __init__(self, limit: Places, slot: Any) -> None:
        """Hold it; without a slot while everything is switched off."""
        self._limit = limit
        self._slot = slot
        self._state = 1

    def release(self, outcome: Outcome | str = Outcome.SUCCESS) -> None:
        """Give the place back. The outcome and the time since move an adaptive limit.

        Raises TrifuseError when it was given back already; ConfigurationError for what is no outcome.
        """
        known = OUTCOMES[:4]
        if outcome not in known:
            raise ConfigurationError("outcome", outcome, ", ".join(known))
        if not self._state:
            raise TrifuseError(f"this place in {self._limit.name!r} was released already")
        self._end(known.index(Outcome(outcome)))

    def end(self, error: BaseException | None) -> None:
        """Give the place back after what was raised, if it was not before."""
        if self._state:
            outcome = lib.TRIFUSE_OUTCOME_SUCCESS if error is None else self._limit._options.outcome_of(error)
            self._end(outcome)

    def _end(self, outcome: int) -> None:
        self._state = 0
        if self._slot is not None:
            self._limit._leave(self._slot, outcome)

    def __reduce__(self) -> Any:
        """Refuse to be copied or pickled: it is given back once, by whoever holds it."""
        raise TypeError(f"a place in {self._limit.name!r} cannot be copied or pickled: it is given back once")

    def __enter__(self) -> Self:
        """Hold it for a block of code."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back, if it was not."""
        self.end(error)

    def __del__(self) -> None:
        """Give a forgotten place back."""
        if getattr(self, "_state", 0):
            self._end(_IGNORED)


class Entered:
    """The blocks that a forked child has entered itself, by task or thread; those of its parent hold nothing."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        """Begin with none."""
        self._blocks: dict[Any, int] = {}

    def enter(self) -> None:
        """Note that the running task or thread enters a block."""
        owner = owner_now()
        self._blocks[owner] = self._blocks.get(owner, 0) + 1

    def leave(self) -> bool:
        """Take the innermost block of the running task or thread out; False when it is the parent's."""
        owner = owner_now()
        depth = self._blocks.pop(owner, 0)
        if depth > 1:
            self._blocks[owner] = depth - 1
        return depth > 0


class ConcurrencySnapshot(NamedTuple):
    """What a bulkhead or adaptive limit knows; durations in seconds, 0.0 where there is none yet.

    Attributes:
        name: its name.
        algorithm: ``"fixed"`` for a bulkhead, else the adaptive limit's.
        limit: how many calls may be in flight.
        limit_exact: with its fraction, as it moves.
        in_flight: calls in flight.
        waiting: calls that wait for a place.
        admitted: calls admitted ever.
        refused: calls refused ever.
        released: places given back ever.
        failures: calls that ended as failure or timeout, or took too long for AIMD.
        no_load: VEGAS: the time without load.
        short: GRADIENT2: the newest time.
        long: GRADIENT2: the long moving average.
    """

    name: str
    algorithm: str
    limit: int
    limit_exact: float
    in_flight: int
    waiting: int
    admitted: int
    refused: int
    released: int
    failures: int
    no_load: float
    short: float
    long: float


def snapshot_of(limit: Places) -> ConcurrencySnapshot:
    """Take a picture."""
    raw = ffi.new("trifuse_concurrency_snapshot *")
    raw.struct_size = ffi.sizeof(raw[0])
    lib.trifuse_py_places_snapshot(limit._memory, raw)
    queue = limit._queue
    return ConcurrencySnapshot(
        limit.name, ALGORITHMS[raw.algorithm], raw.limit, raw.limit_exact, raw.in_flight,
        0 if queue is None else len(queue.waiters), raw.admitted, raw.refused, raw.released, raw.failures,
        seconds(raw.no_load_ns), seconds(raw.short_ns), seconds(raw.long_ns),
    )  # fmt: skip


def _after_fork() -> None:
    """In a forked child the other threads and the places they held are gone."""
    for limit in list(_all):
        limit._inherit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
