# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an error is found to be: of made-up classes with the names of real ones. (The real ones: tests/clients.)"""

import asyncio
import concurrent.futures
import errno
import json
import socket

import pytest
import trio
from trifuse import (
    BulkheadFullError,
    CircuitBreakerOpenError,
    ConfigurationError,
    RateLimitedError,
    RequestTimeoutError,
    RetriesExhausted,
    UnsupportedError,
)
from trifuse.classify import Classified, Kind, classify, kind_of


def made(name, *bases, **members):
    """Make a class as a library defines it."""
    module, _, own = name.rpartition(".")
    return type(own, bases or (Exception,), {"__module__": module, "__qualname__": own, **members})


def error(name="mine.Error", *args, cause=None, **attributes):
    found = made(name)(*args)
    vars(found).update(attributes)
    found.__cause__ = cause
    return found


def kind(*args, **attributes):
    return classify(error(*args, **attributes)).kind


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((400, 401, 403, 404, 405, 406, 410, 413, 415, 422, 451, 499), Kind.caller),
        ((402,), Kind.quota_spent),
        ((408, 504, 522, 524, 599), Kind.timeout),
        ((409, 425, 500, 501, 502, 520, 521), Kind.transient),
        ((429,), Kind.rate_limited),
        ((503, 529), Kind.overloaded),
        ((0, 200, 302, 399, 600, 1000, -1), Kind.unknown),
    ],
)
@pytest.mark.parametrize("attribute", ["status_code", "status", "http_status"])
def test_a_status_tells_the_kind_of_any_error(statuses, expected, attribute):
    for status in statuses:
        found = classify(error(**{attribute: status}))
        assert (found.kind, found.status) == (expected, None if expected is Kind.unknown else status)


@pytest.mark.parametrize(
    "value", [True, None, "TIMEOUT", "N/A", "4xx", "٤٢٩", 4.29, float("nan"), [429], object(), "  429"]
)
def test_what_is_no_status_is_none(value):
    assert classify(error(status_code=value)) == Classified(Kind.unknown)


def test_a_status_may_be_a_text_and_may_be_on_the_response():
    assert kind(status_code="429") is Kind.rate_limited
    response = type("Response", (), {"status_code": 503, "__bool__": lambda _: False})()
    assert kind(response=response) is Kind.overloaded


def test_attributes_that_are_made_when_asked_for_are_read():
    cls = made("mine.Dynamic", __getattr__=lambda self, name: {"status_code": 503, "retry_after": 9}[name])
    found = classify(cls())
    assert (found.kind, found.retry_after) == (Kind.overloaded, 9.0)


def test_properties_that_raise_are_as_if_they_were_not_there():
    def hostile(_):
        raise RuntimeError("no")

    names = ("status_code", "status", "response", "code", "type", "body", "details", "headers", "retry_after")
    cls = made("mine.Hostile", ValueError, **{name: property(hostile) for name in names}, __str__=hostile)
    assert classify(cls()) == Classified(Kind.unknown)
    cls = made("openai.APIStatusError", status_code=400, __str__=hostile)
    assert classify(cls()).kind is Kind.caller


def test_codes_that_are_sure_beat_the_status():
    assert kind(status_code=429, code="insufficient_quota") is Kind.quota_spent
    assert kind(status_code=429, type="Insufficient_Quota", code="429") is Kind.quota_spent
    assert kind(status_code=400, code="context_length_exceeded") is Kind.context_length
    assert kind(status_code=400, code="content_filter") is Kind.content_filter
    assert kind(status_code=200, type="overloaded_error") is Kind.overloaded
    assert kind(status_code=403, code="rateLimitExceeded") is Kind.rate_limited


