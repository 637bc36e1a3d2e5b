# SPDX-License-Identifier: MIT OR Apache-2.0
"""The errors of trifuse: one hierarchy, each value fresh, picklable and small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trifuse._values import RefusalReason


class TrifuseError(Exception):
    """Everything that trifuse itself raises; never what the guarded call raised.

    It unites what can become of a call: :class:`RefusedError` (not made),
    :class:`RequestTimeoutError` (given up), :class:`RetriesExhausted` (where that was asked for),
    and the mistakes of the caller, :class:`ConfigurationError` and :class:`UnsupportedError`.
    """


class RefusedError(TrifuseError):
    """The call was not made, because a policy refused it.

    Attributes:
        name: of the policy that refused, such as the circuit breaker's name.
        policy: its kind, such as ``"circuit_breaker"`` or ``"rate_limit"``.
        reason: why, a :class:`RefusalReason` (which is a ``str``).
        retry_after: seconds until it makes sense to try again; 0 is "now", ``None`` not known.
    """

    reason: RefusalReason
    _policy = "circuit_breaker"
    _says = "refused the call"

    if TYPE_CHECKING:

        def __init__(self, name: str, retry_after: float | None = None) -> None:
            """Take the name of the policy and when to try again, in seconds."""

    @property
    def name(self) -> str:
        """The name of the policy that refused."""
        return str(self.args[0])

    @property
    def policy(self) -> str:
        """The kind of the policy that refused."""
        return self._policy

    @property
    def retry_after(self) -> float | None:
        """Seconds until it makes sense to try again."""
        return self.args[1] if len(self.args) > 1 else None

    def __str__(self) -> str:
        """Tell a person what happened and what to do."""
        noun = self.policy.replace("_", " ")
        return f"{noun} {self.name!r} {self._says}; the call was not made. {self._advice()}"

    def _advice(self) -> str:
        if self.retry_after is None:
            return "It is not known when to try again."
        return f"Try again in {self.retry_after:.3g} s."


class CircuitBreakerOpenError(RefusedError):
    """The circuit is open: too many calls failed, and its wait is not over."""

    reason = RefusalReason.OPEN
    _says = "is open, because the calls it guards have been failing"


class HalfOpenLimitError(RefusedError):
    """The circuit is half-open and all of its probes are in flight."""

    reason = RefusalReason.HALF_OPEN_LIMIT
    _says = "is half-open and all its probe calls are in flight"

    def _advice(self) -> str:
        return "Try again when a probe has answered."


class ForcedOpenError(RefusedError):
    """Somebody isolated the dependency with ``force_open()``."""

    reason = RefusalReason.FORCED_OPEN
    _says = "was forced open by a person or program"

    def _advice(self) -> str:
        return "It stays so until reset() or close() is called on it."


class RateLimitedError(RefusedError):
    """The rate limit has not enough tokens, or none within the time the call may wait.

    Attributes:
        requested: tokens that the call wanted.
        available: whole tokens that were there.
    """

    reason = RefusalReason.RATE_LIMITED
    _policy = "rate_limit"

    if TYPE_CHECKING:

        def __init__(
            self, name: str, retry_after: float | None = None, requested: int = 1, available: int = 0
        ) -> None:
            """Take name, when to try again in seconds, and the tokens wanted and there."""

    @property
    def requested(self) -> int:
        """Tokens that the call wanted."""
        return self.args[2] if len(self.args) > 2 else 1  # noqa: PLR2004 - the place of an argument

    @property
    def available(self) -> int:
        """Whole tokens that were there."""
        return self.args[3] if len(self.args) > 3 else 0  # noqa: PLR2004 - the place of an argument

    @property
    def _says(self) -> str:  # type: ignore[override]
        return f"has {self.available} of the {self.requested} tokens that the call needs"


class BulkheadFullError(RefusedError):
    """As many calls are in flight as the bulkhead or adaptive limit allows."""

    reason = RefusalReason.BULKHEAD_FULL
    _says = "is full"

    if TYPE_CHECKING:

        def __init__(self, name: str, retry_after: float | None = None, policy: str = "bulkhead") -> None:
            """Take name, when to try again in seconds (not known), and the kind of the policy."""

    @property
    def policy(self) -> str:
        """``"bulkhead"`` or ``"adaptive_limit"``."""
        return self.args[2] if len(self.args) > 2 else "bulkhead"  # noqa: PLR2004 - as above

    def _advice(self) -> str:
        return "Try again when one of the calls in flight has ended."


class ThrottledError(RefusedError):
    """The adaptive throttle refused this call, because the backend has been refusing many."""

    reason = RefusalReason.THROTTLED
    _policy = "throttle"
    _says = "refused this call by chance, because the backend takes on too few"


class RetryBudgetError(RefusedError):
    """The retry budget is spent: too many of the recent calls were retries."""

    reason = RefusalReason.RETRY_BUDGET
    _policy = "retry_budget"
    _says = "is spent: too many of the recent calls were retries"


class RetriesExhausted(TrifuseError):  # noqa: N818 - the name that people look for
    """All attempts failed; raised only where the retry was told so, else the last error is.

    Attributes:
        attempts: how many were made, the first included.
        last_error: what the last one raised; also the ``__cause__``. None if it returned what
            ``retry_if`` does not want: ``last_result``.
        name: of the retry.
        last_result: what the last one returned, if that is why.
    """

    def __init__(
        self, attempts: int, last_error: BaseException | None, name: str = "", last_result: object = None
    ) -> None:
        """Take the number of attempts, the last error, the retry's name and the last result."""
        self.attempts = attempts
        self.last_error = last_error
        self.name = name
        self.last_result = last_result
        super().__init__(attempts, last_error, name, last_result)

    def __str__(self) -> str:
        """Tell how often it was tried and how it ended."""
        error = self.last_error
        times = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        last = f"{type(error).__qualname__}: {error}"
        if error is None:
            last = f"it returned a {type(self.last_result).__qualname__} that is not wanted"
        return f"retry {self.name!r} gave up after {times}; the last: {last}"


