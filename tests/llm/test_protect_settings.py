# SPDX-License-Identifier: MIT OR Apache-2.0
"""Protected clients: their settings, what they tell of themselves, and what is refused."""

from __future__ import annotations

import subprocess
import sys
import time

import httpx2
import openai
import pytest
from trifuse import (
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerRegistry,
    ConfigurationError,
    Fallback,
    Pipeline,
    RequestTimeoutError,
    Retry,
    TokenBudget,
    registry,
)
from trifuse.contrib.openai import describe, protect, protection
from trifuse.testing.chaos import answer, hang, status

NAME = "protected-settings"


@pytest.fixture(scope="module")
def client():
    with openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1") as made:
        yield made


@pytest.fixture
def make(client):
    return lambda **settings: protect(client, **{"name": NAME, **settings})


def test_the_name_is_the_provider_and_host_unless_it_is_given(client):
    own = CircuitBreakerRegistry()
    assert protection(protect(client, registry=own)).name == "openai:127.0.0.1:9"
    assert set(own) == {"openai:127.0.0.1:9", "openai:127.0.0.1:9:embeddings", "openai:127.0.0.1:9:api"}
    usual = openai.OpenAI(api_key="k", http_client=client._client)
    assert protection(protect(usual, registry=None)).name == "openai:api.openai.com"


def test_the_defaults_are_those_of_the_preset(make):
    told = describe(make())["guards"][NAME]
    assert told["limits"] == {
        "request_timeout": 30.0, "total": 92.65, "first_content": 30.0, "idle": 30.0, "total_of_streams": None,
    }  # fmt: skip
    retry, breaker = told["policies"]
    assert (retry["max_retries"], retry["delay"], retry["max_delay"]) == (2, 0.5, 8.0)
    assert (breaker["preset"], breaker["minimum_calls"], breaker["open_duration"]) == ("llm", 5, 30.0)


def test_the_policies_stand_in_the_recommended_order(make):
    client = make(fallback="Sorry", rpm=5, tpm=500, bulkhead=3)
    kinds = [policy["kind"] for policy in describe(client)["guards"][NAME]["policies"]]
    assert kinds == ["fallback", "retry", "circuit_breaker", "token_budget", "bulkhead"]


def test_policies_that_are_given_are_used_as_they_are(make):
    retry, bulkhead, tokens, fallback = Retry(max_retries=7), Bulkhead(3), TokenBudget(rpm=5), Fallback("x")
    client = make(retry=retry, bulkhead=bulkhead, tokens=tokens, fallback=fallback)
    guard = next(guard for guard in protection(client).guards if guard.name == NAME)
    assert guard.fallback is fallback
    assert {retry, bulkhead, tokens} <= set(guard.parts)
    assert guard.budget is tokens


def test_an_own_pipeline_takes_the_place_of_all_policies(openai_side):
    side = openai_side
    breaker = CircuitBreaker(f"{side.name}-own", consecutive_failures=1, registry=None)
    side.protect(pipeline=Pipeline("own", Fallback("Sorry"), breaker, Retry(max_retries=1, delay=0.001)))
    side.server.default = status(500)
    assert side.ask() == "Sorry"
    assert breaker.state == "open"
    assert len(side.server.requests) == 2
    assert side.name not in registry


def test_two_clients_of_one_name_and_settings_share_a_breaker(openai_side):
    side = openai_side
    side.protect()
    first, second = side.client, side.protect()
    side.server.script(status(500))
    with pytest.raises(openai.InternalServerError):
        side.call(first)
    side.call(second)
    assert side.counts == (1, 1, 0)
    with pytest.raises(ConfigurationError, match="another name"):
        side.protect(open_duration=5)


def test_errors_may_be_told_apart_by_the_user(openai_side):
    side = openai_side
    side.protect(ignore=openai.InternalServerError, failure_if=lambda result: result.choices == [])
    side.server.script(status(500))
    with pytest.raises(openai.InternalServerError):
        side.call()
    assert side.counts == (0, 0, 1)


