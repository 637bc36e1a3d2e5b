# SPDX-License-Identifier: MIT OR Apache-2.0
"""What stands for the response of a call that a fallback answered, in the SDK's views of responses."""

from __future__ import annotations

import contextlib
import datetime as dt
import inspect
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trifuse.contrib._protect.calls import Call


def response_of(call: Call, body: bytes, answer: Any, *, asynchronous: bool) -> Any:
    """Give the SDK's view of a response that was never sent; to be awaited for an asynchronous client.

    Args:
        call: that was answered.
        body: as the API would have sent it.
        answer: what it says, for a version of the SDK that makes its views in another way.
        asynchronous: the client is.
    """
    made = None
    with contextlib.suppress(Exception):
        made = call.client._process_response(
            cast_to=call.cast_to, options=call.options, response=_response(call, body),
            stream=call.stream, stream_cls=call.stream_cls, retries_taken=0,
        )  # fmt: skip
    if asynchronous:
        return _awaited(made, answer)
    return Answered(answer) if made is None else made


async def _awaited(made: Any, answer: Any) -> Any:
    with contextlib.suppress(Exception):
        if inspect.isawaitable(made):
            return await made
    return AnsweredLater(answer)


def _response(call: Call, body: bytes) -> Any:
    from trifuse.contrib._protect.raw import HEADER

    options = call.options
    given = {name.lower(): value for name, value in options.headers.items()}
    request = call.client._client.build_request(
        options.method, call.client._prepare_url(options.url), headers={HEADER: given[HEADER]}
    )
    library = sys.modules[type(request).__module__.partition(".")[0]]
    kind = "text/event-stream" if call.stream else "application/json"
    response = library.Response(200, headers={"content-type": kind}, content=body, request=request)
    response.elapsed = dt.timedelta(0)
    return response


def body_of(answer: Any) -> bytes | None:
    """Give the body of an answer; None where it is none of the SDK's."""
    dump = getattr(answer, "model_dump_json", None)
    return None if dump is None else str(dump(by_alias=True, exclude_unset=True)).encode()


def body_of_stream(events: Iterable[Any], *, done: bool) -> bytes:
    """Give the body of a stream of events; ``done``: with the line that ends those of chat completions."""
    lines = []
    for event in events:
        kind = getattr(event, "type", None)
        head = f"event: {kind}\n" if isinstance(kind, str) else ""
        lines.append(f"{head}data: {event.model_dump_json(by_alias=True, exclude_unset=True)}\n\n")
    return "".join([*lines, "data: [DONE]\n\n"] if done else lines).encode()


class Answered:
    """Stands for a response where a fallback gave what is no body, such as a stream of its own."""

    def __init__(self, answer: Any) -> None:
        """Take the answer."""
        self._answer = answer
        self.headers: dict[str, str] = {}
        self.http_response = None
        self.status_code = 200
        self.retries_taken = 0
        self.request_id = None

    def __getattr__(self, name: str) -> Any:
        """Tell why it is not there."""
        raise AttributeError(f"no {name!r}: a fallback answered and there was no response; see .parse()")

    def parse(self, *, to: Any = None) -> Any:  # noqa: ARG002 - as the SDK's
        """Give the answer."""
        return self._answer

    def close(self) -> Any:
        """Do nothing."""


class AnsweredLater(Answered):
    """The same, of an asynchronous client."""

    async def parse(self, *, to: Any = None) -> Any:  # noqa: ARG002 - as the SDK's
        """Give the answer."""
        return self._answer

    async def close(self) -> Any:
        """Do nothing."""
