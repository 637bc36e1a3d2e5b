# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a client is told of a refusal or a timeout: status, Retry-After and a problem+json body (RFC 9457)."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from trifuse._errors import RefusedError, RequestTimeoutError

UNKNOWN_WAIT = 1
"""Seconds told as Retry-After where it is not known when to try again."""
_TITLES = {429: "Too Many Requests", 503: "Service Unavailable", 504: "Gateway Timeout"}
_DETAILS = {
    429: "There were too many requests. Try again in {seconds} s.",
    503: "Something that this service needs is not available. Try again in {seconds} s.",
    504: "Something that this service needs did not answer in time.",
}


class Answer(NamedTuple):
    """A response: status, headers and body."""

    status: int
    headers: dict[str, str]
    body: bytes


def json_answer(status: int, data: Any, kind: str = "application/json") -> Answer:
    """Give plain data as a response that nobody may cache."""
    body = json.dumps(data).encode()
    headers = {"content-type": kind, "content-length": str(len(body)), "cache-control": "no-store"}
    return Answer(status, headers, body)


def answer_to(error: BaseException) -> Answer | None:
    """Give the answer to what a request raised: None when it is not ours.

    Looked for in the error, the causes it names, and in a group whose errors are all ours.
    """
    try:
        found = _ours(error)
    except Exception:  # noqa: BLE001 - of an error whose attributes raise: the error itself is what counts
        return None
    if isinstance(found, RefusedError):
        return refusal(503, found)
    return None if found is None else refusal(504, found)


def refusal(status: int, error: RefusedError | RequestTimeoutError) -> Answer:
    """Give the answer of this status. The names of what the service needs are not told."""
    problem: dict[str, Any] = {"type": "about:blank", "title": _TITLES[status], "status": status}
    if isinstance(error, RequestTimeoutError):
        problem |= {"detail": _DETAILS[status], "reason": error.setting}
        return json_answer(status, problem, "application/problem+json")
    wait = error.retry_after
    told = UNKNOWN_WAIT if wait is None else max(1, math.ceil(wait))
    detail = _DETAILS[status].format(seconds=told)
    problem |= {"detail": detail, "policy": error.policy, "reason": str(error.reason), "retry_after": wait}
    answer = json_answer(status, problem, "application/problem+json")
    answer.headers["retry-after"] = str(told)
    return answer


def _ours(error: BaseException) -> RefusedError | RequestTimeoutError | None:
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        if isinstance(found, (RefusedError, RequestTimeoutError)):
            return found
        if isinstance(found, BaseExceptionGroup):
            inner = [_ours(each) for each in found.exceptions]
            return None if None in inner else inner[0]
        found = found.__cause__
    return None
