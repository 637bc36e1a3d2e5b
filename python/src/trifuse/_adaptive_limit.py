# SPDX-License-Identifier: MIT OR Apache-2.0
"""The adaptive limit: a bulkhead that finds out by itself how many calls the backend can take."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from inspect import isawaitable
from typing import Any, Literal, ParamSpec, Protocol, TypedDict, TypeVar, Unpack

from trifuse._awaiting import PLAIN, is_plain
from trifuse._core import ffi, lib
from trifuse._durations import NEVER, Duration, seconds
from trifuse._errors import ConfigurationError
from trifuse._options import SUCCESS, ErrorTest, make_options
from trifuse._place_blocks import MeasuredPlaces
from trifuse._place_guards import call_later, guard_async_items, guard_items, hold
from trifuse._place_turns import queue_settings, take_turn, take_turn_async
from trifuse._places import ALGORITHMS, ConcurrencySnapshot, Place, enter, finish, leave, snapshot_of
from trifuse._structs import Kind
from trifuse._typing import Decorated
from trifuse._waiting import gives_awaitables, in_task

P = ParamSpec("P")
R = TypeVar("R")
Algorithm = Literal["aimd", "vegas", "gradient2"]
_PLACE = ffi.typeof("trifuse_py_place *")
_COMMON = frozenset({"limit", "min_limit", "max_limit"})
_OWN = {
    "aimd": _COMMON | {"timeout", "backoff_ratio"},
    "vegas": _COMMON | {"alpha", "beta", "probe_every", "seed"},
    "gradient2": _COMMON
    | {"backoff_ratio", "long_window", "tolerance", "smoothing", "queue_size", "long_decay"},
}
_REALS = frozenset({"backoff_ratio", "alpha", "beta", "tolerance", "smoothing", "queue_size", "long_decay"})
_QUEUE = frozenset({"max_queue", "max_wait"})


class AdaptiveFields(TypedDict, total=False):
    """The numbers of the algorithms; each takes those that are its own."""

    limit: int
    min_limit: int
    max_limit: int
    timeout: Duration | None
    backoff_ratio: float
    alpha: float
    beta: float
    probe_every: int
    seed: int
    long_window: int
    tolerance: float
    smoothing: float
    queue_size: float
    long_decay: float


def _start(algorithm: int, config: Any) -> Any:
    lib.trifuse_concurrency_config_init(config, ffi.sizeof(config[0]), algorithm)
    return config


def _kind(algorithm: str) -> Kind:
    return Kind(
        "adaptive limit", "trifuse_concurrency_config", partial(_start, ALGORITHMS.index(algorithm)),
        lib.trifuse_concurrency_config_check, lib.trifuse_py_places_size, lib.trifuse_py_places_open,
        frozenset({"timeout"}), _REALS,
    )  # fmt: skip


class AdaptiveLimit(MeasuredPlaces):
    """Bounds the calls in flight by a limit that moves with how long they take and how they end.

    Args:
        algorithm: ``"aimd"`` (up by one on success, down by a tenth on failure), ``"vegas"`` (keeps
            the queue at the backend short, judged by the time a call takes without load) or
            ``"gradient2"`` (by how the time of calls grows over its average; the default).
        max_queue: how many more may wait for a place; by default none: they are refused at once.
        max_wait: how long one may wait, in seconds or as timedelta; by default as long as it takes.
        failure_on: exception types, or a function of the exception, that count as failures; by
            default every ``Exception``. Refusals of other limits count as nothing.
        ignore: exceptions that count as nothing.
        failure_if: a function of the result that tells whether it is a failure.
        name: what it is called in refusals; by default that of the function it decorates.
        fields: the numbers: ``limit`` (to begin with; 20), ``min_limit`` (1), ``max_limit`` (1000);
            AIMD: ``timeout`` (a longer call is a failure; off), ``backoff_ratio`` (0.9); VEGAS:
            ``alpha`` (3), ``beta`` (6), ``probe_every`` (30), ``seed``; GRADIENT2: ``backoff_ratio``
            (0.9), ``long_window`` (600), ``tolerance`` (1.5), ``smoothing`` (0.2), ``queue_size``
            (4), ``long_decay`` (0.95).

    Used as a :class:`Bulkhead` is. A cancelled call moves nothing.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("_fields", "_spare", "algorithm")
    kind = "adaptive_limit"
    settings = frozenset({"algorithm"}).union(*_OWN.values(), _QUEUE)

    def __init__(
        self,
        algorithm: Algorithm = "gradient2",
        *,
        max_queue: int = 0,
        max_wait: Duration | None = None,
        failure_on: ErrorTest | None = None,
        ignore: ErrorTest | None = None,
        failure_if: Callable[[Any], bool] | None = None,
        name: str | None = None,
        **fields: Unpack[AdaptiveFields],
    ) -> None:
        """Begin empty."""
        if not isinstance(algorithm, str) or algorithm not in _OWN:
            raise ConfigurationError("algorithm", algorithm, ", ".join(_OWN))
        given: dict[str, Any] = dict(fields)
        for field, value in given.items():
            if field not in _OWN[algorithm]:
                raise ConfigurationError(field, value, f"nothing: {algorithm} has {_listed(_OWN[algorithm])}")
        tests = {"failure_on": failure_on, "ignore": ignore, "failure_if": failure_if}
        tests = {test: value for test, value in tests.items() if value is not None}
        self.algorithm = algorithm
        self._options = make_options(tests)
        kind = _kind(algorithm)
        seeded = given if "seed" in given else {**given, "seed": int.from_bytes(os.urandom(4), "little")}
        self._fields = given
        self._set_up(kind, kind.config(seeded), given, name)
        self._set_queue(max_queue, max_wait)
        self._spare: list[Any] = []
        self._blocks = {}

    def _new_slot(self) -> Any:
        slot = ffi.new(_PLACE)
        slot.places = ffi.cast(_PLACE, self._memory).places
        return slot

    def set_limit(self, limit: int) -> None:
        """Set the limit, within ``min_limit`` and ``max_limit``; from there it moves on."""
        self.reconfigure(limit=limit)

    def reconfigure(self, *args: Any, **changes: Any) -> None:
        """Change ``limit``, ``max_queue`` or ``max_wait``; the other numbers are those it was made with.

        Raises ConfigurationError, and then nothing is taken.
        """
        if args:
            raise TypeError("settings are given by keyword")
        self._checked(changes)
        if "limit" in changes:
            core, limit = self._core, changes["limit"]
            _kind(self.algorithm).take(
                lambda error: lib.trifuse_concurrency_set_limit(core, limit, error), changes
            )
        self._set_queue(*self._queue_with(changes))
        self._settle()

    def snapshot(self) -> ConcurrencySnapshot:
        """Take a picture: the limit as it stands, what moved it, calls in flight and waiting, totals."""
        return snapshot_of(self)

    def describe(self) -> dict[str, Any]:
        """Give kind, name and numbers, ``limit`` as it stands now."""
        return {**super().describe(), "limit": self.limit}

    def _queue_with(self, changes: Mapping[str, Any]) -> tuple[Any, Any]:
        old = None if self._max_wait_ns == NEVER else seconds(self._max_wait_ns)
        return changes.get("max_queue", self._max_queue), changes.get("max_wait", old)

    def _settings(self) -> dict[str, Any]:
        raw = _kind(self.algorithm).config(self._fields)
        numbers: dict[str, Any] = {
            field: seconds(raw.timeout_ns) if field == "timeout" else getattr(raw, field)
            for field in sorted(_OWN[self.algorithm] - {"seed"})
        }
        settings = {"algorithm": self.algorithm, **numbers, "max_queue": self._max_queue}
        return (
            settings if self._max_wait_ns == NEVER else {**settings, "max_wait": seconds(self._max_wait_ns)}
        )

    def _checked(self, changes: Mapping[str, Any]) -> None:
        for field, value in changes.items():
            if field not in _QUEUE and field != "limit":
                raise ConfigurationError(field, value, "what it was made with: it cannot be changed")
        if "limit" in changes:
            _kind(self.algorithm).config({**self._fields, "limit": changes["limit"]})
        queue_settings(*self._queue_with(changes))

    def _failed(self, slot: Any, error: BaseException) -> None:
        """Report what a call raised."""
        self._leave(slot, self._options.outcome_of(error))

    def _inherit(self) -> None:
        self._spare = []  # these slots, and those of the parent's calls that end here, are of its memory
        super()._inherit()

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        judge, awaited = self._options.failure_if, gives_awaitables(fn)

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal awaited
            spare = self._spare
            try:
                slot = spare.pop()
            except IndexError:
                slot = self._new_slot()
            result = enter(slot)
            if result:
                if awaited and in_task():
                    return call_later(self, fn, args, kwargs)
                if not take_turn(self, slot, result, self._max_wait_ns):
                    return fn(*args, **kwargs)
            try:
                result = fn(*args, **kwargs) if kwargs else fn(*args)
            except BaseException as error:
                self._failed(slot, error)
                spare.append(slot)
                raise
            if type(result) not in PLAIN and not is_plain(result):
                awaited = isawaitable(result)
                return hold(Place(self, slot), result)
            if (leave(slot) if judge is None else self._judged(slot, result)) > 0:
                self._settle()
            spare.append(slot)
            return result

        return guarded

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        judge = self._options.failure_if

        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            spare = self._spare
            try:
                slot = spare.pop()
            except IndexError:
                slot = self._new_slot()
            result = enter(slot)
            if result and not await take_turn_async(self, slot, result, self._max_wait_ns):
                return await fn(*args, **kwargs)
            try:
                result = await (fn(*args, **kwargs) if kwargs else fn(*args))
            except BaseException as error:
                self._failed(slot, error)
                spare.append(slot)
                raise
            if (leave(slot) if judge is None else self._judged(slot, result)) > 0:
                self._settle()
            spare.append(slot)
            return result

        return guarded

    def _judged(self, slot: Any, result: Any) -> int:
        outcome = self._options.outcome_of_result(result)
        return int(leave(slot) if outcome == SUCCESS else finish(slot, outcome))

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guard_items(self, fn)

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        return guard_async_items(self, fn)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


class Decorator(Protocol):
    """Puts a function under an adaptive limit and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, AdaptiveLimit]:
        """Put a function under the limit."""


def adaptive_limit(algorithm: Algorithm = "gradient2", **fields: Any) -> Decorator:
    """Bound the calls of a function of any kind by a limit that moves: ``@adaptive_limit("vegas")``.

    The arguments are those of :class:`AdaptiveLimit`.
    """
    return AdaptiveLimit(algorithm, **fields)
