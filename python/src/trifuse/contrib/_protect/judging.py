# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an answer of HTTP 200 says of itself: filtered by the provider, or failed after all."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trifuse._policy import Policy

_FILTERED = {"content_filter", "refusal"}
_NEEDED = ("choices", "content", "output", "data")
_SUBSTANCE = ("choices", "content", "output", "data", "status")


class AnswerError(Exception):
    """An answer that is none. Nobody outside sees it: the caller gets the answer itself.

    Attributes:
        result: the answer.
        code: what the provider says: ``"content_filter"``, or the code of its error.
    """

    def __init__(self, result: Any, code: str) -> None:
        """Take the answer and what is wrong with it."""
        super().__init__(f"the provider answered 200 and says {code!r}")
        self.result = result
        self.code = code

    @property
    def filtered(self) -> bool:
        """Whether the provider's content filter has ended it."""
        return self.code == "content_filter"


def fault_of(result: Any) -> str | None:
    """Tell what is wrong with an answer: ``"content_filter"``, or an error's code; None for nothing.

    Chat completions say it by ``finish_reason``, messages by ``stop_reason``, responses by
    ``status``, ``error`` and ``incomplete_details``; and some servers send an error, or nothing, where an
    answer belongs.
    """
    status, error = getattr(result, "status", None), getattr(result, "error", None)
    if status == "failed" or (error and not any(getattr(result, field, None) for field in _SUBSTANCE)):
        return _code_of(error)
    if any(_lacks(result, field) for field in _NEEDED):
        return _code_of(None)
    reasons = [getattr(result, "stop_reason", None)]
    if status == "incomplete":
        reasons.append(getattr(getattr(result, "incomplete_details", None), "reason", None))
    choices = getattr(result, "choices", None)
    if isinstance(choices, list) and choices:
        reasons += [getattr(choice, "finish_reason", None) for choice in choices]
    if any(isinstance(reason, str) and reason in _FILTERED for reason in reasons):
        return "content_filter"
    return None


def _lacks(result: Any, field: str) -> bool:
    """Tell whether an answer has nothing where its type always has something; the SDKs take what comes."""
    known = getattr(type(result), "model_fields", None)
    found = known.get(field) if isinstance(known, Mapping) else None
    return found is not None and found.is_required() and getattr(result, field, None) is None


def _code_of(error: Any) -> str:
    for field in ("code", "type"):
        code = error.get(field) if isinstance(error, dict) else getattr(error, field, None)
        if isinstance(code, str) and code:
            return code
    return "server_error"


def judged(result: Any) -> Any:
    """Give an answer back. Raises AnswerError for one that is none."""
    code = fault_of(_parsed(result))
    if code is not None:
        raise AnswerError(result, code)
    return result


def _parsed(result: Any) -> Any:
    """Give what a raw response was parsed into, if it was."""
    by_type = getattr(result, "_parsed_by_type", None)
    if isinstance(by_type, dict) and by_type:
        return next(iter(by_type.values()))
    return result


class Judged(Policy):
    """Raises AnswerError for answers that are none; around the budgets, which see the answer itself."""

    __slots__ = ()
    kind = "judged"

    def __init__(self, name: str = "") -> None:
        """Take a name."""
        self.name = name

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            return judged(fn(*args, **kwargs))

        return guarded

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            return judged(await fn(*args, **kwargs))

        return guarded

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        return fn

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        return fn
