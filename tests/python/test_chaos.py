# SPDX-License-Identifier: MIT OR Apache-2.0
"""The chaos server over plain HTTP: scripts, paths, and what it counts."""

import asyncio
import contextlib
import http.client
import json
import threading
import time

import pytest
from trifuse.testing.chaos import ChaosServer, answer, hang, pause, reset, status, stream

CHAT = "/v1/chat/completions"


@pytest.fixture
def server(chaos_server):
    return chaos_server


@contextlib.contextmanager
def connected(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        yield connection
    finally:
        connection.close()


def ask(server, path=CHAT, *, connection=None, method="POST", headers=(), **body):
    if connection is None:
        with connected(server) as own:
            return ask(server, path, connection=own, method=method, headers=headers, **body)
    connection.request(method, path, json.dumps(body), {"content-type": "application/json", **dict(headers)})
    response = connection.getresponse()
    response.content = response.read()
    return response


def text_of(response):
    return json.loads(response.content)["choices"][0]["message"]["content"]


class TestScripts:
    def test_each_request_takes_a_step_and_then_the_default_holds(self, server):
        server.script(status(500), status(404), answer("third"))
        server.default = status(503)
        assert [ask(server).status for _ in range(5)] == [500, 404, 200, 503, 503]

    def test_a_new_script_drops_the_steps_that_are_left(self, server):
        server.script(status(500), status(500))
        ask(server)
        server.script(status(404))
        assert [ask(server).status for _ in range(2)] == [404, 200]
        assert server.remaining == 0

    def test_scripts_for_path_and_model_go_before_those_for_one_of_them_and_those_for_all(self, server):
        server.script(status(500), path="/v1/embeddings", model="m")
        server.script(status(501), path="embeddings", default=status(599))
        server.script(status(502), model="m")
        server.script(status(503))
        asked = [
            ("/v1/embeddings", "m"),
            ("/v1/embeddings", "m"),
            ("/v1/embeddings", "m"),
            (CHAT, "m"),
            (CHAT, "m"),
            (CHAT, "x"),
        ]
        assert [ask(server, path, model=model).status for path, model in asked] == [
            500,
            501,
            599,
            502,
            503,
            200,
        ]

    def test_a_function_is_given_the_request_and_gives_the_step(self, server):
        server.default = lambda request: status(500) if request.body["n"] == 1 else answer(request.model)
        assert ask(server, model="m", n=1).status == 500
        assert text_of(ask(server, model="m", n=2)) == "m"

    def test_a_coroutine_function_may_wait_before_it_gives_the_step(self, server):
        async def after_another(request):
            while request.number == 1 and server.count < 2:
                await asyncio.sleep(0.001)
            return answer(str(request.number))

        server.default = after_another
        told = []
        first = threading.Thread(target=lambda: told.append(text_of(ask(server))))
        first.start()
        server.wait_for(1)
        told.append(text_of(ask(server)))
        first.join(5)
        assert sorted(told) == ["1", "2"]

    def test_what_a_function_raises_is_answered_500_and_raised_at_the_end_of_the_block(self):
        with pytest.raises(ZeroDivisionError), ChaosServer(default=lambda _: 1 / 0) as server:
            assert ask(server).status == 500

    def test_a_function_that_gives_no_step_is_a_fault(self):
        with pytest.raises(TypeError, match="no step"), ChaosServer(default=lambda _: "hello") as server:
            assert ask(server).status == 500

    def test_a_fault_does_not_hide_what_the_block_raised(self):
        with pytest.raises(KeyError), ChaosServer(default=lambda _: 1 / 0) as server:
            ask(server)
            raise KeyError

    def test_clear_makes_it_as_new(self, server):
        server.script(status(500), status(500), default=status(501))
        ask(server)
        server.clear()
        assert (server.count, server.requests, server.remaining) == (0, [], 0)
        assert ask(server).status == 200
        assert server.requests[0].number == 1


class TestPaths:
    def test_an_unknown_path_of_the_apis_is_404_and_counted(self, server):
        assert ask(server, "/v1/images/generations").status == 404
        assert server.count == 1

    def test_a_script_for_a_path_makes_it_known(self, server):
        server.script(answer("x"), path="/v1/images/generations")
        assert json.loads(ask(server, "/v1/images/generations").content) == {"text": "x", "request": 1}

    @pytest.mark.parametrize("path", ["/", "/v10/chat/completions", "/anything?x=1"])
    def test_other_paths_are_plain_http(self, server, path):
        assert json.loads(ask(server, path, method="GET").content)["text"] == "hello"

    def test_errors_of_unknown_paths_are_in_the_words_of_the_client(self, server):
        told = json.loads(ask(server, "/v1/x", headers={"anthropic-version": "1"}).content)
        assert told["error"]["type"] == "not_found_error"

    def test_a_head_request_gets_no_body(self, server):
        response = ask(server, "/", method="HEAD")
        assert (response.status, response.content) == (200, b"")


class TestRecords:
    def test_a_request_is_written_down_whole(self, server):
        before = time.monotonic()
        headers = {"Authorization": "Bearer k", "x-stainless-retry-count": "2"}
        ask(server, f"{CHAT}?a=b", model="m", stream=False, headers=headers)
        (request,) = server.requests
        assert (request.number, request.method, request.path, request.query) == (1, "POST", CHAT, "a=b")
        assert request.body == {"model": "m", "stream": False}
        assert (request.model, request.stream, request.api_key, request.retry_count) == ("m", False, "k", 2)
        server.wait_until(lambda: request.ended_at)
        assert before <= request.at <= request.ended_at <= time.monotonic()
        assert not request.left

    def test_neither_body_nor_key_is_in_what_it_shows(self, server):
        ask(server, prompt="secret", headers={"Authorization": "Bearer secret"})
        assert "secret" not in repr(server.requests)

    def test_a_body_that_is_no_json_is_kept_as_bytes(self, server):
        with connected(server) as connection:
            connection.request("POST", CHAT, b"{nope")
            connection.getresponse().read()
        assert server.requests[0].body == b"{nope"
        assert server.requests[0].model is None

    def test_only_the_last_requests_are_kept_and_all_are_counted(self):
        with ChaosServer(keep=3) as server, connected(server) as connection:
            for _ in range(10):
                ask(server, connection=connection)
            assert server.count == 10
            assert [r.number for r in server.requests] == [8, 9, 10]
            assert server.connections == 1

    def test_connections_are_counted_while_they_are_open(self, server):
        with connected(server) as connection:
            ask(server, connection=connection)
            assert server.open_connections == 1
        server.wait_until(lambda: server.open_connections == 0)
        assert server.connections == 1

    def test_a_client_that_leaves_is_noticed_while_the_step_is_silent(self, server):
        server.script(hang())
        with connected(server) as connection:
            connection.request("POST", CHAT, "{}")
            server.wait_for(1)
            assert (server.in_flight, server.left) == (1, 0)
        server.wait_until(lambda: server.left == 1)
        assert server.requests[0].left
        assert server.in_flight == 0

    def test_a_client_that_leaves_in_the_middle_of_a_stream_is_noticed(self, server):
        server.script(stream("a", pause(60), "b"))
        with connected(server) as connection:
            connection.request("POST", CHAT, json.dumps({"stream": True}))
            assert b"data: " in connection.getresponse().read1(10)
        server.wait_until(lambda: server.left == 1)

    def test_a_client_that_reads_to_the_end_and_closes_has_not_left(self, server):
        for _ in range(50):
            ask(server)
        server.wait_until(lambda: server.open_connections == 0)
        assert server.left == 0

    def test_who_has_the_whole_answer_finds_it_written_down_as_ended(self, server):
        with connected(server) as connection:
            for number in range(300):
                ask(server, connection=connection, stream=number % 2 == 0)
                assert server.in_flight == 0

    def test_what_the_server_ends_itself_has_not_been_left(self, server):
        server.script(reset())
        with pytest.raises(ConnectionError):
            ask(server)
        server.wait_until(lambda: server.open_connections == 0)
        assert server.left == 0

    def test_the_most_requests_at_once_are_counted(self, server):
        server.default = lambda _: answer(after=0.3)
        threads = [threading.Thread(target=ask, args=(server,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        server.wait_until(lambda: server.in_flight == 5)
        for thread in threads:
            thread.join(5)
        assert server.most_in_flight == 5

    def test_waiting_for_what_does_not_come_says_what_came(self, server):
        ask(server)
        with pytest.raises(TimeoutError, match="1 requests"):
            server.wait_for(2, timeout=0.05)

    def test_each_request_is_told_when_it_has_ended(self):
        told = []
        with ChaosServer(on_request=told.append) as server:
            ask(server)
            server.wait_until(lambda: told)
        assert told[0].step == answer()
