# SPDX-License-Identifier: MIT OR Apache-2.0
# Going on after the first content: only where the user says how, each time as a call of its own.
import pytest
from stream_fakes import ROLE, STOP, AsyncFake, Client, say, wait
from trifuse import ConfigurationError, Fallback, Pipeline, RequestTimeoutError, Retry
from trifuse._llm.resume import Interrupted, Resume

LOST = OSError("reset")


@pytest.fixture
def resuming(kind):
    """Make a strategy that opens these scripts one after the other and notes what it is told."""

    def make(*scripts, **settings):
        client = Client(kind, *scripts)
        told = []

        def strategy(interrupted):
            told.append(interrupted)
            return client if client.scripts else None

        return told, client, Resume(strategy, **settings)

    return make


def test_a_strategy_goes_on_from_what_was_delivered(read, breaker_of, counts, resuming):
    told, client, resume = resuming((ROLE, say("c"), STOP))
    breaker = breaker_of()
    got = read(breaker, (ROLE, say("a"), say("b"), LOST), resume=resume, args=("q",), kwargs={"model": "m"})
    assert (got.text, got.error) == ("abc", None)
    assert got.events == [ROLE, say("a"), say("b"), say("c"), STOP]
    (seen,) = told
    assert (seen.text, seen.events, seen.error, seen.attempt) == ("ab", (ROLE, say("a"), say("b")), LOST, 1)
    assert (seen.args, seen.kwargs) == (("q",), {"model": "m"})
    assert counts(breaker) == (1, 1, 0, 0)
    assert client.all_closed


def test_what_a_strategy_is_told_shows_no_text():
    shown = repr(Interrupted("secret", ("secret",), LOST, 1, ("secret",), {"a": "secret"}))
    assert "secret" not in shown
    assert "6 characters" in shown


def test_a_cut_off_stream_is_resumed_like_any_other(read, breaker_of, resuming):
    _, _, resume = resuming((say("b"), STOP))
    assert read(breaker_of(), (say("a"),), resume=resume).text == "ab"


def test_resuming_is_bounded(read, breaker_of, counts, resuming):
    told, client, resume = resuming(*[(say("x"), LOST)] * 5, max_resumes=2)
    breaker = breaker_of(consecutive_failures=99)
    got = read(breaker, (say("a"), LOST), resume=resume)
    assert (got.text, got.error, client.calls) == ("axx", LOST, 2)
    assert [each.attempt for each in told] == [1, 2]
    assert [each.text for each in told] == ["a", "ax"]
    assert counts(breaker) == (0, 3, 0, 0)


def test_before_the_first_content_no_strategy_is_asked(read, breaker_of, resuming):
    told, _, resume = resuming((say("x"), STOP))
    got = read(breaker_of(), (ROLE, OSError("early")), resume=resume)
    assert (str(got.error), told) == ("early", [])


def test_a_strategy_that_gives_none_lets_the_error_through(read, breaker_of):
    got = read(breaker_of(), (say("a"), LOST), resume=lambda interrupted: None)
    assert got.error is LOST


def test_a_strategy_that_raises_lets_the_error_through_and_is_logged(read, breaker_of, caplog):
    lost = OSError("reset")
    got = read(breaker_of(), (say("a secret"), lost), resume=lambda interrupted: {}[interrupted.text])
    assert got.error is lost
    assert "the resume strategy raised KeyError" in lost.__notes__
    assert "the resume strategy raised KeyError" in caplog.text
    assert "secret" not in caplog.text


def test_a_resumed_stream_that_the_breaker_refuses_ends_by_what_broke_it_off(read, breaker_of, resuming):
    _, client, resume = resuming((say("b"), STOP))
    lost = OSError("reset")
    got = read(breaker_of(consecutive_failures=1), (say("a"), lost), resume=resume)
    assert got.error is lost
    assert "resuming the stream was refused: CircuitBreakerOpenError" in lost.__notes__
    assert (got.text, client.calls) == ("a", 0)


def test_before_its_first_content_a_resumed_stream_is_retried(read, breaker_of, kind):
    again = Client(kind, OSError("refused"), (ROLE, OSError("reset")), (say("b"), STOP))
    breaker = breaker_of(consecutive_failures=9)
    got = read(Pipeline("x", Retry(delay=0), breaker), (say("a"), LOST), resume=lambda _: again)
    assert (got.text, got.error, again.calls) == ("ab", None, 3)


@pytest.mark.parametrize("where", ["policy", "breaker"])
def test_no_fallback_begins_the_answer_again(read, breaker_of, kind, where):
    again = Client(kind, OSError("refused"))
    asked = []

    def instead():
        asked.append(1)
        return [say("again")]

    if where == "policy":
        policy = Pipeline("x", Fallback(instead), breaker_of())
    else:
        policy = breaker_of(fallback=instead, fallback_on=OSError)
    got = read(policy, (say("a"), LOST), resume=lambda _: again)
    assert (got.text, str(got.error), asked) == ("a", "refused", [])


def test_a_resumed_stream_may_have_nothing_to_add(read, breaker_of, counts, resuming):
    _, _, resume = resuming((ROLE, STOP))
    breaker = breaker_of()
    got = read(breaker, (say("a"), LOST), resume=resume)
    assert (got.text, got.error) == ("a", None)
    assert counts(breaker) == (1, 1, 0, 0)


def test_when_the_total_is_over_nothing_is_resumed(read, breaker_of, resuming):
    told, _, resume = resuming((say("b"), STOP))
    got = read(breaker_of(), (say("a"), wait(20)), resume=resume, limits={"total": 15})
    assert (got.error.setting, told) == ("total", [])


def test_a_stalled_stream_can_be_resumed(read, breaker_of, resuming):
    told, _, resume = resuming((say("b"), STOP))
    got = read(breaker_of(), (say("a"), wait(20)), resume=resume, limits={"idle": 5})
    assert (got.text, got.error) == ("ab", None)
    assert isinstance(told[0].error, RequestTimeoutError)


def test_a_strategy_may_be_awaited(run, breaker_of):
    from stream_fakes import read_async

    again = Client(AsyncFake, (say("b"), STOP))

    async def strategy(interrupted):
        return again

    assert run(read_async(breaker_of(), Client(AsyncFake, (say("a"), LOST)), resume=strategy)).text == "ab"


def test_a_cancelled_strategy_leaves_a_stream_that_is_over(run, breaker_of):
    import asyncio

    from trifuse._llm.formats import OPENAI_CHAT
    from trifuse._llm.streams import open_async

    async def strategy(interrupted):
        await asyncio.sleep(100)

    async def cancelled():
        breaker = breaker_of()
        stream = await open_async(breaker, OPENAI_CHAT, Client(AsyncFake, (say("a"), LOST)), resume=strategy)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await stream.until_done()
        assert "over" in repr(stream)
        assert breaker.snapshot().failures == 1

    run(cancelled())


@pytest.mark.parametrize("bad", [0, 101, True, 1.5])
def test_a_bound_that_is_none_is_refused(bad):
    with pytest.raises(ConfigurationError) as caught:
        Resume(print, max_resumes=bad)
    assert caught.value.field == "max_resumes"


def test_what_is_no_strategy_is_refused(read, breaker_of):
    assert read(breaker_of(), (), resume="again").error.field == "resume"
    with pytest.raises(ConfigurationError):
        Resume(None)
