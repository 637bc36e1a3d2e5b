# SPDX-License-Identifier: MIT OR Apache-2.0
"""Clients that retry by themselves, found in the traceback of a failed call.

Their retries multiply with those of a guard around them, and a breaker sees one failure where the
service was asked three times. Nothing is imported and nothing is looked for while calls succeed.
"""

from __future__ import annotations

import warnings
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from trifuse._listeners import log
from trifuse._locks import Lock

_MOST_ERRORS = 5
_MOST_FRAMES = 64
_MOST_WARNED = 256
_warned: set[tuple[str, str, str, int]] = set()
_lock = Lock()


class RetryingClientWarning(UserWarning):
    """A guarded function uses a client that retries by itself."""


class _Kind(NamedTuple):
    """A class of clients: where it is defined, its attribute that counts retries, and what to write."""

    module: str
    name: str
    attribute: str
    advice: str


_SDK = (
    "write {client}(..., max_retries=0) or client.with_options(max_retries=0), or let "
    "trifuse.contrib.{root}.protect(client) do it and guard every call of the client"
)
_KINDS = (
    _Kind("openai._base_client", "BaseClient", "max_retries", _SDK),
    _Kind("anthropic._base_client", "BaseClient", "max_retries", _SDK),
    _Kind("opensearchpy.transport", "Transport", "max_retries", "write {client}(..., max_retries=0)"),
    _Kind(
        "opensearchpy._async.transport", "AsyncTransport", "max_retries", "write {client}(..., max_retries=0)"
    ),
    _Kind("redis.connection", "AbstractConnection", "retry", "write {client}(..., retry=None)"),
    _Kind("redis.asyncio.connection", "AbstractConnection", "retry", "write {client}(..., retry=None)"),
)
_SHOWN = {"Transport": "OpenSearch", "AsyncTransport": "AsyncOpenSearch"}


def look(name: str, error: BaseException) -> None:
    """Warn, once, if a retrying client was at work where this error comes from. Never raises.

    ``name``: of the guard that saw the error.
    """
    try:
        found = _find(error)
        if found is not None:
            _warn(name, *found)
    except Exception:  # noqa: BLE001 - the guarded call's own error must come through
        log().debug("looking for a client that retries failed", exc_info=True)


def _find(error: BaseException) -> tuple[Any, _Kind, int, FrameType | None] | None:
    """Give the client, what is known of its kind, its retries, and the frame that called it."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen and len(seen) < _MOST_ERRORS:
        seen.add(id(following))
        found = _in_traceback(following.__traceback__)
        if found is not None:
            client, kind, retries, caller = found
            return client, kind, retries, caller or _outside(error.__traceback__)
        following = following.__cause__ or following.__context__
    return None


def _in_traceback(trace: TracebackType | None) -> tuple[Any, _Kind, int, FrameType | None] | None:
    caller: FrameType | None = None
    for _ in range(_MOST_FRAMES):
        if trace is None:
            return None
        frame = trace.tb_frame
        root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if root in _ROOTS:
            client = frame.f_locals.get("self")
            kind = _kind_of(client)
            if kind is not None:
                retries = _retries(getattr(client, kind.attribute, 0))
                return (client, kind, retries, caller) if retries > 0 else None
        elif root != "trifuse":
            caller = frame
        trace = trace.tb_next
    return None


def _outside(trace: TracebackType | None) -> FrameType | None:
    """Give the frame that called the guard."""
    frame = None if trace is None else trace.tb_frame
    for _ in range(_MOST_FRAMES):
        if frame is None or str(frame.f_globals.get("__name__", "")).partition(".")[0] != "trifuse":
            return frame
        frame = frame.f_back
    return None


_ROOTS = frozenset(kind.module.partition(".")[0] for kind in _KINDS)


def _kind_of(client: object) -> _Kind | None:
    for cls in type(client).__mro__:
        for kind in _KINDS:
            if cls.__name__ == kind.name and cls.__module__ == kind.module:
                return kind
    return None


def _retries(value: Any) -> int:
    """Give a number of retries; of an object that makes them, what it counts to."""
    if isinstance(value, int):
        return value
    count = getattr(value, "_retries", 0)
    return count if isinstance(count, int) else 0


def _warn(name: str, client: Any, kind: _Kind, retries: int, caller: FrameType | None) -> None:
    client_name = _SHOWN.get(type(client).__name__, type(client).__name__)
    filename = "unknown" if caller is None else caller.f_code.co_filename
    line = 0 if caller is None else caller.f_lineno
    key = (name, client_name, filename, line)
    with _lock:
        if key in _warned or len(_warned) >= _MOST_WARNED:
            return
        _warned.add(key)
    advice = kind.advice.format(client=client_name, root=kind.module.partition(".")[0])
    message = (
        f"a call guarded by {name!r} uses a client that retries by itself ({client_name}, max_retries={retries}), "
        f"so one call asks the service up to {retries + 1} times and the guard sees one outcome: {advice}"
    )
    try:
        warnings.warn_explicit(message, RetryingClientWarning, filename, max(line, 1))
    except Warning:  # warnings are errors here: the call's own error must come through
        log().warning("%s", message)