def test_listeners_are_told(openai_side):
    side, seen = openai_side, []
    side.protect(on_call=lambda call: seen.append(str(call.outcome)))
    side.server.script(status(500), answer())
    with pytest.raises(openai.InternalServerError):
        side.call()
    side.call()
    assert seen == ["failure", "success"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": 3}, "name"),
        ({"preset": "nonsense"}, "preset"),
        ({"per": "user"}, "per"),
        ({"retry": "often"}, "retry"),
        ({"retry": -1}, "max_retries"),
        ({"retry": {"max_retrys": 2}}, "max_retrys"),
        ({"request_timeout": float("nan")}, "request_timeout"),
        ({"total": -1}, "total"),
        ({"idle": float("inf")}, "idle"),
        ({"first_content": 31}, "first_content"),
        ({"rpm": 0}, "rpm"),
        ({"tpm": float("nan")}, "tpm"),
        ({"tokens": 90_000}, "tokens"),
        ({"tokens": TokenBudget(rpm=5), "tpm": 5}, "tpm"),
        ({"bulkhead": 0}, "limit"),
        ({"bulkhead": "many"}, "bulkhead"),
        ({"max_wait": "long"}, "max_wait"),
        ({"fallback_on": OSError}, "fallback_on"),
        ({"fallback": {"nonsense": [len]}}, "nonsense"),
        ({"embeddings": 5}, "embeddings"),
        ({"embeddings": {"per": "model"}}, "embeddings.per"),
        ({"pipeline": Pipeline("p", Retry()), "retry": 3}, "retry"),
        ({"pipeline": "p"}, "pipeline"),
        ({"failure_rate_threshold": 2}, "failure_rate_threshold"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_setting_is_refused_by_its_name(make, settings, field):
    with pytest.raises((ConfigurationError, TypeError)) as caught:
        make(**settings, registry=None)
    assert field in (getattr(caught.value, "field", "") or str(caught.value))


def test_what_is_no_setting_is_a_type_error(make):
    with pytest.raises(TypeError, match="'max_retries'"):
        make(max_retries=3)


def test_what_is_no_client_is_refused(client):
    with pytest.raises(ConfigurationError, match="AsyncOpenAI"):
        protect(object())
    with pytest.raises(ConfigurationError, match="not protected yet"):
        protect(protect(client, registry=None))
    with pytest.raises(ConfigurationError, match=r"protect\(\) gave"):
        describe(client)


def _answers(request):
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
    return httpx2.Response(200, json=body, request=request)


def test_a_synchronous_client_that_cannot_be_ended_from_outside_is_refused():
    with httpx2.Client(transport=httpx2.MockTransport(_answers)) as http:
        client = openai.OpenAI(api_key="k", http_client=http)
        with pytest.raises(ConfigurationError, match="MockTransport") as caught:
            protect(client, registry=None)
        assert caught.value.field == "thread"
        for settings in ({"thread": True}, {"request_timeout": None}):
            guarded = protect(client, registry=None, **settings)
            assert guarded.chat.completions.create(model="m", messages=[]).id == "1"
    with httpx2.Client(http2=False) as http, pytest.raises(ConfigurationError, match="HTTP/2"):
        http._transport._pool._http2 = True
        protect(openai.OpenAI(api_key="k", http_client=http), registry=None)


def test_a_copy_over_another_transport_is_refused_too():
    with httpx2.Client() as http, httpx2.Client(transport=httpx2.MockTransport(_answers)) as other:
        guarded = protect(openai.OpenAI(api_key="k", http_client=http), registry=None)
        with pytest.raises(ConfigurationError, match="MockTransport"):
            guarded.with_options(http_client=other)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_transport_that_cannot_be_ended_is_left_to_its_thread(streamed):
    def slow(request):
        time.sleep(0.5)
        return _answers(request)

    with httpx2.Client(transport=httpx2.MockTransport(slow)) as http:
        client = openai.OpenAI(api_key="k", http_client=http)
        guarded = protect(client, registry=None, thread=True, request_timeout=0.1, retry=None)
        begun = time.monotonic()
        with pytest.raises(RequestTimeoutError):
            guarded.chat.completions.create(model="m", messages=[], stream=streamed)
        assert time.monotonic() - begun < 0.4
        time.sleep(0.5)  # the thread's client is open until then


def test_what_the_guards_have_counted_is_there_to_read(openai_side):
    side = openai_side
    side.protect(rpm=5, tpm=9_000, bulkhead=3)
    side.ask()
    seen = protection(side.client).snapshot()[side.name]
    assert seen["circuit_breaker"].successes == 1
    assert seen["token_budget"].granted == 1
    assert seen["bulkhead"].in_flight == 0


def test_in_a_thread_the_caller_gets_its_timeout_in_time(chaos_server):
    chaos_server.script(hang(0.6))
    with openai.OpenAI(api_key="k", base_url=chaos_server.openai_url) as client:
        guarded = protect(client, name=NAME, registry=None, thread=True, request_timeout=0.2, retry=None)
        with pytest.raises(RequestTimeoutError):
            guarded.chat.completions.create(model="m", messages=[])
        assert guarded.chat.completions.create(model="m", messages=[]).choices


def test_groups_can_be_left_alone(openai_side):
    side = openai_side
    side.protect(embeddings=False, api=False)
    side.server.script(status(500))
    side.embed()
    assert [request.headers["x-stainless-retry-count"] for request in side.server.requests] == ["0", "1"]
    assert "embeddings.create" in describe(side.client)["passed_through"]


def test_the_number_of_guards_by_model_is_bounded(openai_side):
    side = openai_side
    side.protect(per="model", registry=None)
    inside = protection(side.client)
    operation = inside.provider.find("post", "/chat/completions")
    for number in range(1_000):
        inside.guard(operation, {"model": f"m{number}"})
    assert 200 < len(inside.guards) < 300


@pytest.fixture(autouse=True)
def clean():
    yield
    for name in [name for name in registry if name.startswith((NAME, "openai:"))]:
        registry.remove(name)


async def _late(**_body):
    return "late"


def test_what_a_client_of_one_way_cannot_have_is_refused(make, client):
    with pytest.raises(ConfigurationError, match="synchronous client") as caught:
        make(fallback=[_late, "Sorry"], registry=None)
    assert caught.value.field == "fallback"
    other = openai.AsyncOpenAI(api_key="k", http_client=httpx2.AsyncClient(verify=False))
    with pytest.raises(ConfigurationError, match="only for synchronous clients"):
        protect(other, registry=None, thread=True)
    with pytest.raises(ConfigurationError, match="begins with one"):
        make(pipeline=Pipeline("p", Fallback("x"), Retry()), fallback="y", registry=None)


def test_settings_by_model_are_checked_before_there_is_a_model(make):
    with pytest.raises(ConfigurationError, match="rpm"):
        make(per="model", rpm=-1)
    assert NAME not in registry


def test_the_library_is_asked_for_only_when_a_client_is_protected():
    code = (
        "import sys; sys.modules['openai'] = None\n"
        "from trifuse.contrib.openai import protect\n"
        "try: protect(object())\n"
        "except ImportError as error: assert 'trifuse[openai]' in str(error)\n"
        "else: raise SystemExit('it did not ask')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
