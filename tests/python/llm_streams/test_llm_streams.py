# SPDX-License-Identifier: MIT OR Apache-2.0
# One call, one outcome at its end: what ends a stream how, for both kinds of clients.
import pickle

import pytest
from stream_fakes import GOOD, ROLE, STOP, USAGE, AsyncFake, Client, chunk, say, wait
from trifuse import (
    CircuitBreakerOpenError,
    Fallback,
    Pipeline,
    Retry,
    StreamEmptyError,
    StreamInterruptedError,
    classify,
)
from trifuse._llm.formats import OPENAI_CHAT, RAW, RawFormat
from trifuse._llm.streams import open_async, open_sync


def test_a_stream_that_is_read_to_its_end_is_one_success(read, breaker_of, counts):
    breaker = breaker_of()
    got = read(breaker, GOOD)
    assert (got.events, got.error) == (list(GOOD), None)
    assert counts(breaker) == (1, 0, 0, 0)
    assert got.client.all_closed


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        ((ROLE, say("a"), OSError("reset")), OSError, "a"),
        ((ROLE, say("a"), ValueError("broken JSON")), ValueError, "a"),
        ((ROLE, say("a"), say("b")), StreamInterruptedError, "ab"),
        ((ROLE, say("a"), {"choices": [], "error": {"message": "overloaded", "code": "x"}}), Exception, "a"),
        ((), StreamEmptyError, ""),
        ((ROLE,), StreamEmptyError, ""),
        ((ROLE, STOP), StreamEmptyError, ""),
        ((USAGE,), StreamEmptyError, ""),
        ((OSError("refused"),), OSError, ""),
    ],
)
def test_what_breaks_a_stream_off_is_one_failure(read, breaker_of, script, error, said, counts):
    breaker = breaker_of()
    got = read(breaker, script)
    assert isinstance(got.error, error)
    assert got.text == said
    assert counts(breaker) == (0, 1, 0, 0)
    assert got.client.all_closed


def test_the_clients_own_error_comes_through_unchanged_and_says_what_was_delivered(read, breaker_of):
    mine = OSError("reset")
    got = read(breaker_of(), (ROLE, say("secret "), say("words"), mine))
    assert got.error is mine
    assert (mine.delivered_events, mine.delivered_text) == (3, "secret words")
    assert mine.__notes__ == ["the stream had delivered 3 events with 12 characters of text"]
    assert "secret" not in str(mine) + repr(mine)


def test_an_error_before_the_first_content_says_nothing_of_a_delivery(read, breaker_of):
    mine = OSError("reset")
    got = read(breaker_of(), (ROLE, mine))
    assert got.error is mine
    assert not hasattr(mine, "__notes__")


def test_a_cut_off_stream_says_what_was_delivered_and_keeps_the_text_out_of_its_message(read, breaker_of):
    error = read(breaker_of(), (ROLE, say("secret"))).error
    assert (error.delivered_events, error.delivered_text) == (2, "secret")
    assert "2 events" in str(error)
    assert "secret" not in str(error) + repr(error)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.delivered_text) == (str(error), "secret")


def test_content_after_a_choice_has_ended_needs_an_end_of_its_own(read, breaker_of):
    two = (chunk(0, content="a"), chunk(1, content="b"), chunk(0, "stop"))
    assert isinstance(read(breaker_of(), two).error, StreamInterruptedError)
    assert read(breaker_of(), (*two, chunk(1, "stop"))).error is None


def test_length_is_a_success_and_may_even_leave_no_content(read, breaker_of, counts):
    breaker = breaker_of()
    assert read(breaker, (ROLE, say("a"), chunk(reason="length"))).error is None
    assert read(breaker, (ROLE, chunk(reason="length"))).events == [ROLE, chunk(reason="length")]
    assert counts(breaker) == (2, 0, 0, 0)


def test_an_answer_withheld_after_some_content_says_nothing_about_the_service(read, breaker_of, counts):
    breaker = breaker_of()
    got = read(breaker, (ROLE, say("a"), chunk(reason="content_filter"), USAGE))
    assert (got.error, len(got.events)) == (None, 4)
    assert counts(breaker) == (0, 0, 0, 1)


def test_an_answer_withheld_as_a_whole_is_a_content_filter_error_that_is_not_retried(
    read, breaker_of, counts
):
    breaker = breaker_of()
    got = read(Pipeline("x", Retry(delay=0), breaker), (ROLE, chunk(reason="content_filter")))
    assert isinstance(got.error, StreamEmptyError)
    assert got.error.code == "content_filter"
    assert classify.classify(got.error).kind == "content_filter"
    assert got.client.calls == 1
    assert counts(breaker) == (0, 0, 0, 1)


def test_an_orderly_end_without_content_is_a_success_where_that_is_allowed(read, breaker_of, counts):
    breaker = breaker_of()
    got = read(breaker, (ROLE, STOP), allow_empty=True)
    assert (got.events, got.error) == ([ROLE, STOP], None)
    assert isinstance(read(breaker, (ROLE,), allow_empty=True).error, StreamEmptyError)
    assert counts(breaker) == (1, 1, 0, 0)


@pytest.mark.parametrize("tail", [OSError("reset"), ValueError("broken JSON"), wait(10_000)])
def test_what_happens_after_the_terminal_event_makes_no_complete_answer_a_failure(
    read, breaker_of, tail, counts
):
    breaker = breaker_of(request_timeout=0)
    got = read(breaker, (ROLE, say("a"), STOP, tail, USAGE), limits={"idle": 5})
    assert (got.text, got.error) == ("a", None)
    assert counts(breaker) == (1, 0, 0, 0)
    assert got.client.all_closed


