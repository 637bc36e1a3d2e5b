# SPDX-License-Identifier: MIT OR Apache-2.0
import email.utils
import time
from datetime import timedelta

import httpx
import pytest
from trifuse import RefusedError, Retry, testing
from trifuse._retry_after import retry_after_ns

YEAR = 365 * 86_400 * 10**9


class ServerError(Exception):
    def __init__(self, headers=None, **attributes):
        super().__init__("server")
        if headers is not None:
            self.response = httpx.Response(429, headers=headers)
        vars(self).update(attributes)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "nonsense", "retry-after": "9"}, 9),
        ({"retry-after": "1e99"}, 365 * 86_400),
        ({"retry-after": "nan"}, 0),
        ({"retry-after": "inf"}, 0),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({}, 0),
    ],
)
def test_headers_of_the_errors_response_are_read(headers, seconds):
    assert retry_after_ns(ServerError(headers)) == seconds * 10**9


def test_a_date_is_read():
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert retry_after_ns(ServerError({"retry-after": date})) / 10**9 == pytest.approx(100, abs=3)


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        (3, 3 * 10**9),
        (0.25, 25 * 10**7),
        ("4", 4 * 10**9),
        (timedelta(minutes=1), 60 * 10**9),
        (10**30, YEAR),
        (float("nan"), 0),
        (float("inf"), 0),
        (-1, 0),
        (None, 0),
        (object(), 0),
        (True, 0),
    ],
)
@pytest.mark.parametrize("name", ["retry_after", "retry_after_s"])
def test_attributes_of_the_error_are_read(name, value, ns):
    assert retry_after_ns(ServerError(**{name: value})) == ns


def test_plain_dictionaries_of_any_case_serve_as_headers():
    assert retry_after_ns(ServerError(response=httpx.Response(200), headers={})) == 0
    error = ServerError()
    error.headers = {"RETRY-AFTER": b"3"}
    assert retry_after_ns(error) == 3 * 10**9


def test_an_error_whose_properties_raise_tells_nothing():
    class Hostile(Exception):
        @property
        def response(self):
            raise RuntimeError

    assert retry_after_ns(Hostile()) == 0


def failing(error):
    raise error


def test_an_error_with_retry_after_trips_for_that_long(breaker_of, clock):
    breaker = breaker_of()
    with pytest.raises(ServerError):
        breaker(failing)(ServerError({"retry-after": "120"}))
    picture = breaker.snapshot()
    assert (picture.state, picture.cause, picture.retry_after) == ("open", "tripped", 120.0)


@pytest.mark.parametrize("told", ["86401", "99999999999", "1e300"])
def test_a_word_of_more_than_a_day_opens_for_a_day(breaker_of, told):
    breaker = breaker_of()
    with pytest.raises(ServerError):
        breaker(failing)(ServerError({"retry-after": told}))
    assert breaker.snapshot().retry_after == 86_400
    breaker.trip(retry_after=7 * 86_400)  # a person's word holds
    assert breaker.snapshot().retry_after == 7 * 86_400


def test_a_response_that_is_a_failure_trips_too(breaker_of):
    breaker = breaker_of(failure_if=lambda r: r.status_code >= 500)
    response = httpx.Response(503, headers={"retry-after": "60"})
    assert breaker.call(lambda: response) is response
    assert breaker.snapshot().retry_after == 60.0


@pytest.mark.parametrize(
    "fields", [{"ignore": ServerError}, {"respect_retry_after": False}, {"initial_state": "metrics_only"}]
)
def test_it_does_not_trip_when_ignored_switched_off_or_forced(breaker_of, fields):
    breaker = breaker_of(**fields)
    with pytest.raises(ServerError):
        breaker.call(failing, ServerError(retry_after=5))
    assert breaker.state == fields.get("initial_state", "closed")


def test_a_late_error_does_not_trip(breaker_of):
    breaker = breaker_of()

    def late():
        breaker.reset()
        raise ServerError(retry_after=5)

    with pytest.raises(ServerError):
        breaker.call(late)
    assert breaker.state == "closed"


def test_the_refusal_of_an_inner_breaker_does_not_trip_the_outer(breaker_of):
    inner, outer = breaker_of(), breaker_of()
    inner.trip(retry_after=100)
    with pytest.raises(RefusedError):
        outer.call(inner.call, print)
    assert outer.state == "closed"
    assert outer.snapshot().failures == 1


@pytest.mark.parametrize(
    ("word", "delay"), [("0", 0.0), ("0.0", 0.0), ("-5", 0.1), ("nan", 0.1), ("soon", 0.1)]
)
def test_a_retry_whose_server_says_0_goes_on_at_once(word, delay, clock):
    policy = Retry(max_retries=1, jitter="none")
    with testing.no_waiting() as slept, pytest.raises(ServerError):
        policy.call(failing, ServerError({"retry-after": word}))
    assert slept == [delay]