def test_a_refusal_with_a_time_to_wait_is_a_rate_limit():
    assert kind(status_code=403, headers={"retry-after": "60"}) is Kind.rate_limited
    assert (
        kind(status_code=403, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "60"})
        is Kind.rate_limited
    )
    assert (
        kind(status_code=403, headers={"x-ratelimit-remaining": "9", "x-ratelimit-reset": "60"})
        is Kind.caller
    )
    assert kind(status_code=401, headers={"retry-after": "60"}) is Kind.caller


def test_codes_that_are_vague_do_not():
    assert kind(status_code=500, type="invalid_request_error") is Kind.transient
    assert kind(status_code=404, type="server_error") is Kind.caller
    assert kind(type="server_error") is Kind.transient
    assert kind(type="invalid_request_error") is Kind.caller


def test_a_number_for_a_code_is_a_status_only_of_clients_where_it_is_one():
    assert kind(code="502") is Kind.unknown
    assert kind(code=404) is Kind.unknown
    assert kind("openai.APIError", code="502") is Kind.transient
    assert kind("openai.APIError", code="404") is Kind.caller
    assert kind("google.genai.errors.APIError", code=429) is Kind.rate_limited


@pytest.mark.parametrize("where", ["body", "details"])
def test_codes_are_found_in_bodies_of_json(where):
    deep = {"error": {"code": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}
    assert kind(status_code=400, **{where: deep}) is Kind.content_filter
    assert kind(status_code=429, **{where: {"error": {"type": "insufficient_quota"}}}) is Kind.quota_spent
    reasons = {"error": {"details": [7, {"reason": "RATE_LIMIT_EXCEEDED"}, {"violations": "x"}]}}
    assert kind(**{where: reasons}) is Kind.rate_limited
    for nonsense in ([], "text", 5, {"error": {"error": {}}}, {"error": []}, {"error": {"details": 3}}, None):
        assert kind(status_code=500, **{where: nonsense}) is Kind.transient


def test_a_body_that_contains_itself_is_no_trouble():
    body = {}
    body["error"] = body["innererror"] = body
    assert kind(status_code=500, body=body) is Kind.transient


TOO_LONG = [
    "This model's maximum context length is 8192 tokens, however you requested 9000 tokens",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "too many tokens: total number of tokens in the prompt cannot exceed 128000",
    "Input is too long for requested model.",
    "the request exceeds the available context size",
]


@pytest.mark.parametrize("message", TOO_LONG)
def test_a_prompt_that_is_too_long_is_known_by_what_the_services_say(message):
    assert kind("mine.Error", message, status_code=400) is Kind.context_length
    assert kind("anthropic.APIError", message.upper(), status_code=200) is Kind.context_length
    assert kind("mine.Error", message, status_code=500) is Kind.transient
    assert kind("mine.Error", message) is Kind.unknown  # somebody's own error, in words that happen to fit


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("You exceeded your current quota, please check your plan and billing details.", 429),
        ("Your credit balance is too low to access the Anthropic API.", 400),
        ("429 RESOURCE_EXHAUSTED. {'quotaId': 'GenerateRequestsPerDayPerProjectPerModel-FreeTier'}", 429),
    ],
)
def test_a_spent_quota_is_known_by_what_the_services_say(message, status):
    assert kind("mine.Error", message, status_code=status) is Kind.quota_spent


def test_a_message_of_a_megabyte_is_looked_at_in_its_beginning_only():
    assert kind("mine.Error", "x" * 1_000_000 + "prompt is too long", status_code=400) is Kind.caller


def test_a_class_is_known_by_name_and_so_are_its_subclasses():
    assert kind("httpx.ReadTimeout", "x") is Kind.unknown  # of httpx only the base is listed
    base = made("httpx.TimeoutException", made("httpx.TransportError"))
    assert kind_of(made("httpx.ReadTimeout", base)()) is Kind.timeout
    assert kind_of(made("elsewhere.MyTimeout", base)()) is Kind.timeout
    assert kind_of(made("httpx.PoolTimeout", base)()) is Kind.local
    assert kind_of(made("httpx._exceptions.PoolTimeout", base)()) is Kind.local
    assert kind_of(made("nothttpx.PoolTimeout")()) is Kind.unknown
    assert kind_of(made("my.httpx.PoolTimeout")()) is Kind.unknown


