# SPDX-License-Identifier: MIT OR Apache-2.0
"""How values are written where they leave the process. What would come back changed is refused."""

from __future__ import annotations

import json
import pickle
from typing import Any, Protocol

from trifuse._errors import ConfigurationError, TrifuseError

_SCALARS = frozenset({str, int, bool, type(None)})


class CodecError(TrifuseError, ValueError):
    """A value cannot be written so that it comes back the same, or what was read is none.

    Attributes:
        reason: why; it never shows the value.
    """

    def __init__(self, reason: str) -> None:
        """Take the reason."""
        self.reason = reason
        super().__init__(reason)


class Codec(Protocol):
    """Writes values as bytes and reads them.

    Attributes:
        name: letters and digits that tell codecs apart: an entry is read by the codec that wrote it.
    """

    name: str

    def encode(self, value: Any) -> bytes:
        """Write a value. Raises CodecError for one that would not come back the same."""

    def decode(self, data: bytes) -> Any:
        """Read a value. Whatever it raises means that the bytes are none."""


class JsonCodec:
    """Texts, whole and finite numbers, True, False, None, and lists and dictionaries (by text) of these.

    Anything else is refused, such as tuples, which would come back as lists.
    """

    name = "json"

    def encode(self, value: Any) -> bytes:
        """Write a value. Raises CodecError."""
        try:
            text = json.dumps(value, allow_nan=False, separators=(",", ":"))
            _check(value)
        except (TypeError, ValueError, RecursionError) as error:
            if isinstance(error, CodecError):
                raise
            raise CodecError(f"JSON cannot hold a {type(value).__qualname__} like this") from None
        return text.encode()

    def decode(self, data: bytes) -> Any:
        """Read a value."""
        return json.loads(data)


def _check(value: Any) -> None:
    """Raise CodecError for a type that JSON gives back as another."""
    todo = [value]
    while todo:
        part = todo.pop()
        kind = type(part)
        if kind is dict:
            todo.extend(part)
            if any(type(key) is not str for key in part):
                raise CodecError("JSON knows no keys of dictionaries but texts")
            todo.extend(part.values())
        elif kind is list:
            todo.extend(part)
        elif kind is not float and kind not in _SCALARS:
            raise CodecError(f"JSON would not give a {kind.__qualname__} back; give codec=")


class PydanticCodec:
    """Objects of a pydantic model, or of any type that pydantic knows: ``PydanticCodec(list[Answer])``.

    Also the answers of SDKs that are such models: ``PydanticCodec(ChatCompletion)``. Each value is
    read back before it is kept, and refused if it is not the same.

    Raises:
        ImportError: pydantic is not installed.
        ConfigurationError: for a type that pydantic does not know.
    """

    def __init__(self, model: Any) -> None:
        """Take the type."""
        from trifuse.contrib._need import need

        pydantic = need("pydantic", "pydantic")
        try:
            self._adapter: Any = pydantic.TypeAdapter(model)
        except Exception as error:
            raise ConfigurationError(
                "model", model, "a pydantic model, or a type that pydantic knows"
            ) from error
        self.name = "pydantic"

    def encode(self, value: Any) -> bytes:
        """Write a value. Raises CodecError."""
        try:
            data: bytes = self._adapter.dump_json(value, warnings="error")
            same = self._adapter.validate_json(data) == value
        except Exception as error:  # noqa: BLE001 - of pydantic, or of the model's own code
            raise CodecError(f"pydantic cannot write it ({type(error).__qualname__})") from None
        if not same:
            raise CodecError(f"a {type(value).__qualname__} would come back changed")
        return data

    def decode(self, data: bytes) -> Any:
        """Read a value."""
        return self._adapter.validate_json(data)


class PickleCodec:
    """Whatever pickle can write. Who can write to the store can run any code here: only for your own."""

    name = "pickle"

    def encode(self, value: Any) -> bytes:
        """Write a value. Raises CodecError."""
        try:
            return pickle.dumps(value)
        except Exception as error:  # noqa: BLE001 - of the value's own code
            raise CodecError(f"pickle cannot write it ({type(error).__qualname__})") from None

    def decode(self, data: bytes) -> Any:
        """Read a value."""
        return pickle.loads(data)


def checked_codec(codec: Any) -> Codec:
    """Give the codec of a store. Raises ConfigurationError."""
    if codec is None:
        return JsonCodec()
    name = getattr(codec, "name", None)
    if not (
        isinstance(name, str) and name.isalnum() and hasattr(codec, "encode") and hasattr(codec, "decode")
    ):
        raise ConfigurationError("codec", codec, "an object with encode, decode and an alphanumeric name")
    checked: Codec = codec
    return checked
