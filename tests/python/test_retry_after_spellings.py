# SPDX-License-Identifier: MIT OR Apache-2.0
"""Retry-After in all its spellings, and where it is found."""

import email.utils
import time

import httpx
import pytest
from trifuse import RefusedError
from trifuse._retry_after import retry_after


class ServerError(Exception):
    def __init__(self, headers=None, **attributes):
        super().__init__("server")
        if headers is not None:
            self.response = httpx.Response(429, headers=headers)
        vars(self).update(attributes)


def told(headers, status=429):
    return retry_after(httpx.Response(status, headers=headers))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0), (" 7 ", 7.0), ("0.25", 0.25), ("+3", 3.0), ("0", 0.0), ("1e1", 10.0), ("1s", 1.0),
        ("6m0s", 360.0), ("1h2m3.5s", 3723.5), ("120ms", 0.12), ("1d", 86_400.0), ("250us", 0.00025), ("5ns", 5e-9),
        ("", None), ("soon", None), ("nan", None), ("-nan", None), ("inf", None), ("-inf", None), ("-1", None),
        ("-0.5s", None), ("1_0", None), ("m", None), ("1x", None), ("1s2", None), ("1 s", None), ("0x10", None),
        ("9" * 400, None), ("1e308", 365 * 86_400.0), ("9" * 300, 365 * 86_400.0), ("1s" * 1_000, None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None), ("1994-11-06T08:49:37Z", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 365 * 86_400.0), ("2999-01-01T00:00:00Z", 365 * 86_400.0),
        ("Wed, 99 Foo 2015 07:28:00 GMT", None), ("2015-13-45", None),
    ],
)  # fmt: skip
def test_retry_after_in_all_spellings(text, seconds):
    assert told({"retry-after": text}) == seconds
    assert retry_after({"Retry-After": text}) == seconds
    assert retry_after([("Retry-After", text)]) == seconds
    assert retry_after({b"retry-after": text.encode()}) == seconds


@pytest.mark.parametrize(
    "spell",
    [
        lambda at: email.utils.formatdate(at, usegmt=True),
        lambda at: email.utils.formatdate(at, localtime=True),
        lambda at: time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(at)),
        lambda at: time.strftime("%A, %d-%b-%y %H:%M:%S GMT", time.gmtime(at)),
        lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
        lambda at: time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at)),
        lambda at: f"{at:.3f}",
        lambda at: f"{at * 1_000:.0f}",
    ],
)
def test_dates_in_all_spellings(spell):
    assert told({"retry-after": spell(time.time() + 100)}) == pytest.approx(100, abs=3)
    assert told({"retry-after": spell(time.time() - 100)}) is None


def limits(form, **kinds):
    return {
        form.format(what, kind): value
        for kind, pair in kinds.items()
        for what, value in zip(("remaining", "reset"), pair, strict=True)
    }


@pytest.mark.parametrize("form", ["x-ratelimit-{}-{}", "X-RateLimit-{}-{}", "anthropic-ratelimit-{1}-{0}"])
def test_the_reset_of_what_is_exhausted_counts_and_no_other(form):
    assert told(limits(form, requests=("0", "1s"), tokens=("4000", "6m0s"))) == 1.0
    assert told(limits(form, requests=("10", "1s"), tokens=("0", "6m0s"))) == 360.0
    assert told(limits(form, requests=("0", "1s"), tokens=("0", "120ms"))) == 1.0
    assert told(limits(form, requests=("1", "1s"), tokens=("2", "6m0s"))) is None
    assert told(limits(form, requests=("-5", "1s"), tokens=("none", "6m0s"))) == 1.0
    assert told(limits(form, requests=("0", "soon"), tokens=("nan", "6m0s"))) is None
    assert told(limits(form, requests=("0", "-3"), tokens=("0", "nan"))) is None
    assert told({form.format("reset", "requests"): "1s"}) is None
    assert told({form.format("remaining", "requests"): "0"}) is None


