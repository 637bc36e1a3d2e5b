# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-08.
# Proves WRAP-DUR-01.
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
import trifuse
from hypothesis import given
from hypothesis import strategies as st
from trifuse import CircuitBreaker, ConfigurationError, Preset
from trifuse._core import ffi, lib
from trifuse._durations import nanoseconds
from trifuse._fields import CHOICES, DURATIONS, INTEGERS, REALS, ConfigFields


def refusal(**fields):
    with pytest.raises(ConfigurationError) as caught:
        CircuitBreaker("refused", **fields)
    assert "refused" not in trifuse.registry
    return caught.value


@given(st.one_of(st.integers(0, 10**7), st.floats(0, 1e7)))
def test_seconds_are_taken_to_the_nearest_nanosecond(value):
    assert abs(Fraction(value) * 10**9 - nanoseconds(value)) <= Fraction(1, 2)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=365)))
def test_a_timedelta_is_taken_exactly(value):
    assert nanoseconds(value) == value // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    "bad", [-1, -1e-12, float("nan"), float("inf"), True, "5", Decimal(1), timedelta(seconds=-1)]
)
@pytest.mark.parametrize("field", sorted(DURATIONS))
def test_what_is_no_duration_is_refused_by_name(field, bad):
    error = refusal(**{field: bad})
    assert error.field == field
    assert error.value is bad
    assert "365 days" in error.allowed


@pytest.mark.parametrize("field", sorted(DURATIONS))
def test_more_than_a_year_is_refused_and_shown_as_it_was_given(field):
    error = refusal(**{field: timedelta(days=366)})
    assert error.field == field
    assert error.value == timedelta(days=366)
    assert refusal(**{field: 1e300}).field == field


@pytest.mark.parametrize("field", sorted(INTEGERS))
@pytest.mark.parametrize("bad", [-1, 1.5, True, "3", 1 << 32, 1 << 70, None])
def test_what_is_no_whole_number_in_range_is_refused_by_name(field, bad):
    error = refusal(**{field: bad})
    assert (error.field, error.value) == (field, bad)
    assert " to " in error.allowed


@pytest.mark.parametrize("field", sorted(REALS))
@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf"), "0.5", 1e300, True])
def test_what_is_no_number_in_range_is_refused_by_name(field, bad):
    error = refusal(**{field: bad})
    assert error.field == field
    assert error.value is bad


@pytest.mark.parametrize("field", sorted(CHOICES))
def test_a_word_that_is_no_choice_is_refused_with_the_choices(field):
    error = refusal(**{field: "sometimes"})
    assert (error.field, error.value) == (field, "sometimes")
    assert error.allowed == ", ".join(CHOICES[field])


@pytest.mark.parametrize("kind", ["window", "detector", "open_jitter", "initial_state"])
def test_choices_are_the_words_of_the_core_in_its_order(kind):
    text = {
        "window": lib.trifuse_window_text,
        "detector": lib.trifuse_detector_text,
        "open_jitter": lib.trifuse_jitter_text,
        "initial_state": lib.trifuse_state_text,
    }[kind]
    words = [ffi.string(text(number)).decode() for number in range(len(CHOICES[kind]) + 1)]
    after = "equal" if kind == "open_jitter" else "unknown"  # a retry has more jitters than a breaker
    assert words == [*CHOICES[kind], after]


def test_states_causes_outcomes_and_reasons_are_the_words_of_the_core():
    def words(function, values):
        return [ffi.string(function(number)).decode() for number in values]

    assert words(lib.trifuse_state_text, range(6)) == list(trifuse.State)
    assert words(lib.trifuse_cause_text, range(12)) == list(trifuse.Cause)
    assert words(lib.trifuse_outcome_text, range(4)) == list(trifuse.Outcome)[:4]
    assert words(lib.trifuse_result_text, range(1, 8)) == list(trifuse.RefusalReason)
    assert words(lib.trifuse_preset_text, range(11)) == list(Preset)
    assert set(ConfigFields.__annotations__) == trifuse._fields.NAMES


