# SPDX-License-Identifier: MIT OR Apache-2.0
"""The raw answer of requests, guarded to its end however it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from trifuse._errors import RequestTimeoutError
from trifuse._remaining import End, now_ns
from trifuse.contrib._http.attempts import TOLERANCE_NS, timed_out
from trifuse.contrib._http.bodies import GuardedBody, Shape, cut_socket
from trifuse.contrib._http.permits import Permit


class GuardedRaw(GuardedBody):
    """Stands for urllib3's response: what is not listed here is that one's own."""

    def __init__(self, raw: Any, permit: Permit, end: End | None, shape: Shape) -> None:
        """Take urllib3's response."""
        self._set_up(permit, end, shape)
        self._chunks = self._raw = raw

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The class of what it stands for, so that isinstance() finds what it looks for."""
        return type(self._raw)

    def read(self, amt: int | None = None, *args: Any, **settings: Any) -> bytes:
        """Read as urllib3's response does."""
        data: bytes = self._reading(lambda: self._raw.read(amt, *args, **settings))
        if not data or amt is None or amt < 0:
            self._over(amt)
        return data

    def read1(self, amt: int | None = None, *args: Any, **settings: Any) -> bytes:
        """Read what is there."""
        data: bytes = self._reading(lambda: self._raw.read1(amt, *args, **settings))
        if not data:
            self._over(amt)
        return data

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer."""
        count: int = self._reading(lambda: self._raw.readinto(buffer))
        if not count:
            self._over(len(buffer))
        return count

    def readline(self, *args: Any) -> bytes:
        """Read a line."""
        data: bytes = self._reading(lambda: self._raw.readline(*args))
        if not data:
            self._over(None)
        return data

    def stream(self, *args: Any, **settings: Any) -> Iterator[bytes]:
        """Give the chunks."""
        return self._each(self._raw.stream(*args, **settings))

    def read_chunked(self, *args: Any, **settings: Any) -> Iterator[bytes]:
        """Give the chunks."""
        return self._each(self._raw.read_chunked(*args, **settings))

    def __iter__(self) -> Iterator[bytes]:
        """Give the lines."""
        return self._each(iter(self._raw))

    def __next__(self) -> bytes:
        """Give a line."""
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    @property
    def data(self) -> bytes:
        """All of it."""
        data: bytes = self._reading(lambda: self._raw.data)
        self._over(None)
        return data

    def close(self) -> None:
        """Close it; what was not read to its end counts as ignored."""
        try:
            self._end_if_complete()
            self._raw.close()
        finally:
            self._closed()

    def release_conn(self) -> None:
        """Give the connection back; what was not read to its end counts as ignored."""
        try:
            self._end_if_complete()
            self._raw.release_conn()
        finally:
            self._closed()

    def drain_conn(self) -> None:
        """Read and drop the rest."""
        self._raw.drain_conn()
        self._permit.release()

    def _each(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        self._check()
        self._start_watch()
        try:
            for chunk in chunks:
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

    def _reading(self, read: Callable[[], Any]) -> Any:
        self._check()
        self._start_watch()
        try:
            result = read()
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            self._unwatch()
        self._permit.renew()
        return result

    def _over(self, amt: int | None) -> None:
        """Tell a good end, unless nothing was asked for, or the watcher ended it."""
        if amt == 0:
            return
        self._check()
        self._ended()

    def _failed(self, error: BaseException) -> None:
        end = self._now_end()
        over = end is not None and isinstance(error, Exception) and end[0] <= now_ns() + TOLERANCE_NS
        if end is None or not over or isinstance(error, RequestTimeoutError):
            self._permit.raised(error)
            return
        raise self._shape(timed_out(self._permit, end, 0)) from error

    def _start_watch(self) -> None:
        end = self._now_end()
        if end is None:
            return
        from trifuse._llm.watcher import watch

        self._watch = watch(cut_socket(self._socket), max(0.0, (end[0] - now_ns()) / 1e9))

    def _socket(self) -> Any:
        return getattr(getattr(self._raw, "_connection", None), "sock", None) or self._socket_of_file()

    def _socket_of_file(self) -> Any:
        """Give the socket of an answer whose connection let go of it (Connection: close)."""
        fp = getattr(getattr(self._raw, "_fp", None), "fp", None)
        return getattr(getattr(fp, "raw", None), "_sock", None)

    def _end_if_complete(self) -> None:
        """Tell a good end where as much was read as there is, though the end itself was not."""
        if getattr(self._raw, "length_remaining", None) == 0:
            self._ended()
