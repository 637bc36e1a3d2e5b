# SPDX-License-Identifier: MIT OR Apache-2.0
"""The adaptive throttle: fewer calls to a backend that refuses many."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, ParamSpec, Protocol, Self, TypeVar

from trifuse._awaiting import PLAIN, is_plain
from trifuse._core import ffi, lib
from trifuse._durations import Duration, seconds
from trifuse._errors import ConfigurationError, ThrottledError
from trifuse._options import FAILURE, SUCCESS, TIMEOUT, ErrorTest, Options, make_options
from trifuse._policy import Policy, checked_name
from trifuse._stream_guards import async_generator_guard
from trifuse._structs import Kind
from trifuse._throttle_streams import Followed, follow
from trifuse._typing import Decorated
from trifuse._waiting import now_ns

__all__ = ["Throttle", "ThrottleSnapshot", "throttle"]
P = ParamSpec("P")
R = TypeVar("R")
_enter = lib.trifuse_py_throttle_enter
_accept = lib.trifuse_py_throttle_accept


def _start(config: Any) -> Any:
    lib.trifuse_throttle_config_init(config, ffi.sizeof(config[0]))
    return config


KIND = Kind(
    "throttle", "trifuse_throttle_config", _start, lib.trifuse_throttle_config_check,
    lib.trifuse_py_throttle_size, lib.trifuse_py_throttle_open, frozenset({"window_duration"}),
    frozenset({"k"}),
)  # fmt: skip


class ThrottleSnapshot(NamedTuple):
    """What a throttle knows.

    Attributes:
        name: its name.
        requests: calls in the window, refused ones too.
        accepts: calls in the window that the backend took on.
        probability: with which the next call is refused.
        admitted: calls admitted ever.
        refused: calls refused ever.
        accepted: calls ever that the backend took on.
    """

    name: str
    requests: int
    accepts: int
    probability: float
    admitted: int
    refused: int
    accepted: int


class Throttle(Policy):
    """Refuses calls by itself, with the probability that the backend would have refused them.

    Over the last ``window_duration`` it counts calls and those of them that the backend took on. As
    long as that is at least one in ``k``, every call is made; below, ever fewer are.

    Args:
        k: 1 to 1000; 2 lets about twice as many calls through as the backend takes on, larger
            refuses later.
        window_duration: how far back it counts, in seconds or as timedelta.
        window_buckets: in how many parts that moves on.
        overload_on: what tells that the backend did not take a call on: exception types, or a
            function of the exception. By default every ``Exception``, so an error that is the
            caller's own mistake should be left out: ``overload_on=(TimeoutError, ServerBusy)``.
            Cancelled calls, and those that another limit refused, count as taken on.
        overload_if: a function of the result that tells the same, such as
            ``lambda response: response.status_code in (429, 503)``.
        seed: of the draws; by default of the operating system.
        name: what it is called in refusals; by default that of the function it decorates.

    It is a decorator, a context manager (``with``, ``async with``) and has :meth:`try_acquire` and
    :meth:`accept`. Everything may be used from any number of threads and tasks.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("_fields", "_memory", "_options")
    kind = "throttle"
    settings = frozenset({"k", "window_duration", "window_buckets", "seed"})

    def __init__(
        self,
        *,
        k: float = 2.0,
        window_duration: Duration = 30,
        window_buckets: int = 10,
        overload_on: ErrorTest | None = None,
        overload_if: Callable[[Any], bool] | None = None,
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        """Begin with nothing counted."""
        self.name = checked_name(name)
        self._options = _options(overload_on, overload_if)
        given = {"k": k, "window_duration": window_duration, "window_buckets": window_buckets}
        self._fields = given if seed is None else {**given, "seed": seed}
        seed = int.from_bytes(os.urandom(4), "little") if seed is None else seed
        self._memory: Any = KIND.block(KIND.config({**given, "seed": seed}), given)

    def try_acquire(self) -> bool:
        """Count a call and tell whether it is to be made; if the backend takes it on, :meth:`accept`."""
        return not _enter(self._memory)

    def accept(self) -> None:
        """Count that the backend took a call on."""
        _accept(self._memory)

    def snapshot(self) -> ThrottleSnapshot:
        """Take a picture: the window, the probability, totals."""
        raw = ffi.new("trifuse_throttle_snapshot *")
        raw.struct_size = ffi.sizeof(raw[0])
        core = ffi.cast("trifuse_py_throttle *", self._memory).throttle
        lib.trifuse_throttle_get_snapshot(core, now_ns(), raw)
        return ThrottleSnapshot(
            self.name, raw.requests, raw.accepts, raw.probability, raw.admitted, raw.refused, raw.accepted
        )

    def __enter__(self) -> Self:
        """Ask for a block of code. Raises ThrottledError."""
        if _enter(self._memory):
            self._refuse()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Count how the block ended."""
        self._ended(error)

    async def __aenter__(self) -> Self:
        """Ask for a block of code. Raises ThrottledError."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Count how the block ended."""
        self._ended(error)

    def _refuse(self) -> NoReturn:
        raise ThrottledError(self.name)

    def _ended(self, error: BaseException | None) -> None:
        if error is None or self._options.outcome_of(error) not in {FAILURE, TIMEOUT}:
            _accept(self._memory)

    def _returned(self, result: Any) -> None:
        if self._options.failure_if is None or self._options.outcome_of_result(result) == SUCCESS:
            _accept(self._memory)

    def _settings(self) -> dict[str, Any]:
        config = KIND.config(self._fields)
        numbers = {"k": config.k, "window_duration": seconds(config.window_duration_ns)}
        seed = {"seed": self._fields["seed"]} if "seed" in self._fields else {}
        return {**numbers, "window_buckets": config.window_buckets, **seed}

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        memory, judge = self._memory, self._options.failure_if

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            if _enter(memory):
                self._refuse()
            try:
                result = fn(*args, **kwargs) if kwargs else fn(*args)
            except BaseException as error:
                self._ended(error)
                raise
            if type(result) not in PLAIN and not is_plain(result):
                return follow(self, result)
            if judge is None:
                _accept(memory)
            else:
                self._returned(result)
            return result

        return guarded

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        memory, judge = self._memory, self._options.failure_if

        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            if _enter(memory):
                self._refuse()
            try:
                result = await (fn(*args, **kwargs) if kwargs else fn(*args))
            except BaseException as error:
                self._ended(error)
                raise
            if judge is None:
                _accept(memory)
            else:
                self._returned(result)
            return result

        return guarded

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            with self:
                return (yield from fn(*args, **kwargs))

        return guarded

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        return async_generator_guard(lambda args, kwargs: Followed(self, fn(*args, **kwargs), asked=False))


def _options(overload_on: ErrorTest | None, overload_if: Callable[[Any], bool] | None) -> Options:
    tests = {"failure_on": overload_on, "failure_if": overload_if}
    try:
        return make_options({test: value for test, value in tests.items() if value is not None})
    except ConfigurationError as error:
        field = error.field.replace("failure", "overload")
        raise ConfigurationError(field, error.value, error.allowed) from None


class Decorator(Protocol):
    """Puts a function under a throttle and keeps its signature."""

    def __call__(self, fn: Callable[P, R], /) -> Decorated[P, R, Throttle]:
        """Put a function under the throttle."""


def throttle(**fields: Any) -> Decorator:
    """Call a backend that refuses many less often: ``@throttle(overload_on=ServerBusy)``.

    The arguments are those of :class:`Throttle`.
    """
    return Throttle(**fields)
