# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keys of entries: made of the arguments of a call, so that no two different calls have the same.

A format names the arguments that are shown. A key with one argument and nothing else to tell is the
format as it reads, such as ``llm:why is the sky blue?``. Where there are other arguments (those with
another value than their default), or several are shown, so that texts could run into one another, a
digest of all of them follows: ``llm:why?#<32 hexadecimal digits>``.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

from trifuse._errors import ConfigurationError

PREFIX = "llm:"
_PROMPT = "prompt"
_LIKE_OURS = re.compile(r"#[0-9a-f]{32}\Z")
_ALLOWED = "a format such as 'llm:{prompt}', or a function of the call's arguments that gives a text"
Key = str | Callable[..., str] | None


class UnkeyableError(TypeError):
    """The arguments of a call cannot be made into a key. It tells types, never values."""


class Keyer:
    """Makes the keys of the calls of one function, or of any calls."""

    __slots__ = ("_defaults", "_fields", "_function", "_hashed", "_signature", "_skip", "_text")

    def __init__(self, key: Key, *, hashed: bool, fn: Any = None) -> None:
        """Take the format or function, and the guarded function for the names of its arguments."""
        self._function = key if callable(key) else None
        self._text = key if isinstance(key, str) else None
        self._fields = () if self._text is None else fields_of(self._text)
        self._hashed = hashed
        self._signature, self._skip = _signature_of(fn)
        self._defaults: dict[str, str] = {}
        if self._signature is not None:
            self._check_fields()
            self._defaults = _canonical_defaults(self._signature)

    def _check_fields(self) -> None:
        assert self._signature is not None
        parameters = self._signature.parameters
        if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            return
        for field in self._fields:
            if field not in parameters:
                allowed = f"a format of the function's arguments: {', '.join(parameters) or 'it has none'}"
                raise ConfigurationError("key", self._text, allowed)

    def key(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """Make the key of a call. Raises UnkeyableError, and what a key function raises."""
        if self._function is not None:
            made = self._function(*args, **kwargs)
            if not isinstance(made, str):
                raise UnkeyableError(f"key= gave a {type(made).__qualname__}, not a text")
            return digest(made, 64) if self._hashed else made
        values = self._bound(args, kwargs)
        shown = self._fields or _prompt_of(values)
        missing = [field for field in shown if field not in values]
        if missing:
            raise UnkeyableError(f"the call has no argument {missing[0]!r}")
        others = any(name not in shown for name in values)
        return self._written({field: values[field] for field in shown}, None if not others else values)

    def _written(self, shown: dict[str, Any], others: dict[str, Any] | None) -> str:
        text = self._text if self._text is not None else PREFIX + "".join(f"{{{name}}}" for name in shown)
        single = len(shown) == 1 and others is None
        (value,) = shown.values() if single else (None,)
        if self._hashed:
            prefix = text.partition("{")[0]
            if single and isinstance(value, str):
                return prefix + digest(value, 64)
            return f"{prefix}#{digest(canonical(shown if others is None else others), 64)}"
        read = text.format_map({name: _shown(each) for name, each in shown.items()})
        if single and isinstance(value, str) and not _LIKE_OURS.search(read):
            return read
        return f"{read}#{digest(canonical(shown if others is None else others), 32)}"

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Give the arguments by name, but for those that have their default."""
        if self._signature is None:
            if self._text is not None and len(self._fields) == 1 and len(args) == 1 and not kwargs:
                return {self._fields[0]: args[0]}
            return {**{f"argument {place}": value for place, value in enumerate(args)}, **kwargs}
        try:
            bound = self._signature.bind(*args[self._skip :], **kwargs)
        except TypeError:
            raise UnkeyableError("the arguments are not those of the function") from None
        values: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = self._signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                values.update(value)
            elif name in self._fields or self._defaults.get(name) != _canonical_or_none(value):
                values[name] = value
        for name in self._fields:
            parameter = self._signature.parameters.get(name)
            if name not in values and parameter is not None and parameter.default is not parameter.empty:
                values[name] = parameter.default
        return values


def fields_of(text: str) -> tuple[str, ...]:
    """Give the names in a format. Raises ConfigurationError for what is no format of names."""
    try:
        parsed = [
            (name, spec, how) for _, name, spec, how in string.Formatter().parse(text) if name is not None
        ]
    except ValueError:
        raise ConfigurationError("key", text, _ALLOWED) from None
    if not parsed or any(not name.isidentifier() or spec or how for name, spec, how in parsed):
        raise ConfigurationError("key", text, _ALLOWED)
    return tuple(dict.fromkeys(name for name, _, _ in parsed))


def checked_key(key: Any) -> Key:
    """Give the setting. Raises ConfigurationError."""
    if isinstance(key, str):
        fields_of(key)
    elif key is not None and not callable(key):
        raise ConfigurationError("key", key, _ALLOWED)
    return key  # type: ignore[no-any-return]


def digest(text: str, digits: int) -> str:
    """Give the first digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def canonical(values: Any) -> str:
    """Write values so that equal ones read the same and others do not. Raises UnkeyableError."""
    try:
        return json.dumps(_plain(values), sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise UnkeyableError("an argument contains itself, or is too deep") from None


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise UnkeyableError("a dictionary among the arguments has keys that are no texts")
        return {"=": {key: _plain(each) for key, each in value.items()}}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": hashlib.sha256(value).hexdigest()}
    if isinstance(value, type):
        return {"type": f"{value.__module__}.{value.__qualname__}"}
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        kind = type(value)
        return {"model": [f"{kind.__module__}.{kind.__qualname__}", _plain(dump(mode="json"))]}
    raise UnkeyableError(f"an argument is a {type(value).__qualname__}; give key=")


def _canonical_or_none(value: Any) -> str | None:
    try:
        return canonical(value)
    except UnkeyableError:
        return None


def _canonical_defaults(signature: inspect.Signature) -> dict[str, str]:
    found = {}
    for name, parameter in signature.parameters.items():
        if parameter.default is not parameter.empty:
            written = _canonical_or_none(parameter.default)
            if written is not None:
                found[name] = written
    return found


def _prompt_of(values: dict[str, Any]) -> tuple[str, ...]:
    """Give the name of the argument that is the prompt: the only one, or the one of that name."""
    if len(values) == 1 and isinstance(next(iter(values.values())), str):
        return tuple(values)
    return (_PROMPT,) if isinstance(values.get(_PROMPT), str) else ()


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)


def _signature_of(fn: Any) -> tuple[inspect.Signature | None, int]:
    """Give the signature without the object of a method, and how many arguments that leaves out."""
    if fn is None:
        return None, 0
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return None, 0
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].name in {"self", "cls"}:
        return signature.replace(parameters=parameters[1:]), 1
    if all(each.kind in {each.VAR_POSITIONAL, each.VAR_KEYWORD} for each in parameters):
        return None, 0
    return signature, 0
