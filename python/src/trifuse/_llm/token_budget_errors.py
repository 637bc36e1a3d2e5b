# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a token budget raises, and what a failed call has taken of it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

from trifuse._errors import ConfigurationError, RateLimitedError, RefusedError, UnsupportedError

_UNITS = {
    "rpm": "requests a minute",
    "rpd": "requests a day",
    "tpm": "tokens a minute",
    "tpd": "tokens a day",
}


class TokenBudgetError(RateLimitedError):
    """The token budget has not enough left, or not within the time that the call may wait.

    Attributes:
        requested: what the call wanted of that limit: its tokens, or 1 request.
        available: what was there of it.
        limit: which one: ``"rpm"``, ``"tpm"``, ``"rpd"``, ``"tpd"``; ``"paused"`` after the server has
            refused calls; ``"max_queue"`` when so many wait already.
    """

    _policy = "token_budget"

    if TYPE_CHECKING:

        def __init__(
            self, name: str, retry_after: float | None = None, requested: int = 1, available: int = 0,
            limit: str = "tpm",
        ) -> None:  # fmt: skip
            """Take the name, when to try again, what was wanted and there, and of which limit."""

    @property
    def limit(self) -> str:
        """Which limit has refused."""
        return self.args[4] if len(self.args) > 4 else "tpm"  # noqa: PLR2004 - the place of an argument

    @property
    def _says(self) -> str:  # type: ignore[override]
        if self.limit == "paused":
            return "is paused, because the server has refused calls"
        if self.limit == "max_queue":
            return "has as many calls waiting as it may have"
        unit = _UNITS.get(self.limit, self.limit)
        return f"has {self.available} of the {self.requested} {unit} that the call needs"


class Fate(Enum):
    """What a failed call has taken."""

    NOTHING = "it was never sent: tokens and request come back"
    REQUEST = "the server answered with an error: tokens come back, the request counts"
    ESTIMATE = "nobody knows: the estimate stays taken"


# Of clients, by name: the connection was never made, or a connection never found.
_NOT_SENT = frozenset({
    "ConnectError", "ConnectTimeout", "PoolTimeout", "ConnectionRefusedError", "gaierror", "NewConnectionError",
    "ConnectTimeoutError", "ClientConnectorError", "ClientConnectorDNSError", "UnsupportedProtocol",
})  # fmt: skip
_LEAST_STATUS = 400


def fate_of(error: BaseException) -> Fate:
    """Tell what a call that raised this has taken. Never raises."""
    if not isinstance(error, Exception):
        return Fate.ESTIMATE
    if isinstance(error, (RefusedError, ConfigurationError, UnsupportedError)):
        return Fate.NOTHING
    from trifuse.classify import classify

    found = classify(error)
    if found.kind in {"refused", "local"} or any(_named(cause) for cause in _causes(error)):
        return Fate.NOTHING
    return Fate.REQUEST if found.status is not None and found.status >= _LEAST_STATUS else Fate.ESTIMATE


def _named(error: BaseException) -> bool:
    return any(kind.__name__ in _NOT_SENT for kind in type(error).__mro__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__  # not __context__, which may be of an earlier attempt