def test_every_member_of_the_cores_configuration_has_a_keyword():
    members = {name for name, _ in ffi.typeof("trifuse_breaker_config").fields}
    internal = {"struct_size", "flags", "reserved", "seed", "cusum_calls_to_detect_outage"}
    internal |= {f"{k}cusum_{n}" for k in ("", "slow_") for n in ("up", "down", "threshold")}
    keywords = {trifuse._fields.member(n) for n in INTEGERS | REALS | DURATIONS | CHOICES.keys()}
    assert members - internal == keywords


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("default", (0.5, 10, 30, 5, 5)),
        ("aggressive", (0.3, 5, 10, 3, 2)),
        ("conservative", (0.7, 20, 60, 10, 10)),
        ("llm", (0.5, 5, 30, 1, 30)),
        ("payment", (0.3, 5, 10, 3, 3)),
        ("user", (0.6, 15, 30, 8, 5)),
        ("recommendation", (0.2, 3, 5, 2, 1)),
    ],
)
def test_presets_have_their_values(preset, expected):
    config = CircuitBreaker(preset, preset).config
    assert (
        config.failure_rate_threshold,
        config.minimum_calls,
        config.open_duration,
        config.half_open_max_calls,
        config.request_timeout,
    ) == expected


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="aggressive, conservative"):
        CircuitBreaker("x", "paranoid")


def test_an_unknown_setting_is_a_type_error():
    with pytest.raises(TypeError, match="'tiemout'"):
        CircuitBreaker("x", tiemout=3)


def test_the_founding_names_fill_the_rest():
    config = CircuitBreaker("founding", timeout=7).config
    assert config.failure_rate_threshold == 0.5
    assert config.open_duration == 7
    assert config.minimum_calls == 5
    assert config.half_open_max_calls == 1
    full = CircuitBreaker("full", failure_threshold=0.25, timeout=3, min_calls=4).config
    assert (full.failure_rate_threshold, full.open_duration, full.minimum_calls) == (0.25, 3, 4)


def test_a_founding_name_beside_its_new_name_is_refused():
    assert refusal(timeout=3, open_duration=4).field in {"timeout", "open_duration"}


def test_a_window_count_alone_makes_a_count_window():
    assert CircuitBreaker("count", window_count=20).config.window == "count"
    assert CircuitBreaker("time", window_duration=20).config.window == "time"
    assert refusal(window_count=20, window_duration=3).field == "window"


def test_rates_no_cusum_can_tell_apart_are_refused_by_the_pair():
    error = refusal(detector="cusum", tolerated_failure_rate=0.5, outage_failure_rate=0.5001)
    assert "failure_rate" in error.field


def test_a_cusum_shows_its_design_in_the_snapshot():
    picture = CircuitBreaker("cusum", detector="cusum").snapshot()
    assert (picture.cusum_up, picture.cusum_down, picture.cusum_threshold) == (1, 1, 15)
    assert picture.cusum_calls_to_detect_total == 15.0


def test_advice_has_codes_and_reasons():
    advice = dict(CircuitBreaker("hurts", failure_rate_threshold=0.05, request_timeout=None).advice)
    assert set(advice) == {"low_threshold", "no_timeout"}
    assert all(len(reason) > 20 for reason in advice.values())
    assert CircuitBreaker("fine").advice == []


def test_reconfigure_changes_what_it_names_and_keeps_the_rest():
    breaker = CircuitBreaker("changing", "aggressive", open_duration=7)
    breaker.force_open()
    breaker.reconfigure(request_timeout=timedelta(seconds=9), minimum_calls=3)
    config = breaker.config
    assert (config.request_timeout, config.minimum_calls) == (9, 3)
    assert (config.open_duration, config.failure_rate_threshold) == (7, 0.3)
    assert breaker.state == "forced_open"


def test_a_refused_reconfiguration_takes_nothing():
    breaker = CircuitBreaker("steady")
    before = breaker.config
    with pytest.raises(ConfigurationError) as caught:
        breaker.reconfigure(minimum_calls=3, open_duration=0)
    assert caught.value.field == "open_duration"
    with pytest.raises(ConfigurationError) as caught:
        breaker.reconfigure(minimum_calls=3, window="count", window_count=4096)
    assert caught.value.field == "window_count"
    assert breaker.config == before


def test_a_name_must_be_a_text():
    for bad in ("", 3, None, b"x"):
        with pytest.raises(ConfigurationError) as caught:
            CircuitBreaker(bad)
        assert caught.value.field == "name"


def test_breakers_draw_their_jitter_from_the_operating_system_unless_seeded():
    def seed(name, **fields):
        return CircuitBreaker(name, **fields)._raw_config().seed

    assert seed("a") != seed("b")
    assert seed("c", seed=7) == seed("d", seed=7) == 7
