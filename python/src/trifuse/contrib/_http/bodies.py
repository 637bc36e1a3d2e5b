# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bodies of answers, guarded to their end: the outcome of a good head is told by how its body ends."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Self

from trifuse._errors import RequestTimeoutError
from trifuse._options import SUCCESS, is_cancellation
from trifuse._remaining import End, current, now_ns, tighter
from trifuse._time_limit import until, within
from trifuse.contrib._http.attempts import TOLERANCE_NS, is_total, timed_out
from trifuse.contrib._http.permits import Permit

_LAST = b"data: [DONE]"
_TAIL = 64
Shape = Callable[[BaseException], BaseException]
"""Gives an error of ours the types that the client's users expect."""


class GuardedBody:
    """What the bodies of all clients keep."""

    _permit: Permit
    _end: End | None
    _shape: Shape
    _watch: Any = None
    _events = False
    _tail = b""

    _chunks: Any

    def __getattr__(self, name: str) -> Any:
        """Give what the client's own body has."""
        if name == "_chunks":
            raise AttributeError(name)
        return getattr(self._chunks, name)

    def _set_up(self, permit: Permit, end: End | None, shape: Shape) -> None:
        self._permit, self._end, self._shape = permit, end, shape

    def of(self, headers: Any) -> Self:
        """Take note of what kind of body it is."""
        self._events = "text/event-stream" in (headers.get("content-type") or "").lower()
        return self

    def _now_end(self) -> End | None:
        """Give the deadline that holds now: the request's own, or the reader's."""
        return current.get() if self._end is None else tighter(self._end)

    def _check(self) -> None:
        """Raise the timeout of a body whose time is over."""
        end = self._now_end()
        if end is not None and end[0] <= now_ns():
            raise self._shape(timed_out(self._permit, end, 0))

    def _ended(self) -> None:
        self._permit.judge(SUCCESS)
        self._permit.release()

    def _see(self, chunk: bytes) -> None:
        """Take note of a chunk: a probe lives on, and who reads events stops at the last one."""
        self._permit.renew()
        if self._events:
            self._tail = (self._tail + chunk)[-_TAIL:]

    def _closed(self) -> None:
        """Give everything back; a stream of events whose last one has come has ended well."""
        if _LAST in self._tail:
            self._permit.judge(SUCCESS)
        self._permit.release()

    def _unwatch(self) -> bool:
        """Stop the watcher; tells whether it has ended the connection."""
        watch, self._watch = self._watch, None
        return watch is not None and bool(watch.cancel())


class SyncBody(GuardedBody):
    """A body that is read by a thread: at its deadline a watcher ends the connection under it."""

    def __init__(
        self, chunks: Iterable[bytes], permit: Permit, end: End | None, shape: Shape,
        cut: Callable[[], None] | None,
    ) -> None:  # fmt: skip
        """Take the client's own body; ``cut`` ends its connection, None where that cannot be."""
        self._set_up(permit, end, shape)
        self._chunks = chunks
        self._cut = cut

    def __iter__(self) -> Iterator[bytes]:
        """Give the chunks as they come."""
        self._check()
        self._start_watch()
        try:
            for chunk in self._chunks:
                self._see(chunk)
                yield chunk
                self._check()
        except GeneratorExit:
            raise
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            cut = self._unwatch()
        if cut:  # of a body without a length that looks like its end
            self._check()
        self._ended()

    def _failed(self, error: BaseException) -> None:
        """Report what ended the body; raises the timeout where it was the watcher that did."""
        end = self._now_end()
        over = end is not None and isinstance(error, Exception) and end[0] <= now_ns() + TOLERANCE_NS
        if end is None or not over or isinstance(error, RequestTimeoutError):
            self._permit.raised(error)
            return
        raise self._shape(timed_out(self._permit, end, 0)) from error

    def _start_watch(self) -> None:
        end = self._now_end()
        if end is None or self._cut is None:
            return
        from trifuse._llm.watcher import watch

        self._watch = watch(self._cut, max(0.0, (end[0] - now_ns()) / 1e9))

    def close(self) -> None:
        """Close the body; one that was not read to its end counts as ignored."""
        try:
            self._unwatch()
            close = getattr(self._chunks, "close", None)
            if close is not None:
                close()
        finally:
            self._closed()


class AsyncBody(GuardedBody):
    """A body that is read by a task, which is cancelled at its deadline."""

    _late = False

    def __init__(self, chunks: AsyncIterable[bytes], permit: Permit, end: End | None, shape: Shape) -> None:
        """Take the client's own body."""
        self._set_up(permit, end, shape)
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the chunks as they come."""
        chunks = aiter(self._chunks)
        try:
            while True:
                try:
                    chunk = await self._next(chunks)
                except StopAsyncIteration:
                    break
                self._see(chunk)
                yield chunk
        except GeneratorExit:
            raise
        except BaseException as error:
            cut = is_cancellation(error) and is_total(self._end)
            self._permit.raised(error, timed_out=cut)
            raise
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()
        self._ended()

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes:
        if self._end is None:
            return await anext(chunks)
        ends = until(self._end)
        if ends[1] <= 0:
            # Cancelled in its next step the client's own body unwinds; dropped between two it is not closed.
            if self._late:
                self._check()
            self._late = True
        try:
            chunk: bytes = await within(ends, anext(chunks))
        except RequestTimeoutError as error:
            if error.setting != "total_timeout":
                raise
            over = timed_out(self._permit, ends[0], 0)
            raise self._shape(over) from error.__cause__
        return chunk

    async def aclose(self) -> None:
        """Close the body; one that was not read to its end counts as ignored."""
        try:
            close = getattr(self._chunks, "aclose", None)
            if close is not None:
                await close()
        finally:
            self._closed()


def cut_socket(find: Callable[[], Any]) -> Callable[[], None]:
    """Give what ends a connection under a thread that reads from it."""

    def cut() -> None:
        import socket

        with suppress(Exception):
            found = find()
            if found is not None:
                socket.socket.shutdown(
                    found, socket.SHUT_RDWR
                )  # not an SSLSocket's own: it forgets its state

    return cut
