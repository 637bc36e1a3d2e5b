# SPDX-License-Identifier: MIT OR Apache-2.0
"""Streams under guard: time limits on content, what counts as a failure, and how to resume.

``guard_stream`` guards any function that gives a stream; ``protect`` of the integrations takes the same
limits and the same ``resume``.
"""

from __future__ import annotations

from trifuse._llm.errors import StreamEmptyError, StreamInterruptedError
from trifuse._llm.formats import RawFormat, StreamFormat
from trifuse._llm.limits import StreamLimits
from trifuse._llm.resume import Interrupted, Resume
from trifuse._llm.streams import GuardedAsyncStream, GuardedStream
from trifuse._llm.streams_decorating import guard_stream

__all__ = [
    "GuardedAsyncStream",
    "GuardedStream",
    "Interrupted",
    "RawFormat",
    "Resume",
    "StreamEmptyError",
    "StreamFormat",
    "StreamInterruptedError",
    "StreamLimits",
    "guard_stream",
]
