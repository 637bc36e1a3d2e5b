# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guarded copies of clients: a class of the client's own, whose requests go through the guards.

All methods of the resources of both SDKs end in ``client.request``; a copy of the client whose
class overrides it is guarded in that one place, whatever helper or view the call came through.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from trifuse._errors import ConfigurationError, UnsupportedError
from trifuse._llm.streams_closing import make_interruptible
from trifuse._locks import Lock
from trifuse.contrib._need import need
from trifuse.contrib._protect.attempts import attempt_now, reading
from trifuse.contrib._protect.calls import Call, run_async, run_sync
from trifuse.contrib._protect.operations import Provider
from trifuse.contrib._protect.protection import Protection
from trifuse.contrib._protect.wire import bound, why_not_closable

C = TypeVar("C")
_NEEDED = (
    "request", "copy", "base_url", "_prepare_request", "_process_response", "_process_response_data",
    "_idempotency_key",
)  # fmt: skip
"""What of an SDK's client is overridden or used; without one of these calls would go on unguarded."""
_classes: weakref.WeakValueDictionary[type, type] = weakref.WeakValueDictionary()
_lock = Lock()


def _sync_class(kind: Any) -> type:
    """Make the guarded class of a synchronous client's class."""

    class Guarded(kind):  # type: ignore[misc]
        _trifuse: Protection

        def request(self, cast_to: Any, options: Any, *, stream: bool = False, stream_cls: Any = None) -> Any:
            return run_sync(Call(self, self._trifuse, super().request, cast_to, options, stream, stream_cls))

        def _prepare_request(self, request: Any) -> Any:
            _bound(request, ("connect", "read", "write", "pool"))
            return super()._prepare_request(request)

        def _process_response(self, *args: Any, **kwargs: Any) -> Any:
            with _noted(self, kwargs):
                return super()._process_response(*args, **kwargs)

        def copy(self, **changes: Any) -> Any:
            copied = _adopt(self, super().copy(**{**changes, "max_retries": 0}))
            if changes.get("http_client") is not None:
                _check_closable(copied, copied._trifuse)
            make_interruptible(copied)
            return copied

        with_options = copy

    return Guarded


def _async_class(kind: Any) -> type:
    """Make the guarded class of an asynchronous client's class."""

    class Guarded(kind):  # type: ignore[misc]
        _trifuse: Protection

        async def request(
            self, cast_to: Any, options: Any, *, stream: bool = False, stream_cls: Any = None
        ) -> Any:
            call = Call(self, self._trifuse, super().request, cast_to, options, stream, stream_cls)
            return await run_async(call)

        async def _prepare_request(self, request: Any) -> Any:
            _bound(request, ("pool",))
            return await super()._prepare_request(request)

        async def _process_response(self, *args: Any, **kwargs: Any) -> Any:
            with _noted(self, kwargs):
                return await super()._process_response(*args, **kwargs)

        def copy(self, **changes: Any) -> Any:
            return _adopt(self, super().copy(**{**changes, "max_retries": 0}))

        with_options = copy

    return Guarded


def _bound(request: Any, names: tuple[str, ...]) -> None:
    """Let a request wait no longer than its attempt may take."""
    attempt = attempt_now.get()
    left = None if attempt is None else attempt.left()
    if left is not None:
        request.extensions = bound(request.extensions, left, names)


def _noted(client: Any, kwargs: dict[str, Any]) -> contextlib.AbstractContextManager[None]:
    """Let the attempt know its response, which is read in the block."""
    attempt, response = attempt_now.get(), kwargs.get("response")
    if attempt is not None and response is not None:
        attempt.response = response
    return reading(response, client._trifuse.provider.module)


def _adopt(client: Any, copied: Any) -> Any:
    """Have a copy of a guarded client guarded by the same guards."""
    copied._trifuse = client._trifuse
    return copied


def protected(client: C, provider: Provider, given: dict[str, Any]) -> C:
    """Give a guarded copy of a client. Raises ConfigurationError, UnsupportedError."""
    base: Any = need(f"{provider.module}._base_client", provider.name)
    original: Any = client
    if isinstance(getattr(original, "_trifuse", None), Protection):
        raise ConfigurationError("client", client, "one that is not protected yet")
    if not isinstance(original, (base.SyncAPIClient, base.AsyncAPIClient)):
        raise ConfigurationError(
            "client", client, f"a client of {provider.module}, such as {_example(provider)}"
        )
    _check_known(original, provider)
    synchronous = isinstance(original, base.SyncAPIClient)
    protection = Protection(provider, original, given, synchronous=synchronous)
    if synchronous:
        _check_closable(original, protection)
    copied: Any = _copy(original)
    copied.__class__ = _class_of(type(original), _sync_class if synchronous else _async_class)
    copied._trifuse = protection
    if synchronous:
        make_interruptible(copied)
    return copied  # type: ignore[no-any-return]


def _check_known(client: Any, provider: Provider) -> None:
    """Raise UnsupportedError for a client whose calls would not come through the guards."""
    kind = type(client)
    missing = [name for name in _NEEDED if not hasattr(kind, name)]
    missing += [name for name in ("_client", "max_retries") if not hasattr(client, name)]
    for name in ("get", "post"):
        code = getattr(getattr(kind, name, None), "__code__", None)
        if code is not None and "request" not in code.co_names:
            missing.append(f"{name}() by request()")
    if missing:
        advice = f"this version has no {', '.join(missing)}: install one that trifuse[{provider.name}] names"
        raise UnsupportedError(provider.module, f"protect({kind.__name__})", advice)


def _copy(client: Any) -> Any:
    try:
        return client.copy(max_retries=0)
    except TypeError as error:  # a class whose __init__ takes other arguments
        allowed = f"one whose copy() works, as with_options() needs it: {error}"
        raise ConfigurationError("client", client, allowed) from error


def _example(provider: Provider) -> str:
    return "AsyncOpenAI()" if provider.module == "openai" else "AsyncAnthropic()"


def _check_closable(client: Any, protection: Protection) -> None:
    why = why_not_closable(client._client)
    if why is not None and protection.limited and not protection.thread:
        raise ConfigurationError(
            "thread",
            False,  # noqa: FBT003 - the value of the setting
            "True, which gives callers their timeout in time, or request_timeout=None: "
            f"a request of this client cannot be ended from outside, since {why}",
        )


def _class_of(kind: type, make: Callable[[Any], type]) -> type:
    """Give the guarded class of a client's class: its subclass, of the same name."""
    with _lock:
        made = _classes.get(kind)
        if made is None:
            made = make(kind)
            made.__name__, made.__qualname__ = kind.__name__, kind.__qualname__
            made.__module__, made.__doc__ = kind.__module__, kind.__doc__
            _classes[kind] = made
        return made


def protection_of(client: Any) -> Protection:
    """Give what guards a client. Raises ConfigurationError for one that is not protected."""
    found = getattr(client, "_trifuse", None)
    if not isinstance(found, Protection):
        raise ConfigurationError("client", client, "one that protect() gave")
    return found
