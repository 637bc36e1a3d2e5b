# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is said before each scenario."""

from __future__ import annotations

from trifuse._demo._scenario import Scenario

_SAME_SERVER = """\
A server on this machine answers like OpenAI's. Three kinds of users ask it the same questions at
the same moments through the openai client: {rate:g} questions a second each, every second one as a
stream, {timeout:g} s timeout."""
_OWN_SERVER = """\
Three servers on this machine answer like OpenAI's, {workers} requests at once each, the others wait in
a queue. Each has its own kind of users, who ask the same questions at the same moments through
the openai client: {rate:g} questions a second, {timeout:g} s timeout."""
_USUAL_KINDS = """
  without trifuse        the client as it comes, with its 2 retries
  without, retries off   max_retries=0
  with trifuse           max_retries=0 and """
_TEXTS = {
    "outage": _SAME_SERVER
    + " The server breaks, and is repaired."
    + _USUAL_KINDS
    + "@circuit_breaker with a fallback\n",
    "brownout": _SAME_SERVER
    + " Then three requests of five never\nget an answer."
    + _USUAL_KINDS
    + "@circuit_breaker with a fallback\n",
    "retry-storm": _OWN_SERVER
    + """ The servers are
slow for a while, and then as fast as before.
  naive retries   up to 4 retries, at once
  no retries      max_retries=0
  with trifuse    up to 4 retries from a budget of 10 %, a circuit breaker, a fallback
""",
    "overload": _OWN_SERVER
    + """ Then three times
as many come, more than the servers can answer, and later as few as before."""
    + _USUAL_KINDS
    + "@adaptive_limit with a fallback\n",
}


def introduction(script: Scenario) -> str:
    """Give the text of a scenario."""
    workers = script.script.workers
    return _TEXTS[script.script.name].format(rate=script.rate, timeout=script.timeout, workers=workers)
