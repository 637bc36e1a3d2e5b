# SPDX-License-Identifier: MIT OR Apache-2.0
"""Workers of gunicorn that are forked after the breaker was made and used."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.end_to_end
GUNICORN = ("-m", "gunicorn", "--preload", "--workers=2", "--bind=127.0.0.1:{port}", "wsgi:application")


def state_of_both_workers(client):
    """Ask until each of two workers answered; its first answer."""
    seen, end = {}, time.monotonic() + 15
    while len(seen) < 2 and time.monotonic() < end:
        answer = client.get("/state").json()
        seen.setdefault(answer["pid"], answer)
    assert len(seen) == 2
    return seen


def test_a_breaker_made_before_the_fork_opens_in_each_worker_by_itself(serve):
    client = serve(*GUNICORN)
    began = state_of_both_workers(client)
    for pid, answer in began.items():
        assert pid != answer["parent"]
        assert (answer["state"], answer["successes"], answer["failures"]) == ("closed", 5, 0)
    opened, end = {}, time.monotonic() + 15
    while len(opened) < 2 and time.monotonic() < end:
        response = client.get("/bad")
        answer = response.json()
        if answer["state"] == "open":
            opened[answer["pid"]] = answer["failures"]
        else:
            assert response.status_code == 502
            assert answer["failures"] == 1
    assert opened == dict.fromkeys(began, 2)
    assert client.get("/good").status_code == 503


def test_a_worker_can_make_further_breakers(serve):
    client = serve(*GUNICORN)
    assert client.get("/new").json()["names"] == ["database", "made after the fork"]
