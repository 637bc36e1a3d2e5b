# SPDX-License-Identifier: MIT OR Apache-2.0
"""A guarded function that is found to use a client with retries of its own: one warning, and none without a reason."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import warnings

import anthropic
import httpx2
import openai
import pytest
from trifuse import CircuitBreaker, Retry, circuit_breaker, retry
from trifuse._retrying_clients import RetryingClientWarning, _warned
from trifuse.contrib.openai import protect
from trifuse.testing.chaos import answer, status

QUICK = {"registry": None}


@pytest.fixture(autouse=True)
def first_time():
    _warned.clear()
    yield
    _warned.clear()


@pytest.fixture
def client(chaos_server):
    chaos_server.default = status(400)
    with openai.OpenAI(api_key="k", base_url=chaos_server.openai_url) as made:
        yield made


def test_a_failing_call_of_a_retrying_client_warns_once_where_it_was_made(client):
    @circuit_breaker("guard", **QUICK)
    def ask():
        return client.chat.completions.create(model="m", messages=[])

    def thrice():
        for _ in range(3):
            with pytest.raises(openai.BadRequestError):
                ask()

    with pytest.warns(RetryingClientWarning) as caught:
        thrice()
    assert len(caught) == 1
    text = str(caught[0].message)
    assert "'guard'" in text
    assert "OpenAI(..., max_retries=0)" in text
    assert "trifuse.contrib.openai.protect(client)" in text
    assert "up to 3 times" in text
    assert caught[0].filename == __file__
    assert caught[0].lineno == ask.__wrapped__.__code__.co_firstlineno + 2


def test_a_bound_method_given_to_a_breaker_is_seen_too(client):
    with pytest.warns(RetryingClientWarning, match="'guard'"), pytest.raises(openai.BadRequestError):
        CircuitBreaker("guard", registry=None).call(client.chat.completions.create, model="m", messages=[])


def test_an_asynchronous_call_is_seen_too(chaos_server):
    chaos_server.default = status(400)

    async def main():
        async with openai.AsyncOpenAI(api_key="k", base_url=chaos_server.openai_url) as client:
            breaker = CircuitBreaker("guard", registry=None)
            await breaker.call(client.chat.completions.create, model="m", messages=[])

    with (
        pytest.warns(RetryingClientWarning, match="AsyncOpenAI") as caught,
        pytest.raises(openai.BadRequestError),
    ):
        asyncio.run(main())
    assert caught[0].filename == __file__


def test_a_retry_around_a_retrying_client_warns(chaos_server):
    chaos_server.default = status(400)
    with anthropic.Anthropic(api_key="k", base_url=chaos_server.anthropic_url) as client:

        @retry(max_retries=1)
        def ask():
            return client.messages.create(model="m", max_tokens=1, messages=[])

        with (
            pytest.warns(RetryingClientWarning, match="contrib.anthropic"),
            pytest.raises(anthropic.BadRequestError),
        ):
            ask()


def test_an_error_that_was_wrapped_leads_to_its_client(client):
    class LitellmError(Exception):
        __module__ = "litellm.exceptions"

    def ask():
        try:
            return client.chat.completions.create(model="m", messages=[])
        except openai.APIError as error:
            raise LitellmError from error

    with pytest.warns(RetryingClientWarning), pytest.raises(LitellmError):
        CircuitBreaker("guard", registry=None).call(ask)


def test_clients_without_retries_and_protected_ones_raise_no_warning(client):
    guarded = protect(client, name="protected-quiet")
    for quiet in (client.with_options(max_retries=0), guarded, guarded.with_options(max_retries=3)):
        policies = (CircuitBreaker("guard", registry=None), Retry(max_retries=0))
        for policy in policies:
            with warnings.catch_warnings(record=True) as caught, pytest.raises(openai.BadRequestError):
                warnings.simplefilter("always")
                policy.call(quiet.chat.completions.create, model="m", messages=[])
            assert caught == []


def test_a_call_that_works_is_not_looked_at(client, chaos_server, monkeypatch):
    chaos_server.default = answer()
    monkeypatch.setattr("trifuse._retrying_clients.look", pytest.fail)
    CircuitBreaker("guard", registry=None).call(client.chat.completions.create, model="m", messages=[])


def test_where_warnings_are_errors_the_error_of_the_call_comes_through(client, caplog):
    with (
        warnings.catch_warnings(),
        caplog.at_level(logging.WARNING, "trifuse"),
        pytest.raises(openai.BadRequestError),
    ):
        warnings.simplefilter("error")
        CircuitBreaker("guard", registry=None).call(client.chat.completions.create, model="m", messages=[])
    assert "retries by itself" in caplog.text


def test_errors_that_point_to_each_other_do_not_hang_the_search():
    def ask():
        error = openai.OpenAIError("x")
        other = openai.OpenAIError("y")
        error.__cause__, other.__cause__ = other, error
        raise error

    with pytest.raises(openai.OpenAIError):
        CircuitBreaker("guard", registry=None).call(ask)


def test_redis_clients_are_seen_too():
    redis = pytest.importorskip("redis")
    from redis.backoff import NoBackoff
    from redis.retry import Retry as RedisRetry

    with redis.Redis(port=1, retry=RedisRetry(NoBackoff(), 2)) as client:
        with pytest.warns(RetryingClientWarning, match=r"retry=None"), pytest.raises(redis.ConnectionError):
            CircuitBreaker("guard", registry=None).call(client.get, "x")


def test_the_search_is_not_loaded_before_there_is_an_error_of_such_a_library():
    code = (
        "import sys; from trifuse import circuit_breaker\n"
        "@circuit_breaker\ndef f(): raise OSError\n"
        "try: f()\nexcept OSError: pass\n"
        "assert 'trifuse._retrying_clients' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_protected_client_over_httpx_of_the_old_name_works(chaos_server):
    httpx = pytest.importorskip("httpx")
    chaos_server.default = answer("old")
    with httpx.Client() as http:
        made = openai.OpenAI(api_key="k", base_url=chaos_server.openai_url, http_client=http)
        guarded = protect(made, name="protected-old")
        assert guarded.chat.completions.create(model="m", messages=[]).choices[0].message.content == "old"
    assert not isinstance(http, httpx2.Client)
