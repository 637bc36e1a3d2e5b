# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guarded tasks of Celery in a prefork worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from celery.exceptions import SoftTimeLimitExceeded

pytestmark = pytest.mark.end_to_end
APP = """
import os, time
from pathlib import Path
from celery import Celery
from trifuse.contrib.celery import GuardedTask

HOME = Path(os.environ["TASKS_HOME"])
FOLDERS = {name: HOME / name for name in ("queue", "processed", "control", "results")}
for folder in FOLDERS.values():
    folder.mkdir(parents=True, exist_ok=True)
app = Celery("guarded", broker="filesystem://", backend=f"file://{FOLDERS['results']}")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(FOLDERS["queue"]), "data_folder_out": str(FOLDERS["queue"]),
        "processed_folder": str(FOLDERS["processed"]), "control_folder": str(FOLDERS["control"]),
    },
    broker_connection_retry_on_startup=True, worker_enable_remote_control=False, task_acks_late=True,
)
OPTIONS = {"consecutive_failures": 2, "failure_rate_threshold": 1.0, "open_duration": 2}

@app.task(base=GuardedTask, breaker="mail", breaker_options=OPTIONS, refused_min=0.1, soft_time_limit=1)
def send(what):
    if what == "fail":
        raise OSError("away")
    if what == "hang":
        time.sleep(30)
    return os.getpid()

@app.task
def state():
    seen = send.policy.snapshot()
    return [str(seen.state), seen.successes, seen.failures, seen.timeouts, seen.refused_open, os.getpid()]
"""


@pytest.fixture
def prefork(tmp_path, monkeypatch):
    """Start a prefork worker and give the module of its tasks."""
    (tmp_path / "guarded_tasks.py").write_text(APP)
    monkeypatch.setenv("TASKS_HOME", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "guarded_tasks",
        "worker",
        "--pool=prefork",
        "--concurrency=1",
    ]
    quiet = ["--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(
        [*command, *quiet], cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
    )
    import guarded_tasks

    yield guarded_tasks
    guarded_tasks.app.close()
    del sys.modules["guarded_tasks"]
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the session of its own: the worker and its child
    process.wait(3)
    log.close()


def test_a_prefork_worker_puts_back_what_its_circuit_refuses_and_counts_its_time_limit(prefork):
    send, state = prefork.send, prefork.state
    worker = send.delay("well").get(interval=0.01, timeout=25)
    assert worker != os.getpid()
    hangs = send.delay("hang")
    with pytest.raises(SoftTimeLimitExceeded):
        hangs.get(interval=0.01, timeout=15)
    failed = send.delay("fail")
    with pytest.raises(OSError, match="away"):
        failed.get(interval=0.01, timeout=15)
    later = send.delay("well")
    assert later.get(interval=0.01, timeout=15) == worker
    told = state.delay().get(interval=0.01, timeout=15)
    assert told[:4] == ["closed", 2, 2, 1]
    assert told[4] >= 1
    assert send.policy.snapshot().calls == 0  # here, in the client's process
