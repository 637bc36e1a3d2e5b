# SPDX-License-Identifier: MIT OR Apache-2.0
"""What surrounds a value that is written: a version, when and for how long it is kept, a checksum, the codec.

``trifuse/1 <milliseconds> <kept milliseconds> <codec> <crc32>`` and a new line, then the value. The time
is that of the wall clock, because processes and machines share it, and is used for the age of an
entry and nothing else.
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Any

from trifuse.cache._store import Found

if TYPE_CHECKING:
    from trifuse.cache._codecs import Codec

_MAGIC = b"trifuse/"
_VERSION = b"trifuse/1"
_FIELDS = 5
_LONGEST_MS = (1 << 63) - 1


class CorruptedError(ValueError):
    """An entry of ours that cannot be read."""


def wall_ms() -> int:
    """Give the wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


def seal(codec: Codec, value: Any, keep: float) -> bytes:
    """Write a value with what surrounds it. Raises CodecError."""
    data = codec.encode(value)
    head = b"%s %d %d %s" % (_VERSION, wall_ms(), milliseconds(keep), codec.name.encode())
    return b"%s %08x\n%s" % (head, _sum(head, data), data)


def unseal(codec: Codec, data: bytes) -> Found | None:
    """Read what was sealed; None for what is not ours, of another version or codec, or over.

    Raises CorruptedError, also for an entry that is as far in the future as it is kept: the clock
    was set back.
    """
    if not data.startswith(_MAGIC):
        return None
    line, _, body = data.partition(b"\n")
    head, fields = line.rpartition(b" ")[0], line.split(b" ")
    if fields[0] != _VERSION:
        return None
    if len(fields) != _FIELDS or fields[4] != b"%08x" % _sum(head, body):
        raise CorruptedError
    if fields[3] != codec.name.encode():
        return None
    age_ms, keep_ms = wall_ms() - int(fields[1]), int(fields[2])
    if age_ms < -keep_ms:
        raise CorruptedError
    if age_ms >= keep_ms:
        return None
    try:
        return Found(codec.decode(body), max(0, age_ms) / 1000)
    except Exception:  # noqa: BLE001 - of the codec, or of a type's own code
        raise CorruptedError from None


def milliseconds(keep: float) -> int:
    """Give a time to keep an entry, at least 1."""
    return min(max(1, round(keep * 1000)), _LONGEST_MS)


def _sum(head: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(head))
