# SPDX-License-Identifier: MIT OR Apache-2.0
"""Permits that no admission gave: foreign ones and invented ones (ADM-PERMIT-03, ADM-PERMIT-04)."""

import pytest
from library import Core, load

MS = 10**6


@pytest.fixture(scope="module")
def core():
    return Core(*load())


def made(core, **config):
    result, error, breaker = core.make(config, 1)
    assert result == "ok", error
    return breaker


def half_open(core, **config):
    """A HALF_OPEN breaker, in the generation 1."""
    return made(core, initial_state="half_open", **config)


def test_a_foreign_permit_of_the_same_generation_is_late_but_for_a_chance_of_two_to_the_minus_ten(core):
    breaker, taken, rounds = made(core), 0, 4096
    for number in range(rounds):
        permit = made(core, seed=number + 1).acquire(5)[1]
        taken += breaker.report(permit, "failure", 0, 5)[0] == "ok"
        if taken:
            breaker.control("reset", 5)
            breaker = made(core, seed=10**6 + number)
    assert taken <= 4 + 3 * 2, "expected 4 at a chance of 2^-10; three standard deviations allowed"


def test_no_flipped_bit_of_a_probes_permit_frees_another_lease(core):
    for bit in range(64):
        breaker = half_open(core, half_open_max_calls=3, success_threshold=100)
        mine, theirs = breaker.acquire(5)[1], breaker.acquire(5)[1]
        breaker.acquire(5)
        breaker.report(mine ^ (1 << bit), "ignored", 0, 5)
        assert breaker.report(theirs, "success", 0, 5)[0] == "ok", f"bit {bit}"
        assert breaker.snapshot(5)["probes_in_flight"] == 2, f"bit {bit}"


def test_invented_permits_never_admit_more_probes(core):
    breaker = half_open(core, half_open_max_calls=2, success_threshold=100)
    out = [breaker.acquire(5)[1], breaker.acquire(5)[1]]
    for bit in range(64):
        for other in range(bit):
            invented = out[0] ^ (1 << bit) ^ (1 << other)
            if invented not in (0, *out):
                breaker.report(invented, "ignored", 0, 5)
    assert breaker.acquire(5)[0] == "refused_half_open_limit"
    assert breaker.snapshot(5)["probes_in_flight"] == 2


def test_an_invented_permit_of_a_closed_breaker_counts_at_most_once_a_report(core):
    breaker = made(core, failure_rate_threshold=1.0)
    permit = breaker.acquire(5)[1]
    before = breaker.snapshot(5)
    for bit in range(64):
        breaker.report(permit ^ (1 << bit), "failure", 0, 5)
    after = breaker.snapshot(5)
    counted = after["failures"] - before["failures"]
    assert counted + after["late_results"] == 64
    assert after["state"] == "closed"
