# SPDX-License-Identifier: MIT OR Apache-2.0
"""The parts of the guards of HTTP clients that need no client: settings, keys, errors, limits by key."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest
from trifuse import (
    Bulkhead,
    CircuitBreakerOpenError,
    ConfigurationError,
    RateLimitedError,
    RequestTimeoutError,
    Retry,
    registry,
)
from trifuse.contrib._http.also import also
from trifuse.contrib._http.guard import HttpGuard
from trifuse.contrib._http.origins import may_repeat, origin
from trifuse.contrib._http.places import KeyedPlaces


class Theirs(OSError):
    """A client's own error, made in a way of its own."""

    def __init__(self, *, request):
        super().__init__(1, "theirs")
        self.request = request


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", 3), ("total_timeout", 0), ("total_timeout", float("nan")), ("retry", "often"),
        ("bulkhead", 0), ("bulkhead", True), ("rate_limit", {}), ("rate_limit", -1), ("max_hosts", 0),
        ("adaptive_limit", "best"), ("key", 3), ("refusals", "ignore"), ("name", ""), ("registry", {}),
        ("fallback", str), ("idle_timeout", 3), ("failure_rate_threshold", 2), ("request_timeout", -1),
    ],
)  # fmt: skip
def test_a_bad_setting_is_named_and_nothing_is_made(field, value):
    with pytest.raises(ConfigurationError) as caught:
        HttpGuard("api", {field: value})
    assert caught.value.field == field
    assert len(registry) == 0


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"bulkhead": {"limit": 0}}, "limit"),
        ({"retry": {"max_retries": -1}}, "max_retries"),
        ({"retry": -1}, "retry"),
    ],
)
def test_a_bad_setting_of_a_mapping_keeps_its_own_name(settings, field):
    with pytest.raises(ConfigurationError) as caught:
        HttpGuard("api", settings)
    assert caught.value.field == field


def test_a_setting_that_there_is_not_is_a_type_error():
    with pytest.raises(TypeError, match="hedge"):
        HttpGuard("api", {"hedge": True})


def test_two_guards_of_one_name_share_their_breakers_if_their_settings_are_the_same():
    one, other = (HttpGuard("api", {"consecutive_failures": 3}) for _ in range(2))
    assert one.hosts.breakers is other.hosts.breakers
    with pytest.raises(ConfigurationError, match="another name"):
        HttpGuard("api", {"consecutive_failures": 4})
    assert HttpGuard("api", {"registry": None}).hosts.breakers is not one.hosts.breakers


@pytest.mark.parametrize(
    ("given", "retries"),
    [(True, 2), (False, None), (None, None), (0, None), (5, 5), ({"delay": 1}, 2), ({"max_retries": 4}, 4)],
)
def test_retries_are_given_in_several_ways(given, retries):
    made = HttpGuard("api", {"retry": given}).retry
    assert (made and made.describe()["max_retries"]) == retries


def test_a_retry_of_the_users_is_taken_as_it_is():
    mine = Retry(max_retries=7)
    assert HttpGuard("api", {"retry": mine}).retry is mine
    assert mine.name == "api"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("https", "Example.com", None), "https://example.com:443"),
        (("HTTP", "example.com", 8080), "http://example.com:8080"),
        (("http", "::1", None), "http://[::1]:80"),
        (("unix", "x", None), "unix://x"),
    ],
)
def test_an_origin_always_has_its_port(parts, text):
    assert origin(*parts) == text


def test_what_an_sdk_sends_again_by_itself_is_left_to_it():
    assert may_repeat("get", {})
    assert may_repeat("POST", {"idempotency-key": "k"})
    assert not may_repeat("POST", {})
    assert not may_repeat("PATCH", {"idempotency-key": ""})
    assert not may_repeat("GET", {"x-stainless-retry-count": "0"})


@pytest.mark.parametrize(
    "error",
    [
        CircuitBreakerOpenError("api", 3.5),
        RateLimitedError("api", None, 5, 2),
        RequestTimeoutError("api", "request_timeout", 5.0),
    ],
)
def test_an_error_that_is_also_a_clients_keeps_all_that_it_says(error):
    error.__cause__ = KeyError("why")
    both = also(error, Theirs, request="r")
    assert isinstance(both, (type(error), Theirs))
    assert isinstance(both, Theirs)
    assert (str(both), both.args, both.request) == (str(error), error.args, "r")
    assert both.__cause__ is error.__cause__
    assert getattr(both, "retry_after", None) == getattr(error, "retry_after", None)
    assert getattr(both, "requested", None) == getattr(error, "requested", None)
    for plain in (pickle.loads(pickle.dumps(both)), copy.copy(both)):
        assert type(plain) is type(error)
        assert (plain.args, str(plain)) == (error.args, str(error))
    assert also(both, Theirs) is both
    assert type(also(error, Theirs)) is type(both)  # one class a combination, whatever the traffic


def test_a_limit_that_holds_calls_is_not_evicted():
    keyed = KeyedPlaces("api", lambda name: Bulkhead(1, name=name), 2)
    held = keyed.pick("a").acquire()
    keyed.pick("b")
    keyed.pick("c")
    assert list(keyed) == ["a", "c"]
    with keyed.pick("c").acquire():
        shared = keyed.pick("d")
        assert shared is keyed.overflow
        assert shared.name == "api[*]"
        assert keyed.pick("e") is shared
    assert (keyed.overflowed, keyed.evictions) == (2, 1)
    held.release()
    assert keyed.pick("d") is keyed["d"]


@pytest.mark.parametrize("library", ["httpx", "httpx2", "requests", "aiohttp", "grpc", "celery"])
def test_a_library_that_is_missing_is_named_with_what_to_install(library):
    code = f"""
import sys
sys.modules[{library!r}] = None
try:
    import trifuse.contrib.{library}
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"trifuse[{library}]" in done.stdout, done


def test_importing_the_package_imports_no_client():
    code = "import sys, trifuse, trifuse.contrib; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"httpx", "httpx2", "requests", "aiohttp", "grpc", "celery", "trifuse.contrib._http"}
