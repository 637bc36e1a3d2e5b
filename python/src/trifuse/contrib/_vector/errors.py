# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which errors are mistakes of the caller: they never count, and nothing hides them behind an empty result."""

from __future__ import annotations

from collections.abc import Callable

from trifuse.contrib._vector.sources import was_connecting

_PROGRAMMING = (TypeError, AttributeError, NotImplementedError)
ErrorTest = Callable[[BaseException], bool]


def classified_mistake(error: BaseException) -> bool:
    """Tell a caller's mistake by :mod:`trifuse.classify`, and by the errors of wrong code."""
    if isinstance(error, _PROGRAMMING):
        return True
    from trifuse.classify import Kind, classify

    return classify(error).kind is Kind.caller


def mistake_or(*types: type[BaseException]) -> ErrorTest:
    """Make a test that also takes these types for mistakes, unless they came from connecting."""

    def is_mistake(error: BaseException) -> bool:
        if isinstance(error, types):
            return not was_connecting(error)
        return classified_mistake(error)

    return is_mistake


def answered(is_mistake: ErrorTest) -> ErrorTest:
    """Make a test of the errors that a fallback answers: refusals and all failures, no mistakes."""

    def answers(error: BaseException) -> bool:
        from trifuse._errors import ConfigurationError, UnsupportedError

        return not isinstance(error, (ConfigurationError, UnsupportedError)) and not is_mistake(error)

    return answers
