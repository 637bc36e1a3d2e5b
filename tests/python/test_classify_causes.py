# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an error is found to be by what it was raised from; and how the table behaves."""

import asyncio
import pathlib
import subprocess
import sys
import threading

import trifuse
from trifuse import CircuitBreakerOpenError, RateLimitedError
from trifuse.classify import Kind, classify, kind_of, verdict


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


def test_what_an_error_was_raised_from_is_looked_at_when_it_says_nothing_itself():
    found = classify(error("mine.Failed", cause=error("mine.Between", cause=TimeoutError())))
    assert found.kind is Kind.timeout
    assert found.by.endswith("within mine.Failed")
    assert kind("mine.Failed", cause=error(status_code=404)) is Kind.caller
    assert kind("mine.Failed", status_code=500, cause=error(status_code=404)) is Kind.transient


def test_what_is_raised_from_a_cancellation_is_no_cancellation():
    assert kind("mine.TookTooLong", cause=asyncio.CancelledError()) is Kind.unknown


def test_what_an_error_was_raised_during_is_looked_at_for_known_wrappers_only():
    for name, expected in (
        ("mine.Failed", Kind.unknown),
        ("instructor.InstructorRetryException", Kind.caller),
    ):
        found = error(name)
        found.__context__ = error(status_code=401)
        assert kind_of(found) is expected


def test_errors_within_a_wrapper_are_found_by_the_name_of_the_attribute():
    assert kind("qdrant_client.ResponseHandlingException", source=TimeoutError()) is Kind.timeout
    assert kind("urllib.error.URLError", reason=ConnectionResetError()) is Kind.transient
    assert kind("qdrant_client.ResponseHandlingException", source="text") is Kind.unknown


def test_what_is_raised_from_the_refusal_of_a_breaker_is_a_failure_and_from_that_of_a_limit_is_not():
    for refusal, outcome in (
        (CircuitBreakerOpenError("b", 3.0), "failure"),
        (RateLimitedError("r", 3.0), "ignored"),
    ):
        found = error("mine.Unavailable", cause=refusal)
        assert (classify(found).kind, classify(found).outcome) == (Kind.refused, outcome)
        assert classify(ExceptionGroup("x", [refusal])).outcome == outcome
        assert verdict(found) == (Kind.refused, outcome)
        assert classify(found).retry_after is None


def test_an_error_that_is_its_own_cause_ends():
    for name in ("mine.Failed", "pymilvus.exceptions.MilvusException"):
        found = error(name, code="mine")
        found.__cause__ = found
        assert classify(found)[:3] == (Kind.unknown, None, "mine")
    one, two = error("instructor.InstructorRetryException"), error("mine.B")
    one.__cause__, two.__cause__, one.source, two.source = two, one, one, two
    assert classify(one).kind is Kind.unknown


def test_a_chain_of_ten_thousand_causes_is_not_followed_to_its_end():
    found = TimeoutError()
    for _ in range(10_000):
        found = error(cause=found)
    assert classify(found).kind is Kind.unknown


def test_a_group_is_what_its_first_failure_is():
    def of(*errors):
        return classify(ExceptionGroup("several", list(errors))).kind

    assert of(error(status_code=401), error(status_code=503)) is Kind.overloaded
    assert of(error(status_code=401), error(status_code=404)) is Kind.caller
    assert of(error(status_code=400), ValueError()) is Kind.unknown
    assert of(ExceptionGroup("inner", [error(status_code=400)]), TimeoutError()) is Kind.timeout
    assert classify(BaseExceptionGroup("x", [KeyboardInterrupt()])).kind is Kind.cancelled
    assert of(*[error(status_code=400)] * 1_000) is Kind.caller


def test_classes_that_are_made_again_and_again_do_not_fill_the_memory():
    from trifuse.classify._rules import table

    for number in range(3_000):
        kind_of(made(f"mine.Error{number}")())
    assert len(table()._entries) <= 1_024


def test_many_threads_agree():
    errors = [error("httpx.PoolTimeout"), error(status_code=401), ValueError(), TimeoutError()]
    expected = [Kind.local, Kind.caller, Kind.unknown, Kind.timeout]
    seen = []

    def work():
        seen.extend([kind_of(one) for one in errors] == expected for _ in range(200))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1_600
    assert all(seen)


def test_nothing_is_imported_but_the_table_and_that_only_for_an_error():
    code = """
import sys
import trifuse
breaker = trifuse.CircuitBreaker("b")
breaker.call(len, "")
before = set(sys.modules)
assert not any(name.startswith("trifuse.classify") for name in before)
class Error(Exception):
    __module__ = "openai"
try:
    breaker.call(lambda: (_ for _ in ()).throw(Error()).__next__())
except Exception:
    pass
assert "trifuse.classify" in sys.modules
new = {name.partition(".")[0] for name in set(sys.modules) - before}
assert not new & {"openai", "httpx", "anthropic", "grpc", "asyncio", "trio"}, new
"""
    path = str(pathlib.Path(trifuse.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path}, timeout=60)
