# SPDX-License-Identifier: MIT OR Apache-2.0
"""A WSGI application whose breaker is made, and used, before gunicorn forks its workers."""

from __future__ import annotations

import json
import os

from trifuse import CircuitBreaker, RefusedError, circuit_breaker, registry

PARENT = os.getpid()


@circuit_breaker("database", consecutive_failures=2, failure_rate_threshold=1.0, open_duration=60)
def query(broken):
    if broken:
        raise OSError("away")
    return "row"


for _ in range(5):
    query(broken=False)  # in the parent


def application(environ, start_response):
    status, path = "200 OK", environ["PATH_INFO"]
    if path == "/new":
        CircuitBreaker("made after the fork")
    if path in {"/good", "/bad"}:
        try:
            query(broken=path == "/bad")
        except OSError:
            status = "502 Bad Gateway"
        except RefusedError:
            status = "503 Service Unavailable"
    found = query.circuit_breaker.snapshot()
    body = {"pid": os.getpid(), "parent": PARENT, "state": found.state, "failures": found.failures}
    body |= {"successes": found.successes, "names": sorted(registry)}
    data = json.dumps(body).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]
