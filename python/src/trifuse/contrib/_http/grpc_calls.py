# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the gRPC interceptors share: keys, time limits, retries, and what becomes of our errors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from trifuse._errors import ConfigurationError, RefusedError, RequestTimeoutError
from trifuse._options import SUCCESS
from trifuse._remaining import current, now_ns
from trifuse.contrib._http.also import also
from trifuse.contrib._http.guard import HttpGuard
from trifuse.contrib._http.permits import Permit
from trifuse.contrib._http.settings import one_of
from trifuse.contrib._need import need

if TYPE_CHECKING:
    import grpc
else:
    grpc = need("grpc", "grpc")
_SCOPES = ("method", "service", "target")
_PUSHBACK = "grpc-retry-pushback-ms"
_NOT_HERE = ("failure_if", "refusals", "key")


class GrpcGuard(HttpGuard):
    """The guard of a channel: the policies of each method, service or target."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        """Make the policies. Raises ConfigurationError, TypeError."""
        given = dict(fields)
        for field in _NOT_HERE:
            if field in given:
                raise ConfigurationError(
                    field, given[field], "nothing: a channel's guard has no such setting"
                )
        self.target = given.pop("target", "")
        if not isinstance(self.target, str):
            raise ConfigurationError("target", self.target, "a text such as dns:///api.example.com:443")
        self.scope = one_of("scope", given.pop("scope", "method"), _SCOPES)
        self._idempotent = _test(given.pop("idempotent", False))
        super().__init__("grpc", given)

    def key_for(self, method: str) -> str:
        """Give the key of a method such as ``/package.Service/Method``."""
        if self.scope == "target":
            return self.target or "*"
        if self.scope == "service":
            method = method.rpartition("/")[0]
        return f"{self.target}{method}"

    def may_repeat(self, method: str) -> bool:
        """Tell whether a method means the same when it is called twice."""
        return self._idempotent(method)

    def retries(self, error: Exception) -> bool:
        """Tell whether to call again: not after a pushback that is negative or no number."""
        told = _pushback(error)
        return (told is None or told >= 0) and super().retries(error)

    def describe(self) -> dict[str, Any]:
        """Give the settings in force as plain data."""
        return {**super().describe(), "kind": "grpc", "target": self.target, "scope": self.scope}


def _test(value: Any) -> Callable[[str], bool]:
    if isinstance(value, bool):
        return lambda _method: value
    if callable(value):
        return lambda method: bool(value(method))
    several = isinstance(value, Collection) and not isinstance(value, str)
    if not several or not all(isinstance(one, str) for one in value):
        raise ConfigurationError("idempotent", value, "True, False, names of methods, or a function of one")
    names = frozenset(value)
    return lambda method: method in names


def _pushback(error: Any) -> int | None:
    """Give the milliseconds that a server's trailer says; -1: not again; None: it says nothing."""
    try:
        trailer = error.trailing_metadata() or ()
        told = [value for key, value in trailer if key == _PUSHBACK]
    except Exception:  # noqa: BLE001 - it need be no error of grpc's
        return None
    if not told:
        return None
    try:
        return max(-1, int(told[0]))
    except (TypeError, ValueError):
        return -1


def limited(details: Any, end_ns: int) -> Any:
    """Give the details of a call whose timeout does not reach beyond an end."""
    if not end_ns:
        return details
    left = max(0.0, (end_ns - now_ns()) / 1e9)
    timeout = left if details.timeout is None else min(details.timeout, left)
    if hasattr(details, "_replace"):
        return details._replace(timeout=timeout)
    return _Details(details, timeout)


class _Details:
    """Details of another interceptor's own kind, with another timeout."""

    def __init__(self, details: Any, timeout: float) -> None:
        self._details = details
        self.timeout = timeout

    def __getattr__(self, name: str) -> Any:
        return getattr(self._details, name)


def stream_end() -> int:
    """Give the end of a stream that begins now: of the deadline around it; 0 for none."""
    end = current.get()
    return 0 if end is None else end[0]


def ended(permit: Permit, error: BaseException | None) -> None:
    """Report how a call ended; None: well."""
    if error is None:
        permit.judge(SUCCESS)
        permit.release()
    else:
        permit.raised(error)


def code_of(error: BaseException) -> Any:
    """Give the status that an error of ours is to gRPC."""
    late = isinstance(error, RequestTimeoutError)
    return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.UNAVAILABLE


class EndedError(grpc.RpcError):  # type: ignore[misc]
    """How a call has ended that nobody holds any more."""

    def __init__(self, code: Any) -> None:
        """Take the status."""
        super().__init__()
        self._code = code

    def code(self) -> Any:
        """The status."""
        return self._code


class Wire:
    """A call that is not done has a body to come."""

    @staticmethod
    def status(response: Any) -> int:  # noqa: ARG004 - errors were raised
        """Give a status that is well: what is not, was raised."""
        return 0

    @staticmethod
    def empty(response: Any) -> bool:
        """Tell whether the call has ended."""
        done: bool = response.done()
        return done


WIRE = Wire()


class FailedCall(grpc.RpcError, grpc.Future, grpc.Call):  # type: ignore[misc]
    """A call that was not made, or given up: an error and a call that has ended with it."""

    def code(self) -> Any:
        """The status: UNAVAILABLE for refusals, DEADLINE_EXCEEDED for timeouts."""
        return code_of(self)

    def details(self) -> str:
        """The text."""
        return str(self)

    def initial_metadata(self) -> tuple[()]:
        """None."""
        return ()

    def trailing_metadata(self) -> tuple[()]:
        """None."""
        return ()

    def cancel(self) -> bool:
        """Do nothing: it has ended."""
        return False

    def cancelled(self) -> bool:
        """False."""
        return False

    def is_active(self) -> bool:
        """False."""
        return False

    def running(self) -> bool:
        """False."""
        return False

    def done(self) -> bool:
        """True."""
        return True

    def time_remaining(self) -> float | None:
        """None."""
        return None

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - it has ended
        """Raise itself."""
        raise self

    def exception(self, timeout: float | None = None) -> BaseException:  # noqa: ARG002 - it has ended
        """Give itself."""
        return self

    def traceback(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - it has ended
        """Give its traceback."""
        return self.__traceback__

    def add_callback(self, callback: Any) -> bool:  # noqa: ARG002 - it has ended
        """Take none: it has ended."""
        return False

    def add_done_callback(self, fn: Any) -> None:
        """Call at once."""
        fn(self)

    def __iter__(self) -> FailedCall:
        """Give itself, as the answers of a stream."""
        return self

    def __next__(self) -> Any:
        """Raise itself."""
        raise self


def failed_call(error: Any) -> Any:
    """Give an error of ours as a call of grpc that has failed; others as they are."""
    if isinstance(error, (RefusedError, RequestTimeoutError)):
        return also(error, FailedCall)
    return error


def failed_aio_call(error: Any) -> Any:
    """Give an error of ours as grpc.aio's; others as they are."""
    if not isinstance(error, (RefusedError, RequestTimeoutError)):
        return error
    return also(
        error, grpc.aio.AioRpcError, _code=code_of(error), _details=str(error), _debug_error_string="",
        _initial_metadata=grpc.aio.Metadata(), _trailing_metadata=grpc.aio.Metadata(),
    )  # fmt: skip


def text(value: Any) -> str:
    """Give the name of a method or target as a text."""
    return value.decode() if isinstance(value, bytes) else str(value)