_TIMEOUTS = {
    "request_timeout": ("did not answer", "request_timeout of the circuit breaker"),
    "idle_timeout": ("gave no item", "idle_timeout of the circuit breaker"),
    "timeout": ("did not answer", "the timeout"),
    "deadline": ("did not end", "the deadline"),
    "first_content": ("gave no content", "the stream's limit first_content"),
    "idle": ("gave no content", "the stream's limit idle"),
    "total": ("did not end", "the stream's limit total"),
}


class RequestTimeoutError(TrifuseError, TimeoutError):
    """A guarded call took too long and was given up.

    Attributes:
        name: of the circuit breaker, timeout or deadline.
        setting: which setting did it: ``request_timeout`` or ``idle_timeout`` of a circuit breaker,
            ``timeout``, ``deadline``, or ``first_content``, ``idle`` or ``total`` of a stream.
        limit: its value in seconds.
    """

    def __init__(self, name: str, setting: str, limit: float) -> None:
        """Take the policy's name, the setting and its value in seconds."""
        self.name = name
        self.setting = setting
        self.limit = limit
        super().__init__()  # it would take three arguments for errno, text and file name
        self.args = (name, setting, limit)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the values that made it."""
        return type(self), (self.name, self.setting, self.limit), self.__dict__

    def __str__(self) -> str:
        """Tell which setting ended the call."""
        what, setting = _TIMEOUTS.get(self.setting, ("did not answer", self.setting))
        guarded = f"the call guarded by {self.name!r}" if self.name else "the call"
        return f"{guarded} {what} within {self.limit:g} s ({setting})"


class ConfigurationError(TrifuseError, ValueError):
    """A setting was refused, and nothing of the new configuration was taken.

    Attributes:
        field: the name of the setting.
        value: what was given.
        allowed: what is allowed, in words.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        """Take the field, the refused value and what is allowed."""
        self.field = field
        self.value = value
        self.allowed = allowed
        super().__init__(field, value, allowed)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the values that made it."""
        return type(self), (self.field, self.value, self.allowed), self.__dict__

    def __str__(self) -> str:
        """Name field, value and what is allowed."""
        return f"{self.field}={self.value!r} is not allowed; allowed: {self.allowed}"


class OverCapacityError(ConfigurationError):
    """More tokens were asked for than the rate limit can ever have: no wait helps.

    Attributes:
        name: of the rate limit.
        requested: tokens that the call wanted.
        capacity: the most that one call can have.
    """

    def __init__(self, name: str, requested: int, capacity: int) -> None:
        """Take the rate limit's name, what was wanted and what there can be."""
        self.name = name
        self.requested = requested
        self.capacity = capacity
        super().__init__("n", requested, f"1 to {capacity}, the most that {name!r} can ever have")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the values that made it."""
        return type(self), (self.name, self.requested, self.capacity), self.__dict__


class UnsupportedError(TrifuseError):
    """The policy is of a kind that cannot do this.

    Attributes:
        name: of the policy.
        operation: what was asked of it.
        advice: what can be done instead.
    """

    def __init__(self, name: str, operation: str, advice: str) -> None:
        """Take the policy's name, the operation and what can be done instead."""
        self.name = name
        self.operation = operation
        self.advice = advice
        super().__init__(name, operation, advice)

    def __str__(self) -> str:
        """Tell what is not possible, and what is."""
        return f"{self.name!r} does not support {self.operation}; {self.advice}"


REFUSALS = {1: CircuitBreakerOpenError, 2: HalfOpenLimitError, 3: ForcedOpenError}
