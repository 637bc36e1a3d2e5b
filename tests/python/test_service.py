# SPDX-License-Identifier: MIT OR Apache-2.0
# ResilientService and the service profiles. Proves PIPE-02, PIPE-05, SEED-16.
import gc
import weakref

import anyio
import pytest
import trifuse
from trifuse import (
    CircuitBreakerOpenError,
    ConfigurationError,
    Pipeline,
    RequestTimeoutError,
    ResilientService,
    registry,
)

pytestmark = pytest.mark.usefixtures("clock")


class Down:
    def __init__(self, times=10**6):
        self.calls, self.times = 0, times

    def __call__(self, *args):
        self.calls += 1
        if self.calls <= self.times:
            raise OSError(f"call {self.calls}")
        return args


def kinds(pipeline):
    return [key for key, _ in pipeline.items()]


def test_its_defaults_are_the_founding_ones():
    service = ResilientService()
    assert kinds(service) == ["timeout", "retry", "circuit_breaker"]
    config = service.circuit_breaker.config
    assert (config.consecutive_failures, config.success_threshold) == (5, 3)
    assert (config.open_duration, config.request_timeout) == (30, 5)
    assert service["timeout"].seconds == 10
    told = service["retry"].describe()
    assert (told["max_retries"], told["delay"], told["max_delay"]) == (3, 0.1, 5)
    assert told["jitter"] == "proportional"


def test_it_opens_after_five_failures_in_a_row_and_closes_after_three_successes(clock):
    service, down = ResilientService(), Down(times=5)
    with pytest.raises(OSError, match="call 4"):
        service.call(down)
    with pytest.raises(CircuitBreakerOpenError):
        service.call(down)
    assert (down.calls, service.state) == (5, "open")
    clock.advance(30)
    for state in ("half_open", "half_open", "closed"):
        assert service.call(down, 1) == (1,)
        assert service.state == state


def test_the_founding_order_is_an_argument():
    service, down = ResilientService(order="founding"), Down()
    assert kinds(service) == ["circuit_breaker", "timeout", "retry", "timeout_2"]
    assert (service["timeout"].seconds, service["timeout_2"].seconds) == (10, 5)
    with pytest.raises(OSError, match="call 4"):
        service.call(down)
    assert service.circuit_breaker.snapshot().failures == 1
    with pytest.raises(ConfigurationError, match="recommended, founding"):
        ResilientService(order="backwards")


def test_two_services_without_a_name_share_nothing():
    one, other = ResilientService(), ResilientService()
    one.circuit_breaker.trip()
    assert (one.state, other.state) == ("open", "closed")
    assert len(registry) == 0


def test_a_named_service_is_seen_in_the_registry():
    service = ResilientService("payments")
    assert registry["payments"] is service.circuit_breaker


@pytest.mark.parametrize(
    ("fallback", "answer"),
    [(7, 7), (None, None), (lambda: "instead", "instead"), (lambda x: x + 1, 3)],
    ids=["value", "None", "function", "function of the arguments"],
)
def test_a_fallback_answers_failures_and_refusals(fallback, answer):
    service = ResilientService(fallback=fallback, retry=False)
    assert kinds(service)[0] == "fallback"
    assert [service.call(Down(), 2) for _ in range(9)] == [answer] * 9
    assert service.state == "open"


def test_a_fallback_of_one_call_is_asked_before_the_services_own():
    service = ResilientService(fallback="own", retry=False)
    assert service.call(Down(), fallback="this call's") == "this call's"
    assert service.call(Down()) == "own"
    assert ResilientService(retry=False).call(Down(), fallback=lambda: "it") == "it"

    def failing():
        raise KeyError("fallback")

    assert service.call(Down(), fallback=failing) == "own"


def test_settings_are_laid_over_the_defaults():
    service = ResilientService(
        "payments", retry={"max_retries": 1}, timeout=8, bulkhead=20, circuit_breaker={"open_duration": 5}
    )
    assert kinds(service) == ["timeout", "retry", "circuit_breaker", "bulkhead"]
    assert service["retry"].describe()["max_retries"] == 1
    assert service["retry"].describe()["max_delay"] == 5
    assert (service["timeout"].seconds, service.circuit_breaker.config.open_duration) == (8, 5)
    with pytest.raises(ConfigurationError) as caught:
        ResilientService("payments", retry={"max_retries": -1})
    assert caught.value.field == "payments.retry.max_retries"


