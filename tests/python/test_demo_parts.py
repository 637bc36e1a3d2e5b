# SPDX-License-Identifier: MIT OR Apache-2.0
"""The parts of the demo: the server that can be broken, the figures, the picture."""

import asyncio
import socket
import threading
import urllib.error
import urllib.request

import openai
import pytest
from trifuse._demo._figures import Change, Measured
from trifuse._demo._lanes import UnfinishedAnswerError, plain_ask, plain_stream
from trifuse._demo._run import run
from trifuse._demo._scenario import scenario
from trifuse._demo._server import ANSWER, Arrival, BreakableServer
from trifuse._demo._servers import Servers
from trifuse._demo._timeline import write_timeline
from trifuse._demo._traffic import Call

LABELS = {"without": "without trifuse", "bare": "without, retries off", "with": "with trifuse"}


@pytest.fixture
def server():
    with BreakableServer() as server:
        yield server


def asked(server, question, *, key="key", timeout=5.0, retries=0):
    """Let the real client ask."""

    async def ask():
        http = openai.DefaultAsyncHttpxClient(trust_env=False)
        client = openai.AsyncOpenAI(
            base_url=server.url, api_key=key, timeout=timeout, max_retries=retries, http_client=http
        )
        async with client:
            return await question(client)

    return asyncio.run(ask())


def requests(server, key, *conditions):
    """Count what came with a key, in any of the conditions or in all."""
    return sum(a.key == key and (not conditions or a.condition in conditions) for a in server.arrivals)


async def whole(client):
    return await plain_ask(client, "why?")


async def in_words(client):
    return [word async for word in plain_stream(client, "why?")]


@pytest.mark.end_to_end
def test_a_healthy_server_answers_the_client_whole_and_in_words(server):
    assert asked(server, whole) == ANSWER
    words = asked(server, in_words)
    assert len(words) == 9
    assert "".join(words) == ANSWER


@pytest.mark.end_to_end
@pytest.mark.parametrize("question", [whole, in_words])
def test_a_server_with_errors_answers_500_and_counts_every_retry(server, question):
    server.condition = "errors"
    with pytest.raises(openai.InternalServerError):
        asked(server, question, key="patient", retries=1)
    with pytest.raises(openai.InternalServerError):
        asked(server, question, key="other")
    assert requests(server, "patient") == 2
    assert requests(server, "other", "errors") == 1
    assert requests(server, "other", "healthy") == 0


@pytest.mark.end_to_end
@pytest.mark.parametrize("question", [whole, in_words])
def test_a_server_that_hangs_takes_the_request_and_says_nothing(server, question):
    server.condition = "hangs"
    with pytest.raises(openai.APITimeoutError):
        asked(server, question, timeout=0.3)
    assert requests(server, "key") == 1


@pytest.mark.end_to_end
def test_a_server_in_a_brownout_never_answers_three_requests_of_five(server):
    server.condition = "brownout"

    async def five(client):
        asked = [plain_ask(client, "why?") for _ in range(5)]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asked(server, five, timeout=0.8)
    assert sum(isinstance(answer, openai.APITimeoutError) for answer in answers) == 3
    assert answers.count(ANSWER) == 2


@pytest.mark.end_to_end
def test_a_server_with_one_worker_does_the_work_of_clients_that_left():
    async def impatient(client):
        with pytest.raises(openai.APITimeoutError):
            await plain_ask(client.with_options(timeout=0.05), "why?")
        began = asyncio.get_running_loop().time()
        await plain_ask(client, "and now?")
        return asyncio.get_running_loop().time() - began

    with BreakableServer(workers=1) as server:
        assert asked(server, impatient) > 0.3  # what is left of the first, and its own 0.2 s


@pytest.mark.end_to_end
def test_where_workers_are_counted_each_kind_of_user_has_a_server_of_its_own():
    with Servers(scenario(12, "overload").script) as busy, Servers(scenario(12).script) as shared:
        assert len({busy.url(key) for key in LABELS}) == 3
        assert len({shared.url(key) for key in LABELS}) == 1


@pytest.mark.end_to_end
@pytest.mark.parametrize("body", [b"{", b"[]", b"{}"])
def test_a_request_that_makes_no_sense_is_refused(server, body):
    request = urllib.request.Request(f"{server.url}/chat/completions", body, method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(request, timeout=10)
    assert caught.value.code == 400
    caught.value.close()


@pytest.mark.end_to_end
def test_a_closed_server_has_no_thread_and_no_port():
    with BreakableServer() as server:
        port = int(server.url.split(":")[2].split("/")[0])
        socket.create_connection(("127.0.0.1", port)).close()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("trifuse-chaos")]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.end_to_end
