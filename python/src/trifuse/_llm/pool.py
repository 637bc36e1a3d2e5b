# SPDX-License-Identifier: MIT OR Apache-2.0
"""The model pool: one call, several places that can answer it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from typing import Any, Self

from trifuse._deadline import Deadline
from trifuse._durations import Duration
from trifuse._errors import ConfigurationError
from trifuse._hedge import Hedge
from trifuse._llm.deployment import WINDOW, Deployment
from trifuse._llm.pool_calls import Call
from trifuse._llm.pool_choice import STRATEGIES, Choice
from trifuse._llm.pool_runs import read, read_async, run, run_async
from trifuse._llm.pool_values import DeploymentSnapshot, PoolEvent, PoolSnapshot
from trifuse._llm.tokens import estimate_call
from trifuse._llm.usage import Usage
from trifuse._locks import Lock
from trifuse._renaming import given_as

__all__ = ["Deployment", "DeploymentSnapshot", "ModelPool", "PoolEvent", "PoolSnapshot", "PoolStream"]
Listener = Callable[[PoolEvent], Any]


class ModelPool:
    """Calls the deployment that serves best, and the next one when it fails.

    Each deployment has a circuit breaker and limits of its own. A call goes to them in the order of the
    strategy, those last whose breaker would refuse; one attempt each. Errors that are the caller's own
    (``trifuse.classify``: caller, content_filter) are raised at once; a context that is too long goes to
    deployments with a larger ``context``. When none answers, the last error that a deployment gave is raised
    as it is, with notes on the others and their errors in ``pool_errors``.

    Args:
        deployments: :class:`Deployment` objects with different names.
        name: what logs and ``last_call()`` call it; its breakers are ``name/deployment``.
        strategy: ``"order"``, as given; ``"price"``, the cheapest for the call's estimated size first;
            ``"latency"``, the better of two drawn at random; ``"weighted"``, at random by weight.
        quantile: of the latencies that are compared.
        max_attempts: how many deployments one call may try; all by default.
        timeout: how long a call may take in all, of a stream until its first content.
        hedge_after: ask a second deployment beside one that has not answered (a stream: given its first
            content) after so many seconds, or after a percentile of its own late answers, such as ``"p95"``.
            Asynchronous calls only; the loser is cancelled.
        hedge_share: at most this share of all calls is hedged.
        on_attempt: told of each attempt, a :class:`PoolEvent`.
        seed: of the draws; by default of the operating system.

    ``pool.call(...)`` is for synchronous deployments, ``await pool(...)`` for asynchronous ones,
    ``pool.stream(...)`` gives the items of generators or of clients' streams, to ``for`` or ``async for``.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = (
        "__weakref__", "_answered", "_calls", "_choice", "_deadline", "_failovers", "_hedge", "_hedges", "_listeners",
        "_lock", "_lost", "_max_attempts", "_run", "_run_async", "deployments", "name",
    )  # fmt: skip

    def __init__(
        self,
        deployments: Sequence[Deployment],
        *,
        name: str = "models",
        strategy: str = "order",
        quantile: float = 0.5,
        max_attempts: int | None = None,
        timeout: Duration | None = None,
        hedge_after: Duration | str | None = None,
        hedge_share: float = 0.05,
        on_attempt: Listener | None = None,
        seed: int | None = None,
    ) -> None:
        """Take the deployments."""
        if not isinstance(name, str) or not name:
            raise ConfigurationError("name", name, "a text that is not empty")
        self.deployments: tuple[Deployment, ...] = _deployments(deployments)
        self.name = name
        self._choice = _choice(strategy, quantile, seed)
        self._max_attempts = _attempts(max_attempts, len(self.deployments))
        with given_as("timeout", timeout, "seconds"):
            self._deadline = None if timeout is None else Deadline(timeout, name=name)
        limit = self._deadline
        self._run: Any = run if limit is None else limit._guard(run)
        self._run_async: Any = run_async if limit is None else limit._guard(run_async)
        self._hedge = _hedge(name, hedge_after, hedge_share)
        if on_attempt is not None and not callable(on_attempt):
            raise ConfigurationError("on_attempt", on_attempt, "a function of a PoolEvent, or None")
        self._listeners: tuple[Listener, ...] = () if on_attempt is None else (on_attempt,)
        self._lock = Lock()
        self._calls = self._answered = self._lost = self._failovers = self._hedges = 0
        for deployment in self.deployments:
            deployment.join(name)

    def __repr__(self) -> str:
        """Show name, strategy and deployments."""
        names = ", ".join(deployment.name for deployment in self.deployments)
        return f"<ModelPool {self.name!r} by {self._choice.strategy}: {names}>"

    def __getitem__(self, name: str) -> Deployment:
        """Give a deployment by name."""
        found = next((one for one in self.deployments if one.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def call(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call synchronous deployments with these arguments until one answers; raises what the last one gave."""
        self._only("call()", "function")
        return self._run(Call(self, args, kwargs, stream=False))[1]

    async def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call asynchronous deployments with these arguments until one answers, as :meth:`call`."""
        self._only("await pool()", "function", "coroutine function")
        return (await self._run_async(Call(self, args, kwargs, stream=False)))[1]

    def stream(self, /, *args: Any, **kwargs: Any) -> PoolStream:
        """Give the stream of a call; it begins when it is iterated, by ``for`` or by ``async for``.

        Before its first content another deployment may take over; after it its errors are raised.
        """
        return PoolStream(self, args, kwargs)

    def on_attempt(self, listener: Listener) -> Listener:
        """Add a listener that is told of each attempt."""
        if not callable(listener):
            raise TypeError(f"on_attempt takes a function, not {listener!r}")
        with self._lock:
            self._listeners = (*self._listeners, listener)
        return listener

    def describe(self) -> dict[str, Any]:
        """Give the settings as plain data, with those of the deployments."""
        hedge = None if self._hedge is None else self._hedge.describe()
        timeout = None if self._deadline is None else self._deadline.describe()["seconds"]
        return {
            "kind": "model_pool", "name": self.name, "strategy": self._choice.strategy,
            "quantile": self._choice.quantile, "max_attempts": self._max_attempts, "timeout": timeout,
            "hedge": hedge, "deployments": [one.describe() for one in self.deployments],
        }  # fmt: skip

    def snapshot(self) -> PoolSnapshot:
        """Take a picture of the pool and its deployments."""
        with self._lock:
            deployments = {one.name: self._snapshot_of(one) for one in self.deployments}
            return PoolSnapshot(
                self.name, self._calls, self._answered, self._lost, self._failovers, self._hedges, deployments
            )

    def _snapshot_of(self, one: Deployment) -> DeploymentSnapshot:
        picture = one.breaker.snapshot()
        waits = None if picture.state == "closed" else picture.retry_after
        tokens = None if one.budget is None else one.budget.snapshot().tokens_available
        return DeploymentSnapshot(
            one.name, picture.state, waits, one.in_flight, one.answered, one.failed, one.refused, one.cancelled,
            self._choice.latency(one, stream=False), self._choice.latency(one, stream=True), tokens,
        )  # fmt: skip

    def _only(self, way: str, *forms: str) -> None:
        """Raise ConfigurationError where a deployment is known to be of no kind for this way of calling."""
        for one in self.deployments:
            if one.form not in forms:
                allowed = f"a {' or '.join(forms)} for {way}, not a {one.form}"
                raise ConfigurationError("call", one.name, allowed)

    def _size(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Usage:
        return estimate_call(args, kwargs)

    def _hedge_delay(self, deployment: Deployment, *, stream: bool) -> int | None:
        """Give the ns after which a second deployment is asked; None while that is not known."""
        hedge = self._hedge
        if hedge is None or hedge._quantile is None:
            return None if hedge is None else hedge._delay_ns
        return self._choice.latency_ns(deployment, stream=stream, quantile=hedge._quantile)


class PoolStream:
    """The stream of a pool's call; iterate over it once.

    Leaving it early, by ``close()``, ``aclose()`` or the end of a ``with`` block, closes the connection.
    """

    __slots__ = ("_args", "_items", "_kwargs", "_pool")

    def __init__(self, pool: ModelPool, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Take the call; nothing is asked for yet."""
        self._pool, self._args, self._kwargs = pool, args, kwargs
        self._items: Any = None

    def __iter__(self) -> Generator[Any, None, None]:
        """Iterate over the items of synchronous deployments."""
        self._pool._only("for", "function", "generator function")
        items = read(self._call(), self._pool._run)
        self._items = items
        return items

    def __aiter__(self) -> AsyncGenerator[Any, None]:
        """Iterate over the items of asynchronous deployments."""
        self._pool._only("async for", "function", "coroutine function", "asynchronous generator function")
        items: AsyncGenerator[Any, None] = read_async(self._call(), self._pool._run_async)
        self._items = items
        return items

    def _call(self) -> Call:
        if self._items is not None:
            raise ConfigurationError("stream", self._pool.name, "to be iterated over once")
        return Call(self._pool, self._args, self._kwargs, stream=True)

    def close(self) -> None:
        """Close the stream."""
        if self._items is not None:
            self._items.close()

    async def aclose(self) -> None:
        """Close the stream."""
        if self._items is not None:
            await self._items.aclose()

    def __enter__(self) -> Self:
        """Give the stream, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the stream."""
        self.close()

    async def __aenter__(self) -> Self:
        """Give the stream, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the stream."""
        await self.aclose()


def _deployments(given: Any) -> tuple[Deployment, ...]:
    found = tuple(given) if isinstance(given, (list, tuple)) else ()
    if not found or not all(isinstance(one, Deployment) for one in found):
        raise ConfigurationError("deployments", given, "at least one Deployment, in a list")
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise ConfigurationError("deployments", names, "different names")
    return found


def _choice(strategy: str, quantile: float, seed: int | None) -> Choice:
    if strategy not in STRATEGIES:
        raise ConfigurationError("strategy", strategy, ", ".join(STRATEGIES))
    if isinstance(quantile, bool) or not isinstance(quantile, (int, float)) or not 0 <= quantile <= 1:
        raise ConfigurationError("quantile", quantile, "a number, 0 to 1")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ConfigurationError("seed", seed, "a whole number, or None")
    return Choice(strategy, quantile, seed)


def _hedge(name: str, after: Duration | str | None, share: float) -> Hedge | None:
    with given_as("hedge_share", share, "share"), given_as("hedge_after", after, "after"):
        hedge = Hedge("p95" if after is None else after, share, window=WINDOW, name=name)
    return None if after is None else hedge


def _attempts(most: int | None, there: int) -> int:
    if most is None:
        return there
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ConfigurationError("max_attempts", most, "a whole number, 1 or more, or None")
    return most
