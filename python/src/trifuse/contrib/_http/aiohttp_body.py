# SPDX-License-Identifier: MIT OR Apache-2.0
"""The body of an answer of aiohttp, watched to its end: aiohttp tells when, and why."""

from __future__ import annotations

from typing import Any

from trifuse._options import SUCCESS
from trifuse._remaining import End, now_ns
from trifuse.contrib._http.attempts import timed_out
from trifuse.contrib._http.bodies import Shape
from trifuse.contrib._http.permits import Permit

_CLOSED = "Connection closed"


class WatchedBody:
    """Ends a permit when the body has ended, and the body when its time is over."""

    __slots__ = ("_end", "_permit", "_response", "_shape", "_timer")

    def __init__(self, response: Any, permit: Permit, end: End | None, shape: Shape, loop: Any) -> None:
        """Begin to watch."""
        self._permit = permit
        self._response = response
        self._end, self._shape = end, shape
        self._timer: Any = None
        content, connection = response.content, response.connection
        if connection is None or content.is_eof():
            self._finish(SUCCESS if content.exception() is None else None)
            return
        if end is not None:
            left = max(0, end[0] - now_ns()) / 1e9
            self._timer = loop.call_later(left, self._over)
        content.on_eof(self._at_eof)
        connection.add_callback(self._let_go)

    def _at_eof(self) -> None:
        self._finish(SUCCESS)

    def _let_go(self) -> None:
        """The connection is given back or closed: at the end of the body, or before."""
        content = self._response.content if self._response is not None else None
        if content is None:
            return
        error = content.exception()
        if content.is_eof() and error is None:
            self._finish(SUCCESS)
        elif error is None or _is_own_close(error):
            self._finish(None)
        else:
            self._finish(None, error)

    def _over(self) -> None:
        """The time is over: who reads gets the timeout, and the connection is closed."""
        response, end = self._response, self._end
        self._timer = None
        if response is None or end is None:
            return
        error = self._shape(timed_out(self._permit, end, 0))
        self._finish(None)
        response.content.set_exception(error)
        response.close()

    def _finish(self, outcome: int | None, error: BaseException | None = None) -> None:
        self._response = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if error is not None:
            self._permit.raised(error)
            return
        if outcome is not None:
            self._permit.judge(outcome)
        self._permit.release()


def _is_own_close(error: BaseException) -> bool:
    """Tell what a response puts into its body when it is closed by its user."""
    return type(error).__name__ == "ClientConnectionError" and error.args[:1] == (_CLOSED,)