def test_a_cancelled_run_closes_its_server():
    async def cancelled():
        views = []
        task = asyncio.create_task(run(scenario(12), views.append))
        while len(views) < 3:
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert not [t.name for t in threading.enumerate() if t.name.startswith("trifuse-chaos")]


def test_a_stream_that_ends_without_a_word_is_no_answer():
    class Chunks:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            pass

        async def __aiter__(self):
            return
            yield

    class Client:
        chat = completions = property(lambda self: self)

        async def create(self, **_):
            return Chunks()

    with pytest.raises(UnfinishedAnswerError):
        asyncio.run(in_words(Client()))


def test_the_phases_follow_each_other_without_gaps():
    script = scenario(40)
    assert [p.name for p in script.phases] == ["healthy", "errors", "hangs", "healed"]
    assert [p.begin for p in script.phases] == [0, *(p.end for p in script.phases[:-1])]
    assert script.seconds == 40
    assert [p.end for p in script.phases] == [6, 18, 30, 40]
    assert script.phase(5.999).name == "healthy"
    assert script.phase(6).name == "errors"
    assert script.phase(1000).name == "healed"


def test_questions_come_at_the_rate_of_their_phase():
    moments = list(scenario(20, "overload").moments())
    assert moments == sorted(moments)
    assert [sum(a <= m < b for m in moments) for a, b in ((0, 4), (4, 14), (14, 20))] == [32, 240, 48]


@pytest.mark.parametrize("seconds", [11.99, 600.5, float("nan")])
def test_a_run_of_no_allowed_length_is_refused(seconds):
    with pytest.raises(ValueError, match=r"seconds is .*; allowed: 12 to 600"):
        scenario(seconds)


def measured(seconds=20.0):
    """Make a run of a few calls, whose figures can be told by hand."""
    calls = [
        Call("without", 101, 101.5, False, "answer", None),
        Call("without", 105, 111, False, "error", "APITimeoutError"),
        Call("without", 118, 120, False, "error", "InternalServerError"),
        Call("bare", 101, 101.25, True, "answer", None),
        Call("with", 105, 105.5, True, "fallback", None),
        Call("with", 118, 118.25, True, "answer", None),
        Call("with", 119, 119.75, True, "answer", None),
    ]
    arrivals = [
        Arrival(101, "without", "healthy"),
        Arrival(105, "without", "errors"),
        Arrival(107, "without", "hangs"),
        Arrival(118, "without", "healed"),
        Arrival(101, "bare", "healthy"),
        Arrival(105, "with", "errors"),
        Arrival(118, "with", "healed"),
        Arrival(100, "warm-up", "healthy"),
    ]
    changes = [
        Change(6.0, "closed", "open", "failure_rate", 6, 10),
        Change(8.0, "open", "half_open", "wait_over", 6, 10),
    ]
    phases = [(0.0, "healthy"), (3.0, "errors"), (9.0, "hangs"), (15.0, "healed")]
    return Measured(scenario(seconds), LABELS, 100.0, 115.0, calls, arrivals, changes, phases)


def test_the_figures_are_those_of_the_calls_and_of_the_servers_record():
    without, guarded = measured().lane("without"), measured().lane("with")
    assert (without.calls, without.answers, without.fallbacks, without.errors) == (3, 1, 0, 2)
    assert without.error_types == {"APITimeoutError": 1, "InternalServerError": 1}
    assert (without.waited_in_vain, without.longest_in_vain) == (8.0, 6.0)
    assert (without.requests, without.load_on_broken) == (4, 2)
    assert without.requests_by_phase == {"healthy": 1, "errors": 1, "hangs": 1, "healed": 1}
    assert without.unanswered_after_repair == 1
    assert without.answers_in_trouble == 0
    assert (guarded.answers, guarded.fallbacks, guarded.errors) == (2, 1, 0)
    assert (guarded.waited_in_vain, guarded.median_answer) == (0.5, 0.5)
    assert (guarded.requests, guarded.load_on_broken) == (2, 1)
    assert guarded.unanswered_after_repair == 0


def test_a_long_run_gives_a_picture_as_small_as_a_short_one(tmp_path):
    write_timeline(tmp_path / "long.svg", measured(seconds=600.0))
    picture = (tmp_path / "long.svg").read_text()
    assert len(picture) < 60_000
    assert "requests to the broken server 1 instead of 2" in picture
    assert "errors seen by users 0 (1 fallbacks) instead of 2" in picture