def test_the_longest_time_of_a_call_is_known_beforehand():
    assert ResilientService().max_total_time() == 10
    # 4 attempts of 5 s, and 0.11, 0.22 and 0.44 s between them at most
    assert ResilientService(timeout=60).max_total_time() == pytest.approx(20.77)
    assert ResilientService(order="founding", timeout=60).max_total_time() == pytest.approx(20.77)
    assert ResilientService(timeout=60, retry=False).max_total_time() == 5
    assert ResilientService(timeout=False, circuit_breaker={"request_timeout": None}).max_total_time() is None


@pytest.mark.anyio
async def test_an_attempt_has_five_seconds_and_the_call_ten():
    service, begun, seen = ResilientService(), anyio.current_time(), []

    @service
    async def hanging():
        seen.append(anyio.current_time() - begun)
        await anyio.sleep(1000)

    with pytest.raises(RequestTimeoutError):
        await hanging()
    assert anyio.current_time() - begun == pytest.approx(10)
    assert (len(seen), seen[1]) == (2, pytest.approx(5.105, abs=0.006))
    assert service.snapshot()["circuit_breaker"].timeouts == 1
    assert hanging.policy is service


@pytest.mark.parametrize(
    ("profile", "failures", "open_for", "timeout", "retries", "rate"),
    [("critical", 3, 30, 30, 3, 1000), ("normal", 5, 30, 10, 2, 500), ("batch", 10, 60, 60, 5, 100)],
)
def test_a_profile_unites_the_presets(profile, failures, open_for, timeout, retries, rate):
    pipeline = Pipeline.profile(profile)
    assert kinds(pipeline) == ["retry", "circuit_breaker", "rate_limit"]
    config = pipeline["circuit_breaker"].config
    assert (config.consecutive_failures, config.open_duration) == (failures, open_for)
    assert (config.request_timeout, config.success_threshold) == (timeout, 2)
    assert pipeline["retry"].describe()["max_retries"] == retries
    assert pipeline["rate_limit"].available() == rate
    assert (pipeline.name, len(registry)) == (profile, 0)


def test_a_profile_may_be_changed_and_named():
    pipeline = Pipeline.profile(
        "normal", "search", rate_limit=False, bulkhead=20, timeout=3, fallback={"value": 1}
    )
    assert kinds(pipeline) == ["fallback", "retry", "circuit_breaker", "bulkhead", "timeout"]
    assert registry["search"] is pipeline["circuit_breaker"]
    with pytest.raises(ConfigurationError, match="critical, normal, batch"):
        Pipeline.profile("urgent")


def test_the_recommended_order_is_that_of_the_profiles():
    every = {"timeout": 1, "hedge": True, "bulkhead": 2, "throttle": True, "fallback": {"value": 1}}
    assert kinds(Pipeline.profile("normal", **every)) == [
        "fallback", "retry", "circuit_breaker", "throttle", "rate_limit", "bulkhead", "hedge", "timeout",
    ]  # fmt: skip


def test_it_is_exported():
    assert trifuse.ResilientService is ResilientService


@pytest.mark.parametrize("order", [["retry"], None, "none"])
def test_an_order_that_it_does_not_have_is_refused(order):
    with pytest.raises(ConfigurationError, match="recommended, founding"):
        ResilientService(order=order)


def test_what_is_no_registry_is_refused():
    with pytest.raises(ConfigurationError, match="registry"):
        ResilientService("search", registry="mine")


def test_a_function_that_is_called_once_is_kept_only_if_it_keeps_nothing_alive():
    class Big:
        pass

    service, big = ResilientService(), Big()
    alive = weakref.ref(big)
    assert service.call(lambda held=big: held) is big
    del big
    gc.collect()
    assert alive() is None
