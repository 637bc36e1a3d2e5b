# SPDX-License-Identifier: MIT OR Apache-2.0
"""The policies of each host: a breaker, and where wanted a rate limit and a limit of calls in flight."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from trifuse._errors import RefusedError
from trifuse._options import Options
from trifuse._permits import UNJUDGED, admit_own, tell_refused_call
from trifuse.contrib._http.permits import Permit

if TYPE_CHECKING:
    from trifuse._keys import KeyedBreakers
    from trifuse._rate_keys import KeyedRateLimits
    from trifuse.contrib._http.places import KeyedPlaces


class Hosts:
    """The policies by key. The order is breaker, rate limit, place."""

    __slots__ = ("breakers", "options", "places", "rate_limits")

    def __init__(
        self, breakers: KeyedBreakers, options: Options,
        rate_limits: KeyedRateLimits | None, places: KeyedPlaces | None,
    ) -> None:  # fmt: skip
        """Take them; None where there is no such limit."""
        self.breakers = breakers
        self.options = options
        self.rate_limits = rate_limits
        self.places = places

    def enter(self, key: Hashable) -> Permit:
        """Ask the policies of a key for one request; a limit with a wait blocks the thread.

        Raises RefusedError, and then nothing is held.
        """
        permit = self._admitted(key)
        try:
            if self.rate_limits is not None:
                self.rate_limits.pick(key).acquire()
            if self.places is not None:
                permit.place = self.places.pick(key).acquire()
        except BaseException as error:
            permit.raised(error)
            raise
        return permit

    async def enter_async(self, key: Hashable) -> Permit:
        """As :meth:`enter`; a limit with a wait lets the task wait."""
        permit = self._admitted(key)
        try:
            if self.rate_limits is not None:
                await self.rate_limits.pick(key).acquire_async()
            if self.places is not None:
                permit.place = await self.places.pick(key).acquire_async()
        except BaseException as error:
            permit.raised(error)
            raise
        return permit

    def _admitted(self, key: Hashable) -> Permit:
        breaker = self.breakers.pick(key)
        try:
            call = admit_own(breaker, self.options, UNJUDGED)
        except RefusedError as error:
            tell_refused_call(breaker, error)
            raise
        return Permit(breaker, call, self.options)

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Give what the policies of each key have counted, by the key's text."""
        parts: dict[str, Any] = {
            "circuit_breaker": self.breakers, "rate_limit": self.rate_limits, "places": self.places,
        }  # fmt: skip
        seen: dict[str, dict[str, Any]] = {}
        for part, keyed in parts.items():
            if keyed is None:
                continue
            rest = [] if keyed.overflow is None else [("*", keyed.overflow)]
            for key in [*keyed, *(key for key, _ in rest)]:
                policy = keyed.overflow if rest and key == "*" else keyed.get(key)
                if policy is not None:
                    seen.setdefault(str(key), {})[part] = policy.snapshot()
        return seen
