# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a cache guards functions of each kind."""

# Annotations of a guard would stand in for those of a function that has none.
# ruff: noqa: ANN002, ANN003, ANN202

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trifuse._core import lib
from trifuse._errors import ConfigurationError
from trifuse._stream_guards import Plain, PlainAsync, async_generator_guard, generator_guard
from trifuse._waiting import to_be_awaited
from trifuse.cache._access import Access
from trifuse.cache._calls import Call, run, run_async
from trifuse.cache._streams import Kept, KeptAsync, kept

if TYPE_CHECKING:
    from trifuse.cache._keys import Keyer

_bypass = lib.trifuse_py_bypass


class Guards(Access):
    """The part of a cache that is a policy."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _keyer_of(self, original: Any) -> Keyer: ...
        def _key_of(self, keyer: Keyer, args: Any, kwargs: Any) -> str | None: ...

    def _guard(self, fn: Any) -> Any:
        return self._guard_within(fn, fn)

    def _guard_function(self, fn: Any) -> Any:
        return _Guard(self, fn)._guard_function(fn)

    def _guard_within(self, fn: Any, original: Any) -> Any:
        from trifuse._kinds import guard_with

        return guard_with(_Guard(self, original), fn)  # type: ignore[arg-type]


class _Guard:
    """The guards of one function, whose own looks say what its arguments are."""

    __slots__ = ("_awaited", "_cache", "_keyer", "_original")

    def __init__(self, cache: Any, original: Any) -> None:
        self._cache = cache
        self._keyer = cache._keyer_of(original)
        self._original = original
        self._awaited = False  # until it is seen to give what is awaited

    def _call(self, args: Any, kwargs: Any) -> Call | None:
        """Give what is known of a call; None when it is not for the cache."""
        if _bypass():
            return None
        key = self._cache._key_of(self._keyer, args, kwargs)
        return None if key is None else Call(self._cache, key, args, kwargs)

    def _guard_function(self, fn: Callable[..., Any]) -> Any:
        cache = self._cache

        def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            call = self._call(args, kwargs)
            if call is None:
                return fn(*args, **kwargs)
            if self._awaited or to_be_awaited(self._original):
                return run_async(call, fn)
            if not cache.store.threads:
                allowed = "a store for threads, where a function is guarded that is not awaited"
                raise ConfigurationError("store", cache.store, allowed)
            return run(call, fn, self._gave_awaitable)

        return guarded

    def _gave_awaitable(self) -> None:
        self._awaited = True

    def _guard_coroutine_function(self, fn: Callable[..., Any]) -> Any:
        async def guarded(*args, **kwargs):  # type: ignore[no-untyped-def]
            call = self._call(args, kwargs)
            if call is None:
                return await fn(*args, **kwargs)
            return await run_async(call, fn)

        return guarded

    def _guard_generator_function(self, fn: Callable[..., Any]) -> Any:
        def begin(args: Any, kwargs: Any) -> Any:
            call = self._call(args, kwargs)
            if call is None:
                return Plain(fn(*args, **kwargs))
            hit = kept(call)
            return Kept(call, fn(*args, **kwargs)) if hit is None else Plain(hit)

        return generator_guard(begin)

    def _guard_async_generator_function(self, fn: Callable[..., Any]) -> Any:
        def begin(args: Any, kwargs: Any) -> Any:
            call = self._call(args, kwargs)
            if call is None:
                return PlainAsync(fn(*args, **kwargs))
            return KeptAsync(call, fn)

        return async_generator_guard(begin)
