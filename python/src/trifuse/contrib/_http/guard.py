# SPDX-License-Identifier: MIT OR Apache-2.0
"""The guard of a client: the policies of each of its hosts, its retry and its total time."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from trifuse._durations import seconds
from trifuse._errors import ConfigurationError
from trifuse._options import FAILURE, IGNORED, SUCCESS, TIMEOUT
from trifuse._remaining import End
from trifuse._time_limit import Left, TimeLimit, bypass, duration_ns, end_in
from trifuse.classify import classify
from trifuse.contrib._http.settings import make_hosts, make_retry, one_of

_OUTCOMES = {"failure": FAILURE, "timeout": TIMEOUT, "ignored": IGNORED, "success": SUCCESS}
_FIRST_ERROR = 400


class TotalTime(TimeLimit):
    """How long a request may take in all, its retries and the body of its answer with it."""

    __slots__ = ()
    kind = "timeout"
    setting = "total_timeout"


class StatusError(Exception):
    """What a status is to ``trifuse.classify``: an error that has one."""

    def __init__(self, response: Any, status: int) -> None:
        """Take the answer and its status."""
        super().__init__(f"HTTP status {status}")
        self.response = response
        self.status_code = status


class HttpGuard:
    """What guards a client. Everything may be used from any number of threads and tasks.

    Attributes:
        name: of all its policies; the breaker of a host is ``name[scheme://host:port]``.
        hosts: the policies of each host.
        retry: what makes requests again that may be made again; None: nothing.
        refusals: ``"raise"``, or ``"respond"``: a refusal is an answer 503, no error.
    """

    def __init__(self, name: str, fields: Mapping[str, Any]) -> None:
        """Make the policies. Raises ConfigurationError, TypeError."""
        given = dict(fields)
        self.name = given.pop("name", name)
        if not isinstance(self.name, str) or not self.name:
            raise ConfigurationError("name", self.name, "a text that is not empty")
        total = given.pop("total_timeout", None)
        self.key = given.pop("key", None)
        if self.key is not None and not callable(self.key):
            raise ConfigurationError("key", self.key, "a function of the request")
        self.refusals = one_of("refusals", given.pop("refusals", "raise"), ("raise", "respond"))
        self.retry = make_retry(self.name, given.pop("retry", True))
        self.total = None
        if total is not None:
            self.total = TotalTime(seconds(duration_ns("total_timeout", total, 1)), self.name)
        self.hosts = make_hosts(self.name, given)

    def key_of(self, request: Any, origin: str) -> Hashable:
        """Give the key of a request: its origin, or what the user's function says."""
        return origin if self.key is None else self.key(request)

    def ends(self) -> Left | None:
        """Give when a request that begins now is to have ended; None without a total time."""
        return None if self.total is None or bypass() else end_in(self.total._ns, self.total)

    def judge(self, response: Any, status: int) -> tuple[int, bool]:
        """Give the outcome that the head of an answer means, and whether to ask again."""
        options = self.hosts.options
        if bypass():
            return SUCCESS, False
        if options.failure_if is not None:
            outcome = options.outcome_of_result(response)
            return outcome, outcome != SUCCESS
        if status < _FIRST_ERROR:
            return SUCCESS, False
        kind = classify(StatusError(response, status)).kind
        return _OUTCOMES.get(kind.outcome, FAILURE), kind.retryable

    def retries(self, error: Exception) -> bool:
        """Tell whether an error is one after which a request is made again."""
        return self.retry is not None and self.retry._retries(error)

    def describe(self) -> dict[str, Any]:
        """Give the settings in force as plain data, durations in seconds."""
        hosts = self.hosts
        first = next(iter(hosts.places.values()), None) if hosts.places else None
        if hosts.places is not None and first is None:
            first = hosts.places._make(self.name)
        declared = hosts.breakers._declared
        return {
            "kind": "http", "name": self.name,
            "circuit_breaker": {"preset": str(declared.preset), **declared.fields},
            "retry": None if self.retry is None else self.retry.describe(),
            "rate_limit": None if hosts.rate_limits is None else hosts.rate_limits.describe(),
            "places": None if first is None else {**first.describe(), "name": self.name},
            "total_timeout": None if self.total is None else self.total.seconds,
            "max_hosts": hosts.breakers.max_keys, "refusals": self.refusals,
            "hosts": [str(key) for key in hosts.breakers],
        }  # fmt: skip

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Give what the policies of each host have counted, by the host."""
        return self.hosts.snapshot()

    def __repr__(self) -> str:
        """Show the name and the number of hosts."""
        return f"<HttpGuard {self.name!r} of {len(self.hosts.breakers)} hosts>"


def attempt_end(request_timeout_ns: int, outer: End | None, now: int) -> int:
    """Give the time at which an attempt that begins now is over, in ns; 0 where nothing limits it."""
    own = now + request_timeout_ns if request_timeout_ns else 0
    if outer is None:
        return own
    return min(own, outer[0]) if own else outer[0]
