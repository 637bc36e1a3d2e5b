# SPDX-License-Identifier: MIT OR Apache-2.0
"""Going on with a stream that broke off after its first content: only where the user says how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from trifuse._errors import ConfigurationError

_MOST = 100


class Interrupted(NamedTuple):
    """What a resume strategy is told.

    Attributes:
        text: the answer's text that the consumer was given.
        events: the events that the consumer was given, in order.
        error: what broke the stream off.
        attempt: 1 for the first time this stream is resumed.
        args: the arguments of the call.
        kwargs: its keyword arguments.
    """

    text: str
    events: tuple[Any, ...]
    error: Exception
    attempt: int
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = MappingProxyType({})

    def __repr__(self) -> str:
        """Show how much was delivered, never what."""
        return (
            f"Interrupted({len(self.text)} characters, {len(self.events)} events, "
            f"{type(self.error).__qualname__}, attempt={self.attempt})"
        )


Opener = Callable[[], Any]
Strategy = Callable[[Interrupted], Any]


class Resume:
    """Says how a stream goes on that broke off after its first content.

    Args:
        strategy: is given :class:`Interrupted` and gives a function that opens the stream that goes
            on from there, or None: then the error is raised. It may be awaited where the stream is.
        max_resumes: how often one stream is resumed at most, 1 to 100.

    Raises:
        ConfigurationError: for anything else.
    """

    __slots__ = ("max_resumes", "strategy")

    def __init__(self, strategy: Strategy, max_resumes: int = 1) -> None:
        """Take the strategy."""
        if not callable(strategy):
            raise ConfigurationError("strategy", strategy, "a function of what was interrupted")
        if isinstance(max_resumes, bool) or not isinstance(max_resumes, int) or not 1 <= max_resumes <= _MOST:
            raise ConfigurationError("max_resumes", max_resumes, f"1 to {_MOST}")
        self.strategy = strategy
        self.max_resumes = max_resumes

    def __repr__(self) -> str:
        """Show the strategy's name and the bound."""
        name = getattr(self.strategy, "__qualname__", type(self.strategy).__qualname__)
        return f"Resume({name}, max_resumes={self.max_resumes})"


def make_resume(resume: Resume | Strategy | None) -> Resume | None:
    """Give a Resume for what a user may give. Raises ConfigurationError."""
    if resume is None or isinstance(resume, Resume):
        return resume
    if not callable(resume):
        raise ConfigurationError("resume", resume, "a function of what was interrupted, or Resume(...)")
    return Resume(resume)
