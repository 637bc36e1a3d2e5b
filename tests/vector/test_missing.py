# SPDX-License-Identifier: MIT OR Apache-2.0
"""Without its library an integration imports, and says what to install when it is used."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

LIBRARIES = {
    "chromadb": "chromadb.api.models.Collection",
    "qdrant": "qdrant_client",
    "lancedb": "lancedb.db",
    "pgvector": "psycopg",
    "milvus": "pymilvus",
}


@pytest.mark.parametrize("integration", LIBRARIES)
def test_a_library_that_is_missing_is_named_with_its_extra_when_something_is_to_be_guarded(
    integration, monkeypatch
):
    monkeypatch.setitem(sys.modules, LIBRARIES[integration], None)
    module = import_module(f"trifuse.contrib.{integration}")
    with pytest.raises(ImportError, match=rf"pip install 'trifuse\[{integration}\]'"):
        module.protect(object())
