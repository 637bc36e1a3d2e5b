# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guards of Celery tasks: a run that is refused is put back for later, instead of failing.

::

    from trifuse.contrib.celery import GuardedTask

    @app.task(base=GuardedTask, breaker="mail", breaker_options={"consecutive_failures": 5})
    def send(address): ...
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from trifuse._breaker import CircuitBreaker
from trifuse._durations import nanoseconds, seconds
from trifuse._errors import ConfigurationError, RefusedError
from trifuse._options import IGNORED, TIMEOUT
from trifuse._permits import OwnCall, admit_own, tell_refused_call
from trifuse._policy import Policy
from trifuse.contrib._need import need

if TYPE_CHECKING:
    import celery
    from celery import exceptions as _exceptions
else:
    celery = need("celery", "celery")
    _exceptions = need("celery.exceptions", "celery")

_LATER = (_exceptions.Retry, _exceptions.Ignore, _exceptions.Reject)
_SPREAD = 0.1
_REFUSED = "trifuse_refused"
_RETRIES = "None, or a whole number of times"

__all__ = ["GuardedTask"]


class _Later(BaseException):
    """One of Celery's own exceptions on its way through a policy, to which it is no outcome."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class GuardedTask(celery.Task):  # type: ignore[misc]
    """The base of tasks whose runs go through a circuit breaker, or another policy.

    A run that is refused is put back: the task is sent again, to run after the time that the refusal
    tells and up to 10 % more, and is in the state RETRY until then. That is none of the task's own
    ``max_retries``. A refusal that comes from within the body is the task's own error.

    An exception is a failure, as far as ``trifuse.classify`` and the breaker's settings have it;
    a soft time limit (SoftTimeLimitExceeded) is a timeout. Celery's Retry counts as the error that it
    carries (``self.retry(exc=error)``, ``autoretry_for``); without one, and for Ignore and Reject,
    the run is no outcome. A hard time limit ends the process, and what it knew.

    A task that is called (``task(1)``, not ``task.delay(1)``) or eager is not put back: who called it
    gets the RefusedError.

    Each process of a prefork worker has breakers of its own.

    Attributes:
        breaker: a name, a :class:`trifuse.CircuitBreaker`, or another policy such as a RateLimit or a
            Pipeline; by default the name of the task.
        breaker_options: the settings of a breaker that is given by name, ``preset`` too. Without
            ``request_timeout`` the runs have no time limit of the breaker's.
        refused_min, refused_max: the least and the longest wait after a refusal, seconds; 1 and 300.
        refused_unknown: the wait after a refusal that does not know when to come back; 10.
        refused_retries: how often a run is put back at most, then the refusal is raised; None: as
            often as it takes.

    Raises:
        ConfigurationError: for a bad setting, when the application takes the task on.
    """

    abstract = True
    breaker: Any = None
    breaker_options: ClassVar[Mapping[str, Any]] = {}
    refused_min: Any = 1
    refused_max: Any = 300
    refused_unknown: Any = 10
    refused_retries: int | None = None
    _made: Policy | None = None

    @classmethod
    def on_bound(cls, app: Any) -> None:
        """Check the settings when the application takes the task on."""
        super().on_bound(app)
        if cls.name is None:
            return
        for field in ("refused_min", "refused_max", "refused_unknown"):
            _seconds(field, getattr(cls, field))
        if _seconds("refused_max", cls.refused_max) < _seconds("refused_min", cls.refused_min):
            raise ConfigurationError(
                "refused_max", cls.refused_max, f"at least refused_min, {cls.refused_min}"
            )
        most = cls.refused_retries
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 0):
            raise ConfigurationError("refused_retries", most, _RETRIES)
        cls._policy()

    @classmethod
    def _policy(cls) -> Policy:
        made = cls.__dict__.get("_made")
        if made is None:
            made = cls._make_policy()
            cls._made = made
        policy: Policy = made
        return policy

    @classmethod
    def _make_policy(cls) -> Policy:
        given = cls.breaker
        if isinstance(given, Policy):
            if cls.breaker_options:
                raise ConfigurationError(
                    "breaker_options", cls.breaker_options, "only with a breaker by name"
                )
            given._adopt(cls.name)
            return given
        if given is not None and not isinstance(given, str):
            raise ConfigurationError("breaker", given, "a name, a CircuitBreaker or another policy, or None")
        if not isinstance(cls.breaker_options, Mapping):
            raise ConfigurationError("breaker_options", cls.breaker_options, "settings of a breaker by name")
        options = {"request_timeout": None, **cls.breaker_options}
        return CircuitBreaker(cls.name if given is None else given, **options)

    @property
    def policy(self) -> Policy:
        """The breaker or other policy of this process that the task's runs go through."""
        return type(self)._policy()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task through its policy."""
        policy = self.policy
        begun = False

        def run() -> Any:
            nonlocal begun
            begun = True
            return super(GuardedTask, self).__call__(*args, **kwargs)

        try:
            if isinstance(policy, CircuitBreaker):
                return _through(policy, run)
            return _through_other(policy, run)
        except RefusedError as refusal:
            if begun or not self._may_come_back():
                raise
            later = self._put_back(refusal)
        raise later

    def _may_come_back(self) -> bool:
        """Tell whether a refused run can be put back: one of a worker's, not too often."""
        request = self.request
        if request.called_directly or request.is_eager:
            return False
        most = self.refused_retries
        return most is None or self._times_refused() < most

    def _times_refused(self) -> int:
        told = self.request.get(_REFUSED) or (self.request.headers or {}).get(_REFUSED)
        return told if isinstance(told, int) and not isinstance(told, bool) else 0

    def _put_back(self, refusal: RefusedError) -> Exception:
        """Send the task again for later, and give what tells the worker so."""
        request, wait = self.request, self._wait(refusal)
        headers = {**(request.headers or {}), _REFUSED: self._times_refused() + 1}
        again = self.signature_from_request(request, countdown=wait, retries=request.retries, headers=headers)
        try:
            again.apply_async()
        except Exception as error:  # noqa: BLE001 - as Celery's own retry() does when there is no broker
            return _rejected(error)
        retry: Exception = _exceptions.Retry(exc=refusal, when=wait, is_eager=False, sig=again)
        return retry

    def _wait(self, refusal: RefusedError) -> float:
        """Give the seconds until a refused run comes back, spread so that not all come at once."""
        told = refusal.retry_after
        least, most = _seconds("refused_min", self.refused_min), _seconds("refused_max", self.refused_max)
        wait = max(least, _seconds("refused_unknown", self.refused_unknown) if told is None else told)
        wait *= 1 + random.uniform(0, _SPREAD)
        return min(wait, most)


