# SPDX-License-Identifier: MIT OR Apache-2.0
"""How many tokens a call will take: an estimate from its arguments, before it is made.

Text is counted by tiktoken where it is installed and its vocabulary is at hand (see :func:`preload`), else by
a rule. Nothing is downloaded, kept or logged; very long prompts are sampled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trifuse._llm.tokens_text import count
from trifuse._llm.tokens_vocabulary import preload, vocabulary_of
from trifuse._llm.usage import Usage

__all__ = ["DEFAULT_OUTPUT_TOKENS", "estimate_call", "estimate_tokens", "preload"]

DEFAULT_OUTPUT_TOKENS = 500
_OUTPUT = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_CONTENT = (
    "messages",
    "input",
    "prompt",
    "system",
    "instructions",
    "tools",
    "functions",
    "contents",
    "query",
)
_EMBEDDING = ("encoding_format", "dimensions", "input_type")
_PER_MESSAGE = 4
_PER_CALL = 3
_PER_TOOL = 8
_PER_IMAGE = {"low": 85, "high": 765, "auto": 765}
_PER_FILE = 1_500
_IMAGES = frozenset({"image_url", "input_image", "image"})
_FILES = frozenset({"file", "input_file", "document", "input_audio", "audio"})
# Of a part's fields, those that say what it is and are no text of it.
_NO_TEXT = frozenset({
    "type", "role", "id", "tool_call_id", "tool_use_id", "call_id", "cache_control", "detail", "image_url", "source",
    "file_data", "file_id", "data", "media_type", "format", "index", "status",
})  # fmt: skip
_DEEPEST = 12
_MOST_PARTS = 20_000
_MOST = 1 << 40


class _Sum:
    """What a walk through the content of a call has found."""

    __slots__ = ("left", "texts", "tokens")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tokens = 0
        self.left = _MOST_PARTS

    def add(self, content: Any, depth: int = 0) -> None:
        self.left -= 1
        if self.left < 0 or depth > _DEEPEST or content is None or isinstance(content, bool):
            return
        if isinstance(content, str):
            self.texts.append(content)
        elif isinstance(content, (int, float)):
            self.tokens += 1
        elif isinstance(content, Mapping):
            self._add_part(content, depth)
        elif isinstance(content, (list, tuple)):
            self._add_list(content, depth)
        elif not isinstance(content, (bytes, bytearray, memoryview)):
            self._add_object(content, depth)

    def _add_list(self, content: Any, depth: int) -> None:
        if content and isinstance(content[0], int):  # tokens already
            self.tokens += len(content)
            return
        for part in content:
            if self.left < 0:
                return
            self.add(part, depth + 1)

    def _add_part(self, part: Mapping[str, Any], depth: int) -> None:
        kind = part.get("type")
        if kind in _IMAGES:
            detail = part.get("detail") or (part.get("image_url") or {})
            detail = detail.get("detail") if isinstance(detail, Mapping) else detail
            self.tokens += _PER_IMAGE.get(str(detail), _PER_IMAGE["auto"])
            return
        if kind in _FILES:
            self.tokens += _PER_FILE
            return
        if "role" in part:
            self.tokens += _PER_MESSAGE
        for field, value in part.items():
            if field not in _NO_TEXT:
                self.add(value, depth + 1)

    def _add_object(self, content: Any, depth: int) -> None:
        """Take a message that is an object, such as a pydantic model, by its public fields."""
        fields = getattr(content, "__dict__", None)
        if isinstance(fields, dict):
            self._add_part({k: v for k, v in fields.items() if not str(k).startswith("_")}, depth)

    def add_tools(self, tools: Any) -> None:
        """Take the descriptions of tools, which the provider writes into the prompt as JSON or the like."""
        for tool in tools if isinstance(tools, (list, tuple)) else ():
            self.tokens += _PER_TOOL
            try:
                self.texts.append(json.dumps(tool, default=str))
            except (TypeError, ValueError, RecursionError):
                self.add(tool)

    def total(self, model: str | None) -> int:
        vocabulary = vocabulary_of(model) if self.texts else None
        if vocabulary is None:
            return self.tokens + count(self.texts)
        return self.tokens + count(self.texts, lambda text: len(vocabulary.encode_ordinary(text)))


def estimate_tokens(content: Any, *, model: str | None = None) -> int:
    """Estimate the tokens of a text, a list of messages, parts or texts, or a list of tokens. Never raises."""
    return _input_of({"messages": content}, model)


def estimate_call(
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    default_output_tokens: int = DEFAULT_OUTPUT_TOKENS,
) -> Usage:
    """Estimate a call from its arguments: what goes in, and what may come out at most. Never raises.

    In: ``messages``, ``input``, ``prompt``, ``system``, ``instructions``, ``tools`` and such; where there is
    none of them, all arguments that are texts, lists or dictionaries. Out: ``max_completion_tokens``,
    ``max_output_tokens`` or ``max_tokens``, else ``default_output_tokens``, times ``n``; none for embeddings.
    """
    given = kwargs or {}
    content: dict[str, Any] = {name: given[name] for name in _CONTENT if given.get(name) is not None}
    if not content:
        others = (value for name, value in given.items() if name not in _OUTPUT and name != "model")
        content = {"messages": [v for v in (*args, *others) if isinstance(v, (str, list, tuple, Mapping))]}
    model = given.get("model")
    name = model if isinstance(model, str) else None
    return Usage(_input_of(content, name), _output_of(given, name, default_output_tokens))


def _input_of(content: dict[str, Any], model: str | None) -> int:
    found = _Sum()
    try:
        for tools in ("tools", "functions"):
            found.add_tools(content.pop(tools, None))
        for part in content.values():
            found.add(part)
        found.tokens += _PER_CALL if any(map(_is_chat, content.values())) else 0
        return found.total(model)
    except Exception:  # noqa: BLE001 - foreign objects may raise anything; an estimate must not stop a call
        return found.tokens + sum(len(text) // 4 for text in found.texts)


def _is_chat(part: Any) -> bool:
    return isinstance(part, (list, tuple)) and any(isinstance(message, Mapping) for message in part[:1])


def _output_of(given: Mapping[str, Any], model: str | None, default: int) -> int:
    if _embeds(given, model):
        return 0
    told = next((given[name] for name in _OUTPUT if _is_number(given.get(name))), default)
    times: Any = given.get("n")
    return min(int(told) * (times if _is_number(times) else 1), _MOST)


def tells_output(kwargs: Mapping[str, Any]) -> bool:
    """Tell whether a call says itself how much may come out."""
    return any(_is_number(kwargs.get(name)) for name in _OUTPUT)


def _embeds(given: Mapping[str, Any], model: str | None) -> bool:
    if "input" not in given or "messages" in given:
        return False
    content = given["input"]
    texts = isinstance(content, (list, tuple)) and bool(content) and not isinstance(content[0], Mapping)
    named = model is not None and "embed" in model.lower()
    return named or texts or any(name in given for name in _EMBEDDING)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
