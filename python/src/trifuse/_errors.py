# SPDX-License-Identifier: MIT OR Apache-2.0
"""The errors of trifuse: one hierarchy, each value fresh, picklable and small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trifuse._values import RefusalReason


class TrifuseError(Exception):
    """Everything that trifuse itself raises; never what the guarded call raised."""


class RefusedError(TrifuseError):
    """The call was not made, because a policy refused it.

    Attributes:
        name: of the policy that refused, such as the circuit breaker's name.
        reason: why, a :class:`RefusalReason` (which is a ``str``).
        retry_after: seconds until it makes sense to try again; 0 is "now", ``None`` not known.
    """

    reason: RefusalReason
    _says = "refused the call"

    if TYPE_CHECKING:

        def __init__(self, name: str, retry_after: float | None = None) -> None:
            """Take the name of the policy and when to try again, in seconds."""

    @property
    def name(self) -> str:
        """The name of the policy that refused."""
        return str(self.args[0])

    @property
    def retry_after(self) -> float | None:
        """Seconds until it makes sense to try again."""
        return self.args[1] if len(self.args) > 1 else None

    def __str__(self) -> str:
        """Tell a person what happened and what to do."""
        return f"circuit breaker {self.name!r} {self._says}; the call was not made. {self._advice()}"

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


class RequestTimeoutError(TrifuseError, TimeoutError):
    """A guarded call took too long and was given up.

    Attributes:
        name: of the circuit breaker.
        setting: which of its settings did it: ``"request_timeout"`` or ``"idle_timeout"``.
        limit: its value in seconds.
    """

    def __init__(self, name: str, setting: str, limit: float) -> None:
        """Take the breaker's name, the setting and its value in seconds."""
        self.name = name
        self.setting = setting
        self.limit = limit
        super().__init__(name, setting, limit)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the values that made it."""
        return type(self), (self.name, self.setting, self.limit)

    def __str__(self) -> str:
        """Tell which setting ended the call."""
        what = "gave no item" if self.setting == "idle_timeout" else "did not answer"
        return (
            f"the call guarded by {self.name!r} {what} within {self.limit:g} s "
            f"({self.setting} of the circuit breaker)"
        )


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
        return type(self), (self.field, self.value, self.allowed)

    def __str__(self) -> str:
        """Name field, value and what is allowed."""
        return f"{self.field}={self.value!r} is not allowed; allowed: {self.allowed}"


REFUSALS: dict[int, type[RefusedError]] = {
    1: CircuitBreakerOpenError,
    2: HalfOpenLimitError,
    3: ForcedOpenError,
}