def test_a_reset_may_be_a_date_or_a_time_since_1970():
    for value in (time.time() + 50, (time.time() + 50) * 1_000):
        assert told({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(value))}) == pytest.approx(
            50, abs=3
        )
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 50))
    assert told(limits("anthropic-ratelimit-{1}-{0}", tokens=("0", date))) == pytest.approx(50, abs=3)
    assert told({"ratelimit-remaining": "0", "ratelimit-reset": "50"}) == 50.0
    assert told({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1"}) == 1.0


def test_a_reset_is_of_interest_when_it_was_too_much_only():
    headers = limits("x-ratelimit-{}-{}", requests=("0", "9s"))
    assert {status: told(headers, status) for status in (200, 400, 403, 429, 500, 503, 529)} == {
        200: None, 400: None, 403: 9.0, 429: 9.0, 500: None, 503: 9.0, 529: 9.0,
    }  # fmt: skip
    assert retry_after(headers) == 9.0


def test_the_servers_own_word_beats_the_resets_and_milliseconds_beat_seconds():
    headers = limits("x-ratelimit-{}-{}", requests=("0", "9s"))
    assert told({**headers, "retry-after": "3"}) == 3.0
    assert told({**headers, "retry-after": "3", "retry-after-ms": "2500"}) == 2.5
    assert told({**headers, "retry-after": "0"}) == 0.0
    assert told({**headers, "retry-after": "nan", "retry-after-ms": "-1"}) == 9.0


def test_what_google_says_in_the_body_is_read():
    def of(delay):
        detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
        return retry_after(ServerError(details={"error": {"details": [None, {"reason": "x"}, detail]}}))

    assert of("27s") == 27.0
    assert of("1.5s") == 1.5
    assert [of(delay) for delay in ("-1s", "soon", 5, None, "0s")] == [None] * 5


def test_what_an_error_was_raised_from_tells_the_time():
    inner, outer = ServerError({"retry-after": "9"}), RuntimeError("outer")
    outer.__cause__ = RuntimeError("between")
    outer.__cause__.__cause__ = inner
    assert retry_after(outer) == 9.0
    outer.retry_after = 4
    assert retry_after(outer) == 4.0
    inner.__cause__ = outer
    assert retry_after(inner) == 9.0


def test_of_what_an_error_was_raised_during_only_the_same_answer_tells_it():
    def during(status):
        outer = ServerError(status_code=status)
        outer.__context__ = ServerError({"retry-after": "9"})
        return retry_after(outer)

    assert (during(429), during(500), during(None)) == (9.0, None, None)


def test_our_own_refusals_are_no_servers_word_but_where_they_are_asked_themselves():
    refusal = RefusedError("b", 5.0)
    assert retry_after(refusal) == 5.0
    outer = RuntimeError()
    outer.__cause__ = refusal
    assert retry_after(outer) is None


@pytest.mark.parametrize(
    "subject",
    [None, 7, "retry-after", b"x", object(), [], (), {}, [1, 2], [("a",)], {1: 2}, {"retry-after": None},
     {"retry-after": object()}, {"retry-after": []}, type("Odd", (), {"headers": 7})(),
     type("Odd", (), {"items": 5})()],
)  # fmt: skip
def test_what_has_nothing_to_tell_tells_nothing(subject):
    assert retry_after(subject) is None


def test_a_result_that_is_a_stream_is_not_read():
    def stream():
        yield "first"

    items = stream()
    assert retry_after(items) is None
    assert next(items) == "first"


def test_a_million_headers_are_not_all_looked_at():
    seen = []

    def pairs():
        for number in range(1_000_000):
            seen.append(number)
            yield f"h{number}", "x"

    class Headers:
        def items(self):
            return pairs()

    assert retry_after(Headers()) is None
    assert len(seen) == 200


@pytest.mark.parametrize("library", ["requests", "aiohttp", "urllib"])
def test_the_headers_of_every_client_are_read(library):
    if library == "requests":
        import requests

        error = requests.HTTPError(response=requests.Response())
        error.response.status_code = 429
        error.response.headers["Retry-After"] = "7"
    elif library == "aiohttp":
        import aiohttp
        from multidict import CIMultiDict, CIMultiDictProxy

        headers = CIMultiDictProxy(CIMultiDict({"Retry-After": "7"}))
        error = aiohttp.ClientResponseError(None, (), status=429, headers=headers)
    else:
        import email.message
        import urllib.error

        message = email.message.Message()
        message["Retry-After"] = "7"
        error = urllib.error.HTTPError("http://x", 429, "x", message, None)
    assert retry_after(error) == 7.0


def test_headers_of_aws_are_found_in_its_answer():
    answer = {"ResponseMetadata": {"HTTPStatusCode": 429, "HTTPHeaders": {"retry-after": "7"}}}
    assert retry_after(ServerError(response=answer)) == 7.0
    assert retry_after(ServerError(response={})) is None
