# SPDX-License-Identifier: MIT OR Apache-2.0
"""Retries of generators: a stream may begin again until its first item was given, never after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trifuse._retrying import Inside, Trial
from trifuse._sleep import sleep, sleep_async


class _Beginning:
    """What streams of both kinds keep: the trial until there is an item, then the items."""

    __slots__ = ("_call", "items", "trial")

    def __init__(
        self, trial: Trial, fn: Callable[..., Any], args: Any, kwargs: Any, items: Any = None
    ) -> None:
        """Take the call, and what it has given already, if it was made."""
        self.trial: Trial | None = trial
        self._call: Any = (fn, args, kwargs)
        self.items: Any = items

    def _open(self) -> None:
        fn, args, kwargs = self._call
        if self.items is None:
            self.items = fn(*args, **kwargs)

    def _begun(self, trial: Trial) -> None:
        """The retry has no more to say."""
        self.trial = self._call = None
        trial.done()


class Retried(_Beginning):
    """The stream of a generator."""

    __slots__ = ()

    def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item; for the first one, try again."""
        trial = self.trial
        if trial is None:
            return self.items.throw(value) if throw else self.items.send(value)
        with Inside(trial.policy):
            while True:
                try:
                    self._open()
                    item = next(self.items)
                except StopIteration:
                    self._begun(trial)
                    raise
                except Exception as error:
                    if not trial.failed(error):
                        raise
                else:
                    self._begun(trial)
                    return item
                self.items = None
                sleep(trial.delay_ns)

    def close(self) -> None:
        """Close the generator."""
        self.items.close()


class RetriedAsync(_Beginning):
    """The stream of an asynchronous generator."""

    __slots__ = ()

    async def step(self, value: Any, *, throw: bool) -> Any:
        """Give the next item; for the first one, try again."""
        trial = self.trial
        if trial is None:
            return await (self.items.athrow(value) if throw else self.items.asend(value))
        with Inside(trial.policy):
            while True:
                try:
                    self._open()
                    item = await anext(self.items)
                except StopAsyncIteration:
                    self._begun(trial)
                    raise
                except Exception as error:
                    if not trial.failed(error):
                        raise
                else:
                    self._begun(trial)
                    return item
                self.items = None
                await sleep_async(trial.delay_ns)

    async def close(self) -> None:
        """Close the generator."""
        if self.items is not None:
            await self.items.aclose()
