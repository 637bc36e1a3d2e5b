# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tasks of Celery, guarded, in a prefork worker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end
WORKER = ("-m", "celery", "-A", "tasks", "worker", "--pool=prefork", "--concurrency=1")
QUIET = ("--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat")


@pytest.fixture
def tasks(start, tmp_path, monkeypatch):
    """Start a worker and give its tasks as a client sees them."""
    monkeypatch.setenv("TASKS_HOME", str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "apps"))
    start(*WORKER, *QUIET, TASKS_HOME=str(tmp_path))
    import tasks

    yield tasks
    tasks.app.close()
    del sys.modules["tasks"]


def test_a_guarded_task_opens_its_circuit_in_the_forked_worker(tasks):
    assert tasks.send.name == "tasks.send"
    address, worker = tasks.send.delay("ada@example.org").get(timeout=20)
    assert address == "ada@example.org"
    errors = []
    for _ in range(4):
        answer = tasks.send.delay("ada@example.org", broken=True)
        answer.get(timeout=15, propagate=False)
        errors.append(type(answer.result).__name__)
    assert errors == ["OSError", "OSError", "CircuitBreakerOpenError", "CircuitBreakerOpenError"]
    assert answer.result.name == "mail"
    state = tasks.state.delay().get(timeout=15)
    assert state[:4] == ["open", 2, 2, worker]
    assert tasks.send.run.circuit_breaker.state == "closed"  # here, in the client's process
