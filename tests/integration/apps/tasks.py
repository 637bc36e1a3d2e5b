# SPDX-License-Identifier: MIT OR Apache-2.0
"""A Celery application with a guarded task; broker and results are folders."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery
from trifuse import circuit_breaker

HOME = Path(os.environ["TASKS_HOME"])
FOLDERS = {name: HOME / name for name in ("queue", "processed", "control", "results")}
for folder in FOLDERS.values():
    folder.mkdir(parents=True, exist_ok=True)

app = Celery("tasks", broker="filesystem://", backend=f"file://{FOLDERS['results']}")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(FOLDERS["queue"]),
        "data_folder_out": str(FOLDERS["queue"]),
        "processed_folder": str(FOLDERS["processed"]),
        "control_folder": str(FOLDERS["control"]),
    },
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
)


@app.task
@circuit_breaker("mail", consecutive_failures=2, failure_rate_threshold=1.0, open_duration=60)
def send(address: str, *, broken: bool = False) -> list[object]:
    if broken:
        raise OSError("the mail server is away")
    return [address, os.getpid()]


@app.task
def state() -> list[object]:
    found = send.run.circuit_breaker.snapshot()
    return [found.state, found.failures, found.refused, os.getpid(), os.getppid()]
