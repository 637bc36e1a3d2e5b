# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where a request goes, and whether it may be sent more than once."""

from __future__ import annotations

from typing import Any

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
_PORTS = {"http": 80, "https": 443}
_SDK = "x-stainless-retry-count"


def origin(scheme: str, host: str, port: int | None) -> str:
    """Give scheme, host and port as one text, the port always with it."""
    scheme = scheme.lower()
    port = _PORTS.get(scheme) if port is None else port
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host.lower()
    return f"{scheme}://{host}" if port is None else f"{scheme}://{host}:{port}"


def may_repeat(method: str, headers: Any) -> bool:
    """Tell whether a request means the same when it is sent twice.

    By its method, or by an Idempotency-Key. What an SDK sends that makes requests again itself
    (and says so in a header) is left to it: retries within retries multiply.
    """
    if headers.get(_SDK) is not None:
        return False
    return method.upper() in IDEMPOTENT or bool(headers.get("idempotency-key"))
