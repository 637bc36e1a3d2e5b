# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a foreign error says about itself: status, codes, message. Nothing here raises or imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trifuse._silent import is_silent
from trifuse.classify._rows import is_one_of

LEAST, MOST = 400, 599
_LONGEST_CODE, _LONGEST_MESSAGE, _MOST_WORDS = 120, 4_000, 24
_CODES = ("code", "type", "error_code", "provider_error_code", "provider_error_type")
_STATUSES = ("status_code", "http_status", "status")
Reader = Callable[[Any], tuple[object, ...]]


class Facts:
    """The facts of one error: ``status``, ``code`` as it is spelled, and all codes in small letters, ``words``."""

    __slots__ = ("_message", "code", "error", "status", "words")

    def __init__(self, error: BaseException, reader: Reader | None, *, known: bool) -> None:
        """Read status and codes. ``known``: a code that is a number is a status."""
        self.error = error
        self._message: str | None = None
        self.status: int | None = None
        self.code: str | None = None
        self.words: tuple[str, ...] = ()
        if reader is not None or not quietly(is_silent, error):
            self._read(error, reader, known=known)

    def _read(self, error: BaseException, reader: Reader | None, *, known: bool) -> None:
        extra: tuple[object, ...] = quietly(reader, error) or () if reader else ()
        self.status = _status(error) or next(filter(None, map(status_of, extra)), None)
        self.words = tuple(_codes(error, extra))
        self.code = self.words[0] if self.words else None
        self.words = tuple(word.lower() for word in self.words)
        if self.status is None and known:
            self.status = next(filter(None, map(status_of, self.words)), None)

    @property
    def message(self) -> str:
        """What it says to people, in small letters, cut off where that is long."""
        if self._message is None:
            text = quietly(str, self.error)
            self._message = text[:_LONGEST_MESSAGE].lower() if isinstance(text, str) else ""
        return self._message

    def raised_from(self, names: tuple[str, ...]) -> bool:
        """Tell whether one of these classes is among what it was raised from."""
        return any(is_one_of(type(cause), names) for cause in causes(self.error))

    def raised_in(self, modules: tuple[str, ...]) -> bool:
        """Tell whether it was raised in one of these modules, or below."""
        module = raised_in(self.error)
        return any(module == one or module.startswith(f"{one}.") for one in modules)


def quietly(function: Callable[..., Any], *args: object) -> Any:
    """Call a function of foreign making; None when it raises."""
    try:
        return function(*args)
    except Exception:  # noqa: BLE001 - foreign properties may raise anything
        return None


def read(error: object, name: str) -> Any:
    """Give an attribute; None when there is none or it cannot be read."""
    return quietly(getattr, error, name, None)


def status_of(value: object) -> int | None:
    """Give an HTTP status that tells of an error; texts of digits count, bool and nonsense do not."""
    if isinstance(value, str):
        if len(value) != len("500") or not (value.isascii() and value.isdigit()):
            return None
        value = int(value)
    if not isinstance(value, int):
        return None
    return int(value) if LEAST <= value <= MOST else None


def causes(error: BaseException, most: int = 8) -> Iterator[BaseException]:
    """Give what an error was raised from, the nearest first, each once."""
    seen = {id(error)}
    cause = error.__cause__
    while cause is not None and id(cause) not in seen and len(seen) <= most:
        yield cause
        seen.add(id(cause))
        cause = cause.__cause__


def raised_in(error: BaseException) -> str:
    """Give the module that raised an error; empty if that is not known."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__")
    return module if isinstance(module, str) else ""


def _status(error: BaseException) -> int | None:
    for name in _STATUSES:
        found = status_of(read(error, name))
        if found:
            return found
    response = read(error, "response")
    if response is None or isinstance(response, Mapping):
        return None
    return status_of(read(response, "status_code")) or status_of(read(response, "status"))


def _codes(error: BaseException, extra: tuple[object, ...]) -> Iterator[str]:
    """Give codes and types, those of the error itself first, each as it is spelled."""
    seen: set[str] = set()
    for found in _candidates(error, extra):
        if isinstance(found, str) and 0 < len(found) <= _LONGEST_CODE and found not in seen:
            seen.add(found)
            yield found
            if len(seen) == _MOST_WORDS:
                return


def _candidates(error: BaseException, extra: tuple[object, ...]) -> Iterator[object]:
    yield from extra
    for name in _CODES:
        yield read(error, name)
    for name in ("body", "details"):
        yield from quietly(lambda name=name: list(_of_body(read(error, name)))) or ()


def _of_body(body: object) -> Iterator[object]:
    """Give what a body in JSON names as code, type, status or reason."""
    if not isinstance(body, Mapping):
        return
    yield from (body.get(key) for key in ("code", "type", "status"))
    yield from _of_body(body.get("innererror"))
    error = body.get("error")
    if isinstance(error, Mapping):
        yield from _of_body(error)
        details = error.get("details")
        for detail in details[:8] if isinstance(details, list) else ():
            if isinstance(detail, Mapping):
                yield detail.get("reason")
                violations = detail.get("violations")
                for one in violations[:8] if isinstance(violations, list) else ():
                    yield one.get("quotaId") if isinstance(one, Mapping) else None
