# SPDX-License-Identifier: MIT OR Apache-2.0
"""Data: exceptions of Python, its library, and of event loops."""

from __future__ import annotations

import errno

from trifuse.classify._kinds import Kind
from trifuse.classify._rows import WRAPPER, Row, named

NETWORK = frozenset(
    getattr(errno, name)
    for name in (
        "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN",
        "ENETRESET", "ENETUNREACH", "ENOTCONN", "EPIPE", "ESHUTDOWN", "EIO", "EREMOTEIO",
    )
    if hasattr(errno, name)
)  # fmt: skip
LOCAL = frozenset(
    getattr(errno, name)
    for name in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EADDRINUSE", "ENOSPC", "EDQUOT")
    if hasattr(errno, name)
)
_CHECKING = ("qdrant_client", "lancedb", "anthropic", "openai", "google.genai")

EXACT = (
    Row("builtins.ValueError", Kind.caller, raised_in=_CHECKING),
    Row("builtins.TypeError", Kind.caller, raised_in=_CHECKING),
    Row("builtins.RuntimeError", Kind.caller, raised_in=("httpx", "httpx2", "aiohttp"), texts=("closed",)),
    Row("builtins.AssertionError", Kind.caller, raised_in=("faiss",)),
    Row("builtins.ValueError", WRAPPER, raised_in=("chromadb",)),
    Row("builtins.Exception", WRAPPER, raised_in=("chromadb",)),
)
"""Plain exceptions of Python by the library that raised them: of very these classes, no subclasses."""

ROWS = (
    *named(Kind.timeout, "builtins", "TimeoutError"),
    *named(Kind.timeout, "trio", "TooSlowError"),
    *named(Kind.timeout, "concurrent.futures", "TimeoutError"),
    *named(Kind.cancelled, "concurrent.futures", "CancelledError"),
    *named(Kind.transient, "builtins", "ConnectionError"),
    *named(Kind.transient, "socket", "gaierror herror"),
    *named(Kind.transient, "ssl", "SSLError"),
    *named(Kind.transient, "http.client", "HTTPException"),
    *named(Kind.transient, "asyncio", "IncompleteReadError"),
    *named(Kind.transient, "anyio", "BrokenResourceError IncompleteRead"),
    *named(Kind.transient, "trio", "BrokenResourceError"),
    *named(Kind.caller, "http.client", "InvalidURL CannotSendRequest CannotSendHeader ResponseNotReady"),
    Row("urllib.error.URLError", WRAPPER),
)
