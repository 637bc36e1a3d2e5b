# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a call has cost in tokens, as its response or the events of its stream tell.

Read by name, without importing any client: objects and dictionaries of OpenAI (chat, completions,
responses, embeddings), Anthropic, Mistral, Cohere, Google, Ollama, LangChain, and what looks alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["Usage", "merge", "usage_of"]

_INPUT = ("input_tokens", "prompt_tokens", "prompt_token_count", "prompt_eval_count", "inputTokens")
_OUTPUT = ("output_tokens", "completion_tokens", "candidates_token_count", "eval_count", "outputTokens")
# Beside the input: written into a cache, which counts towards the limit; what is read from it does not.
_WRITTEN = "cache_creation_input_tokens"
_THOUGHTS = "thoughts_token_count"
_TOTAL = ("total_tokens", "total_token_count")
_PLACES = ("usage", "usage_metadata", "message", "response", "meta", "tokens")
_DEEP = 2
MOST = 1 << 53
"""Tokens that any number of them is taken to be at most."""


class Usage(NamedTuple):
    """Tokens that a call has used.

    Attributes:
        input_tokens: of the prompt. Of OpenAI's APIs with the cached ones, which count towards the
            limits; of Anthropic's with those written into the cache and without those read from it,
            as its limits count.
        output_tokens: of the answer, reasoning included; 0 of embeddings.
    """

    input_tokens: int
    output_tokens: int

    @property
    def total(self) -> int:
        """Both together: what counts towards a limit of tokens a minute."""
        return self.input_tokens + self.output_tokens


def usage_of(result: Any) -> Usage | None:
    """Give the usage that a response, a stream's event or a frame of events tells; None where it tells none.

    Looked at are ``usage`` and ``usage_metadata`` of the result, of its ``message``, ``response`` and
    ``meta``, and its own fields. A ``Usage`` is itself. Never raises.
    """
    try:
        return _usage_of(result)
    except Exception:  # noqa: BLE001 - foreign properties may raise anything
        return None


def merge(one: Usage | None, other: Usage | None) -> Usage | None:
    """Give what two events of one stream tell together: each number only grows."""
    if one is None or other is None:
        return one or other
    return Usage(
        max(one.input_tokens, other.input_tokens), max(one.output_tokens, other.output_tokens)
    )  # fmt: skip


def _usage_of(result: Any) -> Usage | None:
    if result is None or isinstance(result, (str, bytes, int, float)):
        return None
    if isinstance(result, Usage):
        return result
    events = getattr(result, "events", None)
    if isinstance(events, (list, tuple)):
        return _of_all(events)
    return _of_fields(result, _DEEP)


def _of_all(events: Iterable[Any]) -> Usage | None:
    found = None
    for event in events:
        found = merge(found, usage_of(event))
    return found


def _of_fields(holder: Any, depth: int) -> Usage | None:
    """Read the numbers of a holder, or of what it holds where usage is kept."""
    fields = _fields_of(holder)
    for place in _PLACES if depth else ():
        inside = _field(holder, fields, place)
        if inside is not None and not isinstance(inside, (str, bytes, int, float)):
            found = _of_fields(inside, depth - 1)
            if found is not None:
                return found
    return _numbers(holder, fields)


def _numbers(holder: Any, fields: Mapping[str, Any] | None) -> Usage | None:
    given, made = _first(holder, fields, _INPUT), _first(holder, fields, _OUTPUT)
    if given is None:
        total = _first(holder, fields, _TOTAL)
        if total is None and made is None:
            return None
        given = max(0, (total or 0) - (made or 0))
    written = _first(holder, fields, (_WRITTEN,)) or 0
    thoughts = _first(holder, fields, (_THOUGHTS,)) or 0
    return Usage(given + written, (made or 0) + thoughts)


def _first(holder: Any, fields: Mapping[str, Any] | None, names: tuple[str, ...]) -> int | None:
    for name in names:
        number = _whole(_field(holder, fields, name))
        if number is not None:
            return number
    return None


def _fields_of(holder: Any) -> Mapping[str, Any] | None:
    """Give the fields of a dictionary or a pydantic model, whose missing attributes are slow to ask for."""
    if isinstance(holder, Mapping):
        return holder
    if hasattr(type(holder), "__pydantic_fields__"):
        extra = getattr(holder, "__pydantic_extra__", None)
        return {**holder.__dict__, **extra} if extra else holder.__dict__
    return {} if isinstance(holder, (list, tuple, set)) and not hasattr(holder, "_fields") else None


def _field(holder: Any, fields: Mapping[str, Any] | None, name: str) -> Any:
    return getattr(holder, name, None) if fields is None else fields.get(name)


def _whole(value: Any) -> int | None:
    """Give a number of tokens; None for what is none: negative, NaN, infinite, a truth value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value <= MOST else None
