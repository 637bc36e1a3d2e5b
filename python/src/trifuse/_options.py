# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a guard is told beside the breaker's configuration: classification and fallbacks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from trifuse._core import lib
from trifuse._durations import Duration, nanoseconds, seconds
from trifuse._errors import (
    BulkheadFullError,
    ConfigurationError,
    RateLimitedError,
    RefusedError,
    RequestTimeoutError,
    RetryBudgetError,
    ThrottledError,
    UnsupportedError,
)
from trifuse._fallback import make_chain
from trifuse._listeners import log

if TYPE_CHECKING:
    from trifuse._chains import Chain
    from trifuse.classify import Kind

SUCCESS: int = lib.TRIFUSE_OUTCOME_SUCCESS
FAILURE: int = lib.TRIFUSE_OUTCOME_FAILURE
TIMEOUT: int = lib.TRIFUSE_OUTCOME_TIMEOUT
IGNORED: int = lib.TRIFUSE_OUTCOME_IGNORED
CANCELLED: int = lib.TRIFUSE_PY_CANCELLED

ErrorTest = type[BaseException] | tuple[type[BaseException], ...] | Callable[[BaseException], bool]
# A call that a limit of ours refused, or that was asked for wrongly, says nothing about the service.
# (The refusal of another breaker does: what the service needs is down.)
_NOT_MADE = (
    RateLimitedError, BulkheadFullError, ThrottledError, RetryBudgetError, ConfigurationError, UnsupportedError,
)  # fmt: skip
_OUTCOMES = {"failure": FAILURE, "timeout": TIMEOUT, "ignored": IGNORED}
_QUOTA_NS = 600 * 1_000_000_000
_verdict: Callable[[BaseException], tuple[Kind, str]] | None = None
NOT_GIVEN: Any = type("NotGiven", (), {"__repr__": lambda _: "<not given>", "__slots__": ()})()


class GuardFields(TypedDict, total=False):
    """Keyword arguments that belong to the guard of a function, not to the breaker's counting."""

    failure_on: ErrorTest
    ignore: ErrorTest
    failure_if: Callable[[Any], bool]
    fallback: Callable[..., Any] | list[Any] | tuple[Any, ...] | dict[str, Any] | None
    fallback_value: Any
    fallback_on: ErrorTest
    idle_timeout: Duration | None
    thread: bool
    respect_retry_after: bool
    quota_open_duration: Duration


NAMES = frozenset(GuardFields.__annotations__)


class Options:
    """The options of one guard; immutable once made."""

    __slots__ = (
        "chain", "failure_if", "failure_on", "fallback_on", "idle_ns",
        "idle_timeout", "ignore", "plain", "quota_ns", "quota_open_duration",
        "respect_retry_after", "thread",
    )  # fmt: skip

    def __init__(self, fields: Mapping[str, Any]) -> None:
        """Check and keep the fields."""
        self.failure_on = _error_test("failure_on", fields.get("failure_on"))
        self.ignore = _error_test("ignore", fields.get("ignore"))
        self.fallback_on = _error_test("fallback_on", fields.get("fallback_on"))
        self.failure_if = _function("failure_if", fields.get("failure_if"))
        self.idle_ns = _wait_ns("idle_timeout", fields.get("idle_timeout"), 0)
        self.idle_timeout = seconds(self.idle_ns)
        self.quota_ns = _wait_ns("quota_open_duration", fields.get("quota_open_duration"), _QUOTA_NS)
        self.quota_open_duration = seconds(self.quota_ns)
        self.thread = bool(fields.get("thread", False))
        self.respect_retry_after = bool(fields.get("respect_retry_after", True))
        self.chain: Chain | None = make_chain(
            fields.get("fallback"), fields.get("fallback_value", NOT_GIVEN), NOT_GIVEN
        )
        # Plain: the success path has nothing to do but to report.
        self.plain = self.chain is None and self.failure_if is None and not self.thread
        if self.fallback_on is not None and self.chain is None:
            raise ConfigurationError(
                "fallback_on", fields["fallback_on"], "only with fallback or fallback_value"
            )

    def outcome_of(self, error: BaseException) -> int:
        """Classify what a call raised."""
        return self.judge(error)[0]

    def judge(self, error: BaseException) -> tuple[int, Kind | None]:
        """Classify what a call raised; gives its kind too, where the table was asked."""
        if not isinstance(error, Exception):
            return (CANCELLED if is_cancellation(error) else IGNORED), None
        if self.ignore is not None and matches(self.ignore, error):
            return IGNORED, None
        if self.failure_on is not None:
            if not matches(self.failure_on, error):
                return IGNORED, None
        elif isinstance(error, _NOT_MADE):
            return IGNORED, None
        elif not isinstance(error, (RefusedError, RequestTimeoutError)):
            return _by_kind(error)
        return (TIMEOUT if isinstance(error, TimeoutError) else FAILURE), None

    def outcome_of_result(self, result: object) -> int:
        """Classify what a call returned; a predicate that raises is logged and says success."""
        if self.failure_if is None:
            return SUCCESS
        try:
            return FAILURE if self.failure_if(result) else SUCCESS
        except Exception:  # noqa: BLE001 - the result is the caller's, whatever the predicate does
            log().exception("failure_if raised; the call counts as a success")
            return SUCCESS

    def falls_back_on(self, error: BaseException) -> bool:
        """Tell whether a failure of the call is answered by the fallback."""
        if self.chain is None or not isinstance(error, Exception):
            return False
        asked = self.fallback_on is not None and matches(self.fallback_on, error)
        return asked or self.chain.named(error)


