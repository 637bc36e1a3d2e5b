# SPDX-License-Identifier: MIT OR Apache-2.0
"""One call of a pool: which deployments it has tried, how that ended, and what is raised when none answers."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trifuse._core import lib
from trifuse._durations import seconds
from trifuse._errors import ConfigurationError, OverCapacityError, RefusedError, UnsupportedError
from trifuse._last_call import note_deployment
from trifuse._listeners import log, tell
from trifuse._llm.pool_values import PoolEvent
from trifuse._remaining import now_ns, remaining_ns

if TYPE_CHECKING:
    from trifuse._llm.deployment import Deployment
    from trifuse._llm.pool import ModelPool

# What the next deployment would make of the call is what this one did.
_CALLERS = frozenset({"caller", "content_filter", "cancelled"})


class Attempt:
    """One attempt at one deployment."""

    __slots__ = ("deployment", "error", "hedge", "kind", "number", "started_ns")

    def __init__(self, deployment: Deployment, number: int, *, hedge: bool) -> None:
        """Begin now."""
        self.deployment, self.number, self.hedge = deployment, number, hedge
        self.started_ns = now_ns()
        self.error: BaseException | None = None
        self.kind: str | None = None


class Call:
    """One call of a pool.

    Attributes:
        args: the caller's arguments.
        kwargs: the caller's keyword arguments.
        pool: the pool.
        stream: whether it asks for a stream.
    """

    __slots__ = ("_failed", "_left", "_tried", "args", "kwargs", "pool", "stream")

    def __init__(
        self, pool: ModelPool, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, stream: bool
    ) -> None:
        """Rank the deployments."""
        self.pool = pool
        self.args, self.kwargs, self.stream = args, kwargs, stream
        ranked = pool._choice.ranked(pool.deployments, lambda: pool._size(args, kwargs), stream=stream)
        self._left = ranked
        self._tried = 0
        self._failed: list[Attempt] = []
        with pool._lock:
            pool._calls += 1

    def next(self, *, hedge: bool = False) -> Deployment | None:
        """Take the next deployment to try; None when all are, or so many as may be.

        A hedge is for one that takes calls as they come: not for one that is being probed.
        """
        if self._tried >= self.pool._max_attempts:
            return None
        for deployment in self._left:
            if not hedge or deployment.standing() == 0:
                self._left.remove(deployment)
                self._tried += 1
                return deployment
        return None

    def begin(self, deployment: Deployment, *, hedge: bool = False) -> Attempt:
        """Count an attempt that begins."""
        pool = self.pool
        with pool._lock:
            deployment.in_flight += 1
            if hedge:
                pool._hedges += 1
            elif self._failed:
                pool._failovers += 1
        return Attempt(deployment, self._tried, hedge=hedge)

    def left(self, deployment: Deployment) -> None:
        """Count an attempt that ended, of a stream when it was closed."""
        with self.pool._lock:
            deployment.in_flight -= 1

    def answered(self, attempt: Attempt) -> None:
        """Note that an attempt has answered, of a stream that its first content came."""
        deployment, now = attempt.deployment, now_ns()
        histogram = deployment.first_content if self.stream else deployment.latency
        lib.trifuse_histogram_record(histogram._handle, max(0, now - attempt.started_ns), now)
        with self.pool._lock:
            deployment.answered += 1
        self._tell(attempt, "answered")

    def failed(self, attempt: Attempt, error: BaseException) -> None:
        """Note how an attempt has failed; what is no Exception means that it was given up."""
        deployment = attempt.deployment
        refused = isinstance(error, RefusedError)
        outcome = "refused" if refused else "failed" if isinstance(error, Exception) else "cancelled"
        if isinstance(error, Exception):
            from trifuse.classify import kind_of

            attempt.error, attempt.kind = error, str(kind_of(error))
            self._failed.append(attempt)
        with self.pool._lock:
            setattr(deployment, outcome, getattr(deployment, outcome) + 1)
        self._tell(attempt, outcome)

    def won(self, deployment: Deployment) -> None:
        """Note for the caller which deployment has answered."""
        pool = self.pool
        with pool._lock:
            pool._answered += 1
        note_deployment(pool, deployment.name)
        if self._failed:
            names = ", ".join(f"{a.deployment.name} ({a.kind})" for a in self._failed)
            log().info("model pool %r: %s answers after %s", pool.name, deployment.name, names)
            self._forget()

    def has_other(self) -> bool:
        """Tell whether there is a deployment to hedge with."""
        return self._tried < self.pool._max_attempts and any(d.standing() == 0 for d in self._left)

    def last_error(self) -> BaseException:
        """Give the last error of a deployment."""
        error = self._failed[-1].error
        assert error is not None
        return error

    def after(self, error: Exception) -> Deployment | None:
        """Give the deployment that takes over after an error; None when it is to be raised."""
        return self.next() if self._moves_on(error) else None

    def _moves_on(self, error: Exception) -> bool:
        """Tell whether another deployment may do better; keeps those that may."""
        if remaining_ns() == 0:
            return False
        if isinstance(error, OverCapacityError):  # a larger limit may take it
            return bool(self._left)
        attempt = next((a for a in reversed(self._failed) if a.error is error), None)
        if attempt is None or isinstance(error, (ConfigurationError, UnsupportedError)):
            return False
        if attempt.kind == "context_length":
            least = attempt.deployment.context
            self._left = [d for d in self._left if least is not None and (d.context or 0) > least]
        return attempt.kind not in _CALLERS and bool(self._left)

    def give_up(self, error: BaseException) -> BaseException:
        """Give the error to raise: of several the last that a deployment really gave, with notes on all."""
        with self.pool._lock:
            self.pool._lost += 1
        if not isinstance(error, Exception) or not self._failed:
            self._forget()
            return error
        if isinstance(error, RefusedError):
            real = [a.error for a in self._failed if not isinstance(a.error, RefusedError)]
            error = real[-1] if real and isinstance(real[-1], Exception) else _soonest(self._failed, error)
        with contextlib.suppress(Exception):  # an error that cannot be written to, such as a frozen dataclass
            others = [a for a in self._failed if a.error is not error]
            error.pool_errors = tuple((a.deployment.name, _bare(a.error)) for a in others)  # type: ignore[attr-defined]
            error.add_note(f"model pool {self.pool.name!r}: {'; '.join(map(_told, self._failed))}")
        self._forget()
        return error

    def _forget(self) -> None:
        """Let go of the errors: through their tracebacks they hold this call."""
        for attempt in self._failed:
            attempt.error = None
        self._failed = []

    def _tell(self, attempt: Attempt, outcome: str) -> None:
        listeners = self.pool._listeners
        if listeners:
            name, took = self.pool.name, seconds(max(0, now_ns() - attempt.started_ns))
            event = PoolEvent(
                name, attempt.deployment.name, attempt.number, outcome, attempt.kind, took, attempt.hedge
            )
            tell(name, listeners, event, "model pool")


def _soonest(failed: list[Attempt], error: RefusedError) -> Exception:
    """Give the refusal that is over first: what it tells is when to try the pool again."""
    timed = [a.error for a in failed if isinstance(a.error, RefusedError) and a.error.retry_after is not None]
    return min(timed, key=lambda refusal: refusal.retry_after or 0.0, default=error)


def _bare(error: BaseException | None) -> BaseException | None:
    return None if error is None else error.with_traceback(None)


def _told(attempt: Attempt) -> str:
    """Tell how an attempt ended, by names and numbers: never a message, which may hold a prompt."""
    error, name = attempt.error, attempt.deployment.name
    if isinstance(error, RefusedError):
        when = "" if error.retry_after is None else f", again in {error.retry_after:.3g} s"
        return f"{name} was refused by its {error.policy} ({error.reason}{when})"
    return f"{name} raised {type(error).__qualname__} ({attempt.kind})"
