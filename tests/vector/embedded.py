# SPDX-License-Identifier: MIT OR Apache-2.0
"""Parts of tests with an embedded Chroma: an embedding function and a server that do as they are told."""

from __future__ import annotations

import threading

import numpy as np
from chromadb.api.types import EmbeddingFunction

ONE, TWO = [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]


class Embedder(EmbeddingFunction):
    """Gives vectors of the length of texts; fails, or takes its time, when told."""

    def __init__(self):
        self.calls, self.error, self.gate = 0, None, None
        self.thread = None

    def __call__(self, input):  # noqa: A002 - the name that Chroma asks for
        self.calls += 1
        self.thread = threading.get_ident()
        if self.gate is not None:
            self.gate.wait(5)
        if self.error is not None:
            raise self.error
        return [np.array([float(len(text)), 1.0, 1.0], dtype=np.float32) for text in input]

    @staticmethod
    def name():
        return "of the tests"

    def get_config(self):
        return {}

    @staticmethod
    def build_from_config(config):
        return Embedder()


def same(found, expected):
    """Compare results, arrays included, with their types."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return type(found) is list and len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, np.ndarray):
        return (
            isinstance(found, np.ndarray) and found.shape == expected.shape and found.dtype == expected.dtype
        )
    return found == expected


class Slow:
    """In place of a server: every call waits at a gate."""

    def __init__(self, server):
        self._server, self.gate, self.calls, self.threads = server, threading.Event(), 0, set()

    def __getattr__(self, attribute):
        found = getattr(self._server, attribute)

        def call(*args, **kwargs):
            self.calls += 1
            self.threads.add(threading.get_ident())
            self.gate.wait(5)
            return found(*args, **kwargs)

        return call