def test_before_the_first_content_a_retry_takes_over_invisibly(read, breaker_of, counts):
    breaker = breaker_of(consecutive_failures=9)
    policy = Pipeline("x", Retry(delay=0), breaker)
    got = read(policy, OSError("refused"), (ROLE, OSError("reset")), (ROLE,), GOOD)
    assert (got.events, got.error) == (list(GOOD), None)
    assert counts(breaker) == (1, 3, 0, 0)
    assert got.client.all_closed


def test_after_the_first_content_nothing_is_ever_retried(read, breaker_of):
    policy = Pipeline("x", Retry(delay=0), breaker_of())
    got = read(policy, (ROLE, say("a"), OSError("reset")), GOOD)
    assert (got.text, got.client.calls) == ("a", 1)
    assert isinstance(got.error, OSError)


def test_before_the_first_content_a_fallback_answers_with_events(read, breaker_of):
    breaker = breaker_of()
    policy = Pipeline("x", Fallback(lambda: [say("instead"), STOP]), breaker)
    assert read(policy, (ROLE, OSError("reset"))).text == "instead"
    after = read(policy, (ROLE, say("a"), OSError("reset")))
    assert (after.text, type(after.error)) == ("a", OSError)
    refused = read(policy)  # two failures opened it
    assert (refused.text, refused.client.calls) == ("instead", 0)


def test_a_refusal_is_raised_where_the_stream_is_opened(read, breaker_of):
    breaker = breaker_of()
    breaker.trip()
    got = read(breaker, GOOD)
    assert isinstance(got.error, CircuitBreakerOpenError)
    assert (got.stream, got.client.calls) == (None, 0)


def test_without_a_policy_only_the_ends_are_watched(read):
    assert read(None, GOOD).events == list(GOOD)
    assert isinstance(read(None, (say("a"),)).error, StreamInterruptedError)


def test_a_raw_stream_needs_no_end_unless_it_is_told_one(read, breaker_of):
    breaker = breaker_of(consecutive_failures=9)
    assert read(breaker, ("a", "b"), fmt=RAW).events == ["a", "b"]
    told = RawFormat(terminal=lambda item: item == "END")
    assert read(breaker, ("a", "END"), fmt=told).events == ["a", "END"]
    assert isinstance(read(breaker, ("a", "b"), fmt=told).error, StreamInterruptedError)
    assert isinstance(read(breaker, ("END",), fmt=told).error, StreamEmptyError)
    assert isinstance(read(breaker, (), fmt=RAW).error, StreamEmptyError)


def test_an_item_may_tell_of_an_error(read, breaker_of, counts):
    breaker = breaker_of()
    holder = {"error": KeyError("overloaded")}
    told = RawFormat(error=lambda item: item.get("error") if isinstance(item, dict) else None)
    got = read(breaker, ("a", holder), fmt=told)
    assert got.error is holder["error"]
    assert counts(breaker) == (0, 1, 0, 0)


def test_where_everything_is_switched_off_a_stream_passes_as_it_is(read, breaker_of, counts):
    from trifuse import testing

    breaker = breaker_of()
    with testing.disabled():
        got = read(breaker, (ROLE, wait(100)), limits={"first_content": 1, "total": 2})
    assert (got.events, got.error) == ([ROLE], None)
    assert got.client.all_closed
    assert counts(breaker) == (0, 0, 0, 0)


def test_a_stream_that_cannot_be_closed_ends_as_it_ended(read, breaker_of, counts, monkeypatch, kind):
    def close(self):
        self.closed += 1
        raise OSError("cannot close")

    monkeypatch.setattr(kind, "close", close)
    breaker = breaker_of()
    assert read(breaker, GOOD).error is None
    assert isinstance(read(breaker, (say("a"), ValueError())).error, ValueError)
    assert counts(breaker) == (1, 1, 0, 0)


def test_a_predicate_that_raises_is_logged_and_says_no(read, breaker_of, caplog):
    told = RawFormat(terminal=lambda item: item["end"], content=lambda item: True)
    assert isinstance(read(breaker_of(), ("a",), fmt=told).error, StreamInterruptedError)
    assert "terminal of a stream's format raised" in caplog.text


def test_the_first_frame_holds_all_before_the_first_content(read, breaker_of):
    asked = []
    breaker = breaker_of(on_call=lambda event: asked.append(event))
    got = read(breaker, (ROLE, ROLE, say("a"), STOP))
    assert got.events == [ROLE, ROLE, say("a"), STOP]
    assert len(asked) == 1


def test_the_guarded_stream_looks_like_the_clients(kind, run, breaker_of):
    client = Client(kind, GOOD)

    async def look():
        if kind is AsyncFake:
            stream = await open_async(breaker_of(), OPENAI_CHAT, client)
        else:
            stream = open_sync(breaker_of(), OPENAI_CHAT, client)
        assert isinstance(stream, kind)
        assert stream.response == "the response"
        with pytest.raises(AttributeError):
            stream.what  # noqa: B018
        done = stream.until_done()
        if kind is AsyncFake:
            await done
        assert stream.delivered_events == 5
        assert "over" in repr(stream)

    run(look())