def kind_of(error: BaseException) -> Kind | None:
    """Give the kind of an error; None where the table cannot be loaded any more, as Python ends."""
    return _by_kind(error)[1]


def _by_kind(error: BaseException) -> tuple[int, Kind | None]:
    """Give outcome and kind of an error by the table, which is loaded when it is first needed."""
    global _verdict  # noqa: PLW0603 - a program without errors does not pay for the table
    if _verdict is None:
        try:
            from trifuse.classify import verdict
        except ImportError:
            return FAILURE, None
        _verdict = verdict
    kind, outcome = _verdict(error)
    return _OUTCOMES[outcome], kind


def make_options(fields: Mapping[str, Any]) -> Options:
    """Make options; the one shared object when there is nothing special."""
    return Options(fields) if fields else DEFAULT


def same_options(one: Options, other: Options) -> bool:
    """Tell whether two guards would behave the same."""
    return one is other or all(getattr(one, n) == getattr(other, n) for n in Options.__slots__)


def matches(test: ErrorTest, error: BaseException) -> bool:
    """Apply a test by type or predicate; a predicate that raises is logged and says no."""
    if isinstance(test, (type, tuple)):
        return isinstance(error, test)
    try:
        return bool(test(error))
    except Exception:  # noqa: BLE001 - the guarded call's own error must come through
        log().exception("a predicate on errors raised; it counts as no match")
        return False


def is_cancellation(error: BaseException) -> bool:
    """Tell whether an exception is the event loop's way to cancel."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and isinstance(error, asyncio.CancelledError):
        return True
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    if isinstance(error, BaseExceptionGroup):  # what a nursery makes of the cancellation of several tasks
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)


def _error_test(field: str, value: Any) -> ErrorTest | None:
    allowed = "an exception type, a tuple of them, or a function of the exception"
    if value is None:
        return None
    if isinstance(value, list):
        value = tuple(value)
    types = value if isinstance(value, tuple) else (value,)
    if all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in types):
        test: ErrorTest = value
        return test
    if isinstance(value, (tuple, type)) or not callable(value):
        raise ConfigurationError(field, value, allowed)
    return value  # type: ignore[no-any-return]


def _function(field: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise ConfigurationError(field, value, "a function of the result")
    return value


def _wait_ns(field: str, value: Any, default: int) -> int:
    ns = default if value is None else nanoseconds(value)
    if ns is None or ns > lib.TRIFUSE_DURATION_MAX_NS:
        raise ConfigurationError(field, value, "0 (none) to 365 days (in seconds, or a timedelta)")
    return ns


DEFAULT = Options({})
