# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where the three services are, and how long each may take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trifuse import CircuitBreakerRegistry, registry


@dataclass(frozen=True)
class Settings:
    """Settings of the application.

    Attributes:
        model_url: of an OpenAI-compatible server; None: OpenAI's own.
        api_key: for it; None: from the environment.
        model: its name.
        chroma: host and port of a Chroma server; None: embedded, in memory.
        database: a PostgreSQL connection string, or the path of an SQLite file.
        breaker: settings of all three circuit breakers.
        limits: seconds that a search, the first words of an answer, and saving may take.
        registry: where the breakers are known.
    """

    model_url: str | None = None
    api_key: str | None = None
    model: str = "gpt-4o-mini"
    chroma: tuple[str, int] | None = None
    database: str = "answers.db"
    breaker: dict[str, Any] = field(default_factory=dict)
    limits: tuple[float, float, float] = (2.0, 10.0, 2.0)
    registry: CircuitBreakerRegistry = registry

    @property
    def postgres(self) -> bool:
        """Whether the database is a PostgreSQL."""
        return "://" in self.database or "=" in self.database
