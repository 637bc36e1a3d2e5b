# SPDX-License-Identifier: MIT OR Apache-2.0
"""The retry budget: how many retries the calls of one client may make in all."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from trifuse._core import lib
from trifuse._durations import Duration, seconds
from trifuse._errors import RetryBudgetError
from trifuse._objects import filled, handle, kind_of, now_ns
from trifuse._policy import checked_name

_KIND = kind_of("retry_budget", "retry budget", frozenset({"ttl"}), frozenset({"ratio", "floor"}))


class RetryBudgetSnapshot(NamedTuple):
    """What a budget knows.

    Attributes:
        available: retries that would be granted now.
        deposits: first attempts in the window.
        withdrawals: retries in the window.
        total_deposits: first attempts ever.
        total_withdrawals: retries ever.
        refused: retries refused ever.
    """

    available: int
    deposits: int
    withdrawals: int
    total_deposits: int
    total_withdrawals: int
    refused: int


class RetryBudget:
    """Bounds the retries of all calls that share it, so that they do not finish off what is down.

    Over the last ``ttl`` there may be ``ratio`` retries for each first attempt, and ``floor`` more a
    second whatever the traffic. Give the same object to every retry of one client. A retry that the
    budget refuses is not made, and the call ends with the error it has.

    Args:
        ratio: retries per first attempt; 0.2: five calls pay one retry.
        floor: retries per second that need no first attempts. ``floor * ttl`` can come at once.
        ttl: the sliding window, in seconds or as timedelta.
        name: what it is called in refusals.

    Raises:
        ConfigurationError: for a bad setting.
    """

    __slots__ = ("__weakref__", "_block", "_config", "_handle", "name")

    def __init__(
        self, ratio: float = 0.2, floor: float = 10, ttl: Duration = 10, *, name: str | None = None
    ) -> None:
        """Begin with nothing counted."""
        self.name = checked_name(name)
        given = {"ratio": ratio, "floor": floor, "ttl": ttl}
        self._config = _KIND.config(given)
        self._block: Any = _KIND.block(self._config, given)
        self._handle = handle("retry_budget", self._block)

    def __repr__(self) -> str:
        """Show the numbers."""
        settings = self.describe()
        numbers = ", ".join(f"{field}={settings[field]!r}" for field in ("ratio", "floor", "ttl"))
        return f"RetryBudget({numbers}{f', name={self.name!r}' if self.name else ''})"

    def __copy__(self) -> Self:
        """Give itself: a budget is shared, never copied."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Give itself: a budget is shared, never copied."""
        return self

    def describe(self) -> dict[str, Any]:
        """Give name and numbers as plain data, durations in seconds."""
        config = self._config
        numbers = {"ratio": config.ratio, "floor": config.floor, "ttl": seconds(config.ttl_ns)}
        return {"kind": "retry_budget", "name": self.name, **numbers}

    def deposit(self) -> None:
        """Pay a first attempt in. A Retry does so by itself."""
        lib.trifuse_py_retry_pay(self._block)

    def try_withdraw(self) -> bool:
        """Take one retry out; False when the budget is spent. A Retry does so by itself."""
        result = lib.trifuse_retry_budget_try_withdraw(self._handle, now_ns())
        return bool(result == lib.TRIFUSE_OK)

    def withdraw(self) -> None:
        """Take one retry out. Raises RetryBudgetError when the budget is spent."""
        if not self.try_withdraw():
            raise RetryBudgetError(self.name)

    @property
    def available(self) -> int:
        """Retries that would be granted now."""
        return self.snapshot().available

    def snapshot(self) -> RetryBudgetSnapshot:
        """Give what it knows now."""
        raw = filled("retry_budget", self._block, now_ns())
        return RetryBudgetSnapshot(*(getattr(raw, field) for field in RetryBudgetSnapshot._fields))
