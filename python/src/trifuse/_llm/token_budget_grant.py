# SPDX-License-Identifier: MIT OR Apache-2.0
"""What one call has taken of a token budget, and how it is settled: exactly once, on every path."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from trifuse._errors import ConfigurationError
from trifuse._llm.token_budget_errors import Fate, fate_of
from trifuse._llm.usage import MOST, Usage

if TYPE_CHECKING:
    from trifuse._llm.token_budget import TokenBudget


class TokenGrant:
    """A request and its tokens, taken from a :class:`TokenBudget`.

    Settle it once: :meth:`settle` with what was used, :meth:`cancel` if nothing was sent. As a context
    manager it is cancelled, or keeps its estimate, by what the block raises (see docs). One that is
    dropped keeps its estimate. Any thread or task may settle it; only the first time counts. In a forked
    child it is the parent's, and settling it does nothing.

    Attributes:
        tokens: that were taken.
        estimate: of input and output apart; None where only their sum is known.
    """

    __slots__ = (
        "__weakref__",
        "_at_ns",
        "_budget",
        "_levels",
        "_open",
        "_process",
        "_sent",
        "_shift",
        "estimate",
        "tokens",
    )

    def __init__(
        self, budget: TokenBudget, tokens: int, estimate: Usage | None, *, open_: bool = True
    ) -> None:
        """Take over what was taken."""
        self.tokens = tokens
        self.estimate = estimate
        self._budget = budget
        self._process = os.getpid()
        self._sent = True
        self._at_ns = 0
        self._levels: dict[str, int] = {}
        self._shift: dict[str, int] = {}
        self._open = open_

    def __repr__(self) -> str:
        """Show the tokens and whether it is settled."""
        return f"<TokenGrant of {self.tokens} tokens of {self._budget.name!r}{'' if self._open else ', settled'}>"

    def __reduce__(self) -> Any:
        """Refuse to be copied or pickled: it is settled once, by whoever holds it."""
        raise TypeError(
            f"a grant of {self._budget.name!r} cannot be copied or pickled: its tokens are there once"
        )

    @property
    def open(self) -> bool:
        """Whether it is still to be settled."""
        return self._open

    def settle(self, used: int | Usage) -> None:
        """Settle to what was used: the rest comes back, or what is missing is owed.

        Raises ConfigurationError for what is no number of tokens.
        """
        if isinstance(used, Usage):
            used = used.total
        if isinstance(used, bool) or not isinstance(used, int) or used < 0:
            raise ConfigurationError("used", used, "a Usage, or a whole number of tokens, 0 or more")
        self._close(min(used, MOST), 0, known=True)

    def keep(self) -> None:
        """Keep the estimate: nobody knows better."""
        self._close(self.tokens, 0)

    def reject(self) -> None:
        """Give the tokens back; the request counts: the server answered with an error."""
        self._close(0, 0)

    def cancel(self) -> None:
        """Give tokens and request back: nothing was sent."""
        self._close(0, 1)

    def failed(self, error: BaseException, used: int | None = None) -> None:
        """Settle by what a call raised, and learn from it; ``used``: what is known to be used all the same."""
        fate = fate_of(error)
        if used is not None:
            self._close(used, 0)
        elif fate is Fate.NOTHING:
            self.cancel()
        elif fate is Fate.REQUEST:
            self.reject()
            # The server says what is left without this call.
            for field in self._levels:
                self._levels[field] += self.tokens if field.startswith("t") else 0
        else:
            self.keep()
        if fate is not Fate.NOTHING:
            self._budget._learn_error(error, self)

    def __enter__(self) -> Self:
        """Begin a block that is one call."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Settle by what the block raised; an estimate that nobody settled stays."""
        if error is None:
            self.keep()
        else:
            self.failed(error)

    def __del__(self) -> None:
        """Settle what nobody will: an estimate stays, what was never sent comes back."""
        if getattr(self, "_open", False):
            self._close(self.tokens if self._sent else 0, 0 if self._sent else 1)

    def _close(self, used: int, requests_back: int, *, known: bool = False) -> None:
        if self._open:
            self._budget._close(self, used, requests_back, known=known)
