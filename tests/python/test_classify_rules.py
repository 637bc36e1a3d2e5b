# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rules that users add to the classification."""

import os
import sys
import threading
import types

import pytest
from trifuse import ConfigurationError, Retry, is_retryable, testing
from trifuse.classify import Kind, add, classify, kind_of
from trifuse.classify._rules import MOST_RULES, table


class Busy(Exception):
    pass


class VeryBusy(Busy):
    pass


@pytest.fixture(autouse=True)
def no_rules():
    yield
    for rule in table().rules:
        rule.remove()


def test_a_class_may_be_given_by_name_by_itself_or_by_a_function():
    name = f"{__name__}.Busy"
    for what in (
        (name, "overloaded"),
        (Busy, Kind.overloaded),
        (lambda e: "overloaded" if type(e) is Busy else None,),
    ):
        assert kind_of(Busy()) is Kind.unknown
        with add(*what) as rule:
            assert kind_of(Busy()) is Kind.overloaded
            assert classify(Busy()).by == f"rule {rule}"
            assert kind_of(ValueError()) is Kind.unknown
    assert kind_of(Busy()) is Kind.unknown


def test_subclasses_match_and_what_is_raised_from_them():
    add(Busy, "overloaded")
    assert kind_of(VeryBusy()) is Kind.overloaded
    outer = RuntimeError("x")
    outer.__cause__ = VeryBusy()
    assert kind_of(outer) is Kind.overloaded


def test_rules_come_before_the_table_and_the_last_one_added_first():
    error = VeryBusy()
    error.status_code = 400
    assert kind_of(error) is Kind.caller
    add(Busy, "transient")
    assert kind_of(error) is Kind.transient
    add(lambda e: Kind.timeout if isinstance(e, Busy) else None)
    assert kind_of(error) is Kind.timeout
    add(VeryBusy, "local")
    assert kind_of(error) is Kind.local
    assert classify(error).status == 400


def test_what_is_added_again_takes_the_place_of_what_it_was():
    add("mylib.Busy", "overloaded")
    again = add("mylib.Busy", "transient")
    add(Busy, "local")
    assert [rule.kind for rule in table().rules] == ["local", "transient"]
    again.remove()
    again.remove()
    assert [rule.kind for rule in table().rules] == ["local"]


def test_a_name_may_be_that_of_the_module_a_class_is_imported_from(monkeypatch):
    inner = type("Busy", (Exception,), {"__module__": "mylib_private.errors"})
    monkeypatch.setitem(sys.modules, "mylib.public", types.SimpleNamespace(Busy=inner))
    add("mylib.public.Busy", "overloaded")
    assert kind_of(inner()) is Kind.overloaded
    assert kind_of(type("Busy", (Exception,), {"__module__": "mylib_private.errors"})()) is Kind.unknown


def test_a_name_whose_module_is_never_imported_is_harmless():
    add("no.such.module.Error", "caller")
    assert "no" not in sys.modules
    assert kind_of(Busy()) is Kind.unknown


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("Busy", "overloaded"), "what"),
        (("", "overloaded"), "what"),
        (("my lib.Busy", "overloaded"), "what"),
        (("mylib.", "overloaded"), "what"),
        ((".Busy", "overloaded"), "what"),
        ((int, "overloaded"), "what"),
        ((None, "overloaded"), "what"),
        ((7, "overloaded"), "what"),
        (("mylib.Busy", "busy"), "kind"),
        (("mylib.Busy", None), "kind"),
        (("mylib.Busy",), "kind"),
        ((Busy,), "kind"),
        ((Busy, ["overloaded"]), "kind"),
        ((lambda e: None, "overloaded"), "kind"),
    ],
)
def test_a_bad_rule_is_refused_and_nothing_is_taken(arguments, field):
    before = table().rules
    with pytest.raises(ConfigurationError) as caught:
        add(*arguments)
    assert caught.value.field == field
    assert table().rules == before


def test_there_is_room_for_so_many_rules_and_no_more():
    for number in range(MOST_RULES):
        add(f"mylib.Error{number}", "caller")
    with pytest.raises(ConfigurationError, match="at most 1000"):
        add("mylib.One", "caller")
    add("mylib.Error7", "local")
    assert len(table().rules) == MOST_RULES


@pytest.mark.parametrize("answer", ["nonsense", 7, object(), ValueError("x")])
def test_a_function_that_raises_or_gives_nonsense_is_logged_and_has_no_opinion(answer, caplog):
    def rule(error):
        if isinstance(answer, Exception):
            raise answer
        return answer

    add(rule)
    assert kind_of(TimeoutError()) is Kind.timeout
    assert "no opinion" in caplog.text


def test_a_function_may_classify_by_itself(caplog):
    asked = []

    def teapots(error):
        asked.append(error)
        return Kind.local if classify(error).status == 418 else None

    add(teapots)
    add(Busy, "overloaded")
    teapot = ValueError()
    teapot.status_code = 418
    assert kind_of(teapot) is Kind.local
    assert kind_of(Busy()) is Kind.overloaded
    assert kind_of(TimeoutError()) is Kind.timeout
    assert [type(error) for error in asked] == [ValueError, TimeoutError]
    assert caplog.text == ""


def test_functions_are_not_asked_about_cancellations_and_trifuses_own():
    asked = []
    add(asked.append)
    kind_of(KeyboardInterrupt())
    kind_of(ConfigurationError("f", 1, "2"))
    assert asked == []
    error = ValueError()
    kind_of(error)
    assert asked == [error]


def test_a_rule_changes_what_breakers_and_retries_do_at_once(breaker_of):
    breaker, policy = breaker_of(), Retry(max_retries=1, jitter="none")
    seen = []

    def busy():
        seen.append(1)
        raise Busy

    def fails():
        seen.clear()
        with testing.no_waiting(), pytest.raises(Busy):
            policy.call(breaker.call, busy)
        return len(seen), breaker.snapshot().ignored

    with add(Busy, "caller"):
        assert fails() == (1, 1)
    assert is_retryable(Busy())
    assert fails() == (2, 1)


def test_many_threads_may_add_remove_and_ask():
    trouble = []

    def work(number):
        cls = type("Own", (Exception,), {"__module__": f"mine{number}"})
        for _ in range(100):
            rule = add(cls, "overloaded")
            if kind_of(cls()) is not Kind.overloaded:
                trouble.append(number)
            rule.remove()
            if kind_of(cls()) is not Kind.unknown:
                trouble.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert table().rules == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_the_rules_and_may_add_more():
    add(Busy, "overloaded")
    child = os.fork()
    if child == 0:
        good = kind_of(Busy()) is Kind.overloaded
        add(Busy, "local")
        os._exit(0 if good and kind_of(Busy()) is Kind.local else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert kind_of(Busy()) is Kind.overloaded
