# SPDX-License-Identifier: MIT OR Apache-2.0
"""How a cache uses its store: whatever that raises is a miss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trifuse.cache._codecs import CodecError
from trifuse.cache._store import Found, Store

if TYPE_CHECKING:
    from collections.abc import Callable


class Access:
    """The part of a cache that reads and writes entries."""

    __slots__ = ()
    store: Store

    if TYPE_CHECKING:
        _store_if: Callable[[Any], bool] | None

        @property
        def _keep(self) -> float: ...
        def _count(self, field: str) -> None: ...
        def _failed(self, what: str, key: str, error: Exception) -> None: ...
        def _tell_once(self, what: str, why: str) -> None: ...

    def _get(self, key: str) -> Found | None:
        try:
            return self.store.get(key)
        except Exception as error:  # noqa: BLE001 - the call is made then
            self._failed("reading", key, error)
            return None

    async def _get_async(self, key: str) -> Found | None:
        try:
            return await self.store.get_async(key)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("reading", key, error)
            return None

    def _put(self, key: str, value: Any) -> bool:
        try:
            self.store.put(key, value, self._keep)
        except Exception as error:  # noqa: BLE001 - the answer is the caller's all the same
            return self._not_put(key, error)
        self._count("stored")
        return True

    async def _put_async(self, key: str, value: Any) -> bool:
        try:
            await self.store.put_async(key, value, self._keep)
        except Exception as error:  # noqa: BLE001 - as above
            return self._not_put(key, error)
        self._count("stored")
        return True

    def _not_put(self, key: str, error: Exception) -> bool:
        if isinstance(error, CodecError):
            self._tell_once("an answer cannot be written", error.reason)
        else:
            self._failed("writing", key, error)
        return False

    def _wants(self, value: Any, degraded: object) -> bool:
        """Tell whether an answer is to be kept; counts those that are not."""
        if degraded is not None:
            self._count("degraded")
            return False
        if self._store_if is None:
            return True
        try:
            wanted = bool(self._store_if(value))
        except Exception as error:  # noqa: BLE001 - the answer is the caller's all the same
            self._tell_once("store_if failed", type(error).__qualname__)
            return False
        if not wanted:
            self._count("not_stored")
        return wanted