def test_a_timeout_of_a_full_pool_is_local():
    full = error("httpx2.PoolTimeout")
    timeout = made("openai.APITimeoutError", made("openai.APIConnectionError", made("openai.APIError")))
    assert kind_of(timeout()) is Kind.timeout
    found = timeout()
    found.__cause__ = error("openai.Between", cause=full)
    assert kind_of(found) is Kind.local


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (TimeoutError(), Kind.timeout),
        (trio.TooSlowError(), Kind.timeout),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), Kind.transient),
        (BrokenPipeError(), Kind.transient),
        (socket.gaierror(socket.EAI_NONAME, "x"), Kind.transient),
        (OSError(errno.ENETUNREACH, "x"), Kind.transient),
        (OSError(errno.EMFILE, "x"), Kind.local),
        (OSError(errno.EADDRNOTAVAIL, "x"), Kind.local),
        (OSError(errno.ENOENT, "x"), Kind.unknown),
        (OSError("text"), Kind.unknown),
        (asyncio.IncompleteReadError(b"", 3), Kind.transient),
        (asyncio.CancelledError(), Kind.cancelled),
        (KeyboardInterrupt(), Kind.cancelled),
        (concurrent.futures.CancelledError(), Kind.cancelled),
        (GeneratorExit(), Kind.cancelled),
        (ValueError("x"), Kind.unknown),
        (TypeError("x"), Kind.unknown),
        (KeyError("x"), Kind.unknown),
        (json.JSONDecodeError("x", "y", 0), Kind.unknown),
        (RecursionError(), Kind.unknown),
        (MemoryError(), Kind.unknown),
    ],
)
def test_exceptions_of_python(raised, expected):
    assert classify(raised).kind is expected


@pytest.mark.parametrize(
    ("raised", "expected", "outcome"),
    [
        (CircuitBreakerOpenError("b", 3.0), Kind.refused, "failure"),
        (RateLimitedError("r", 3.0), Kind.refused, "ignored"),
        (BulkheadFullError("b"), Kind.refused, "ignored"),
        (ConfigurationError("f", 1, "2"), Kind.caller, "ignored"),
        (UnsupportedError("p", "o", "a"), Kind.caller, "ignored"),
        (RequestTimeoutError("b", "request_timeout", 5.0), Kind.timeout, "timeout"),
        (RetriesExhausted(3, error(status_code=503)), Kind.overloaded, "failure"),
        (RetriesExhausted(3, None), Kind.unknown, "failure"),
    ],
)
def test_errors_of_trifuse(raised, expected, outcome):
    found = classify(raised)
    assert (found.kind, found.outcome) == (expected, outcome)


def test_every_kind_says_what_policies_do_with_it():
    failures = {Kind.transient, Kind.rate_limited, Kind.quota_spent, Kind.overloaded, Kind.unknown}
    assert {kind for kind in Kind if kind.outcome == "failure"} == failures
    assert {kind for kind in Kind if kind.outcome == "timeout"} == {Kind.timeout}
    assert {kind for kind in Kind if kind.retryable} == (failures - {Kind.quota_spent}) | {
        Kind.timeout,
        Kind.local,
    }


def test_what_is_told_names_what_decided():
    found = classify(
        error("openai.RateLimitError", status_code=429, code="insufficient_quota", retry_after=3)
    )
    assert found == (Kind.quota_spent, 429, "insufficient_quota", 3.0, "code insufficient_quota")
    assert classify(error(status_code=503)).by == "status 503"
    assert classify(error("redis.exceptions.TimeoutError")).by == "class redis.exceptions.TimeoutError"
    assert classify(error(code="my_own_code")).code == "my_own_code"
