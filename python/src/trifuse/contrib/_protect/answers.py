# SPDX-License-Identifier: MIT OR Apache-2.0
"""What fallbacks give, made into what the SDK's method would have given: a text becomes an answer."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self, get_args

from trifuse._llm.frames import Frame
from trifuse._stream_guards import async_items_of
from trifuse.contrib._protect import answers_anthropic, answers_openai, stand_ins
from trifuse.contrib._protect.responses import Nowhere

if TYPE_CHECKING:
    from trifuse.contrib._protect.calls import Call

_MAKERS: dict[str, Any] = {
    "chat.completions": answers_openai.chat, "completions": answers_openai.completion,
    "responses": answers_openai.response, "messages": answers_anthropic.message,
    "beta.messages": answers_anthropic.message,
}  # fmt: skip
_STREAMS: dict[str, Any] = {
    "chat.completions": answers_openai.chat_events, "completions": answers_openai.completion_events,
    "responses": answers_openai.response_events, "messages": answers_anthropic.message_events,
    "beta.messages": answers_anthropic.message_events,
}  # fmt: skip


def dressed(call: Call, result: Any, *, asynchronous: bool) -> Any:
    """Give what came, a fallback's text or dictionary as the SDK's own type.

    A text becomes an answer with that text, of a stream its events; a dictionary what the API would
    have sent. Anything else is what the SDK gave, or the fallback's own. To be awaited if it can be.
    """
    if call.view is not None:
        return _viewed(call, result, asynchronous=asynchronous)
    return _stream(call, result, asynchronous=asynchronous) if call.stream else _answer(call, result)


def _viewed(call: Call, result: Any, *, asynchronous: bool) -> Any:
    """Give it as the view of a response that was asked for."""
    if hasattr(result, "http_response"):
        return result
    if call.stream:
        text = _text(call, result)
        events = None if text is None else _events(call, text)
        done = call.operation is not None and call.operation.format == "OPENAI_CHAT"
        body = None if events is None else stand_ins.body_of_stream(events, done=done)
        made = _stream(call, result if events is None else events, asynchronous=asynchronous)
    else:
        made = _answer(call, result)
        body = stand_ins.body_of(made)
    if body is not None:
        return stand_ins.response_of(call, body, made, asynchronous=asynchronous)
    legacy = call.view == "raw" and call.protection.provider.module == "openai"
    return (stand_ins.AnsweredLater if asynchronous and not legacy else stand_ins.Answered)(made)


def _answer(call: Call, result: Any) -> Any:
    if isinstance(result, str):
        result = _made(_MAKERS, call, result)
    if isinstance(result, Mapping):
        result = call.client._process_response_data(data=dict(result), cast_to=call.cast_to, response=None)
    parse = call.options.post_parser
    if not callable(parse) or type(result).__name__.startswith("Parsed"):
        return result
    try:  # what ``.parse()`` does with an answer
        return parse(result)
    except Exception:  # noqa: BLE001 - a text is seldom of the form that was asked for
        return result


def _stream(call: Call, result: Any, *, asynchronous: bool) -> Any:
    text = _text(call, result)
    if text is not None:
        result = _events(call, text)
    elif hasattr(result, "__aiter__" if asynchronous else "__iter__") and hasattr(result, "response"):
        return result
    return AnsweredAsync(result) if asynchronous else AnsweredSync(result)


def _text(call: Call, result: Any) -> str | None:
    """Give the text that a stream is to be made of; None for what is one already."""
    if isinstance(result, str):
        return result
    answer = _answer(call, result) if isinstance(result, Mapping) else result
    text = text_of(answer)
    if text is None and hasattr(answer, "model_dump_json"):
        raise TypeError("an answer without a text cannot answer a stream: the fallback must give a stream")
    return text


def _events(call: Call, text: str) -> list[Any]:
    kind = get_args(call.stream_cls)[0] if get_args(call.stream_cls) else call.cast_to
    return [
        call.client._process_response_data(data=event, cast_to=kind, response=None)
        for event in _made(_STREAMS, call, text)
    ]


def _made(makers: dict[str, Any], call: Call, text: str) -> Any:
    assert call.operation is not None
    maker = makers.get(call.operation.name)
    if maker is None:
        raise TypeError(
            f"a text cannot answer {call.operation.name}: the fallback must give what the method gives"
        )
    return maker(text, str(call.body.get("model") or ""), int(time.time()))


def text_of(answer: Any) -> str | None:
    """Give the text of an SDK's whole answer; None for what is none."""
    if isinstance(answer, Mapping):
        return None
    text = getattr(answer, "output_text", None)
    choices, content = getattr(answer, "choices", None), getattr(answer, "content", None)
    if isinstance(choices, list) and choices:
        text = getattr(
            getattr(choices[0], "message", choices[0]), "content", getattr(choices[0], "text", None)
        )
    elif isinstance(content, list):
        text = "".join(str(getattr(block, "text", "") or "") for block in content)
    return text if isinstance(text, str) else None


def _events_of(items: Iterable[Any]) -> Generator[Any, None, None]:
    """Give the events of items, which are frames of events where a cache kept them."""
    for item in items:
        yield from item.events if type(item) is Frame else (item,)


async def _async_events_of(items: AsyncIterator[Any] | Iterable[Any]) -> AsyncGenerator[Any, None]:
    async for item in async_items_of(items):
        for event in item.events if type(item) is Frame else (item,):
            yield event


class AnsweredSync:
    """A fallback's items as a stream of the SDK."""

    def __init__(self, items: Any) -> None:
        """Take anything that can be iterated."""
        self.response = Nowhere()
        self._items = _events_of(items)

    def __iter__(self) -> Iterator[Any]:
        """Iterate."""
        return self._items

    def __next__(self) -> Any:
        """Give the next item."""
        return next(self._items)

    def __enter__(self) -> Self:
        """Enter."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the items."""
        self._items.close()


class AnsweredAsync:
    """A fallback's items as an asynchronous stream of the SDK."""

    def __init__(self, items: Any) -> None:
        """Take anything that can be iterated in either way."""
        self.response = Nowhere()
        self._items = _async_events_of(items)

    def __aiter__(self) -> AsyncIterator[Any]:
        """Iterate."""
        return self._items

    async def __anext__(self) -> Any:
        """Give the next item."""
        return await anext(self._items)

    async def __aenter__(self) -> Self:
        """Enter."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close the items."""
        await self._items.aclose()

    aclose = close
