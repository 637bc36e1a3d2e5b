# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a protected client and its copies share: the guards, by group and model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trifuse._errors import ConfigurationError
from trifuse._locks import Lock
from trifuse.contrib._protect.guards import Guard
from trifuse.contrib._protect.operations import LLM, Operation, Provider
from trifuse.contrib._protect.settings import Settings, read

_MOST_MODELS = 256
_MOST_UNKNOWN = 256
_LONGEST_NAME = 200
OTHERS = "other models"


class Protection:
    """The guards of a client. One object, shared by the client and all its copies."""

    def __init__(
        self, provider: Provider, client: Any, given: Mapping[str, Any], *, synchronous: bool
    ) -> None:
        """Make the guards. Raises ConfigurationError."""
        self.provider = provider
        self.sdk_retries = client.max_retries
        self._given = given
        self._settings = read(given)
        name = given.get("name")
        if name is not None and (not isinstance(name, str) or not name):
            raise ConfigurationError("name", name, "a text that is not empty, or None")
        self.name: str = name or f"{provider.name}:{_host(client)}"
        self._per_model = given.get("per") == "model"
        self._lock = Lock()
        self._guards: dict[tuple[str, str], Guard] = {}
        self._unknown: dict[str, None] = {}
        for group, settings in self._settings.items():
            if settings is None:
                continue
            if group == LLM and self._per_model:  # made when a model is first asked; checked now
                Guard(self.name, Settings({**given, "registry": None})).check(synchronous=synchronous)
                continue
            made = self._guards[group, ""] = Guard(self._named(group, ""), settings)
            made.check(synchronous=synchronous)

    def _named(self, group: str, model: str) -> str:
        name = self.name if group == LLM else f"{self.name}:{group}"
        return f"{name}:{model}" if model else name

    def guards_group(self, group: str) -> bool:
        """Tell whether the operations of a group are guarded."""
        return self._settings[group] is not None

    def guard(self, operation: Operation, body: Mapping[str, Any]) -> Guard:
        """Give the guard of a call of a group that is guarded."""
        group, model = operation.group, ""
        settings = self._settings[group]
        assert settings is not None
        if group == LLM and self._per_model:
            model = str(body.get("model") or OTHERS)[:_LONGEST_NAME]
        found = self._guards.get((group, model))
        return found if found is not None else self._made(group, model, settings)

    def _made(self, group: str, model: str, settings: Settings) -> Guard:
        with self._lock:
            if len(self._guards) >= _MOST_MODELS:
                model = OTHERS
            if (group, model) not in self._guards:
                self._guards[group, model] = Guard(self._named(group, model), settings)
            return self._guards[group, model]

    def passed(self, method: str, path: str) -> None:
        """Note a request that went through unguarded."""
        if len(self._unknown) < _MOST_UNKNOWN:
            self._unknown[f"{method.upper()} {path.partition('?')[0]}"] = None

    @property
    def limited(self) -> bool:
        """Whether calls have a time limit."""
        every = [settings.limits for settings in self._settings.values() if settings is not None]
        return any(limits.attempt is not None or limits.total is not None for limits in every)

    @property
    def thread(self) -> bool:
        """Whether synchronous calls run in a thread."""
        return bool(self._given.get("thread"))

    @property
    def guards(self) -> list[Guard]:
        """The guards that there are now."""
        return list(self._guards.values())

    def snapshot(self) -> dict[str, Any]:
        """Take a picture of every part that counts something, by the name of the guard and the part's kind."""
        return {guard.name: guard.snapshot() for guard in self.guards}

    def describe(self, client: Any) -> dict[str, Any]:
        """Give what is guarded, by what, and what is not, as plain data."""
        from trifuse.contrib._protect.walking import methods_of

        guarded = {
            call: self._named(operation.group, "<model>" if self._of_models(operation) else "")
            for operation in self.provider.operations
            for call in operation.calls
            if self._settings[operation.group] is not None
        }
        methods = methods_of(client)
        return {
            "client": type(client).__name__,
            "name": self.name,
            "sdk_retries": {"now": client.max_retries, "before": self.sdk_retries},
            "guarded": {call: guarded[call] for call in methods if call in guarded},
            "guards": {guard.name: guard.describe() for guard in self.guards},
            "passed_through": [call for call in methods if call not in guarded],
            "seen_unguarded": list(self._unknown),
        }

    def _of_models(self, operation: Operation) -> bool:
        return operation.group == LLM and self._per_model


def _host(client: Any) -> str:
    url = client.base_url
    host = url.host or "unknown"
    return f"{host}:{url.port}" if url.port else str(host)