def _through(breaker: CircuitBreaker, run: Any) -> Any:
    """Run a task through a breaker. Raises RefusedError."""
    try:
        own = admit_own(breaker, breaker._options, 0)
    except RefusedError as error:
        tell_refused_call(breaker, error)
        raise
    if own is None:
        return run()
    try:
        result = run()
    except BaseException as error:
        _report(own, error)
        raise
    own.returned(result)
    own.notify()
    return result


def _report(own: OwnCall, error: BaseException) -> None:
    cause = getattr(error, "exc", None) if isinstance(error, _exceptions.Retry) else None
    if isinstance(cause, BaseException):
        error = cause
    if isinstance(error, _LATER):
        own.finish(IGNORED, error)
    elif isinstance(error, _exceptions.SoftTimeLimitExceeded):
        own.raised(error, TIMEOUT)
    else:
        own.raised(error)
    own.notify()


def _through_other(policy: Policy, run: Any) -> Any:
    """Run a task through a policy of another kind, to which Celery's own exceptions are no outcome."""

    def body() -> Any:
        try:
            return run()
        except _LATER as error:
            raise _Later(error) from None

    try:
        return policy.call(body)
    except _Later as later:
        error = later.error
    raise error


def _rejected(error: Exception) -> Exception:
    rejected: Exception = _exceptions.Reject(error, requeue=False)
    return rejected


def _seconds(field: str, value: Any) -> float:
    ns = nanoseconds(value)
    if ns is None:
        raise ConfigurationError(field, value, "seconds, or a timedelta")
    return seconds(ns)
