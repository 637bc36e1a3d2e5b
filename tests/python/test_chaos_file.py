# SPDX-License-Identifier: MIT OR Apache-2.0
"""Scripts of the chaos server that stand in a file."""

import json

import pytest
from trifuse import ConfigurationError
from trifuse.testing import chaos
from trifuse.testing.chaos import ChaosServer, _file

WHOLE = """
default = { do = "status", status = 503, retry_after = 2 }
steps = [
  "quota",
  { do = "status", status = 500, times = 3 },
  { do = "stream", texts = ["a", { pause = 1.5, keep_alive = 0.1 }, { tool_call = "f", arguments = { x = 1 } }], usage = [3, 4], then = { do = "hang", keep_alive = 0.5 } },
  { do = "drip", seconds = 2, texts = ["slow"] },
  { do = "answer", limits = { requests = [60, 59, 1] }, headers = { a = "b" } },
]

[[scripts]]
path = "/v1/embeddings"
model = "e"
steps = ["reset", { do = "html", status = 502 }]
"""


def write(tmp_path, text, name="chaos.toml"):
    file = tmp_path / name
    file.write_text(text)
    return file


def test_a_file_says_what_the_functions_say(tmp_path):
    whole, embeddings = _file.read(write(tmp_path, WHOLE))
    assert whole.default == chaos.status(503, retry_after=2)
    pieces = ("a", chaos.pause(1.5, keep_alive=0.1), chaos.tool_call("f", {"x": 1}))
    assert whole.steps == (
        chaos.quota(),
        *chaos.times(chaos.status(500), 3),
        chaos.stream(*pieces, usage=(3, 4), then=chaos.hang(keep_alive=0.5)),
        chaos.drip(2, "slow"),
        chaos.answer(limits=chaos.rate_limits(requests=(60, 59, 1)), headers={"a": "b"}),
    )
    assert (embeddings.path, embeddings.model, embeddings.default) == ("/v1/embeddings", "e", None)
    assert embeddings.steps == (chaos.reset(), chaos.html(502))


def test_json_says_the_same(tmp_path):
    import tomllib

    as_json = write(tmp_path, json.dumps(tomllib.loads(WHOLE)), "chaos.json")
    assert _file.read(as_json) == _file.read(write(tmp_path, WHOLE))


@pytest.mark.parametrize("name", sorted(_file.MAKERS))
def test_every_step_can_be_written_in_a_file(name):
    needed = {"status": {"status": 500}, "drip": {"seconds": 1}}
    (lane,) = _file.lanes_of({"steps": [{"do": name, **needed.get(name, {})}]})
    assert isinstance(lane.steps[0], chaos.Step)


def test_a_server_takes_steps_and_default_of_a_file(tmp_path):
    server = ChaosServer().load(write(tmp_path, WHOLE))
    assert server.remaining == 9
    assert server.default == chaos.status(503, retry_after=2)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ([], "script"),
        ({"step": []}, "script.step"),
        ({"steps": {}}, "steps"),
        ({"steps": ["stauts"]}, "steps[0].do"),
        ({"steps": [7]}, "steps[0].do"),
        ({"steps": [{"status": 500}]}, "steps[0].do"),
        ({"steps": ["quota", "status"]}, "steps[1].status"),
        ({"steps": [{"do": "status", "status": 7}]}, "steps[0].status"),
        ({"steps": [{"do": "status", "status": 429, "retry": 1}]}, "steps[0].retry"),
        ({"steps": [{"do": "status", "status": 429, "retry_after": -1}]}, "steps[0].retry_after"),
        ({"steps": [{"do": "quota", "times": 0}]}, "steps[0].times"),
        ({"steps": [{"do": "quota", "times": 10**12}]}, "steps[0].times"),
        ({"steps": [{"do": "stream", "texts": "ab"}]}, "steps[0].texts"),
        ({"steps": [{"do": "stream", "texts": [{"tool": "f"}]}]}, "steps[0].texts[0]"),
        ({"steps": [{"do": "stream", "texts": [{"pause": -1}]}]}, "steps[0].texts[0].seconds"),
        ({"steps": [{"do": "stream", "then": "answer"}]}, "steps[0].then"),
        ({"steps": [{"do": "answer", "limits": {"rpm": 1}}]}, "steps[0].limits.rpm"),
        ({"steps": [{"do": "answer", "limits": {"requests": 1}}]}, "steps[0].limits.requests"),
        ({"default": {"do": "hang", "seconds": "x"}}, "default.seconds"),
        ({"scripts": [{"path": 3}]}, "scripts[0].path"),
        ({"scripts": [{"steps": ["no"]}]}, "scripts[0].steps[0].do"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(content, field):
    with pytest.raises(ConfigurationError) as caught:
        _file.lanes_of(content)
    assert caught.value.field == field


@pytest.mark.parametrize(("name", "text"), [("a.toml", "steps = ["), ("a.json", "{"), ("b.toml", "\udcff")])
def test_what_is_neither_toml_nor_json_is_told_by_the_files_name(tmp_path, name, text):
    file = tmp_path / name
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError, match=name):
        ChaosServer().load(file)


def test_nothing_is_taken_of_a_file_with_an_error(tmp_path):
    server = ChaosServer()
    with pytest.raises(ConfigurationError):
        server.load(write(tmp_path, 'steps = ["quota"]\n[[scripts]]\nsteps = ["nothing"]'))
    assert server.remaining == 0


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("overloaded", chaos.overloaded()),
        ("status=500", chaos.status(500)),
        ("hang", chaos.hang()),
        ("hang=2.5", chaos.hang(2.5)),
        ("answer=Hi there", chaos.answer("Hi there")),
    ],
)
def test_a_step_can_be_told_in_a_word(text, step):
    assert _file.step_of_text(text) == step


@pytest.mark.parametrize("text", ["", "no", "status", "status=x", "end=1", "no=1"])
def test_what_is_no_step_in_a_word_is_refused(text):
    with pytest.raises(ConfigurationError):
        _file.step_of_text(text)
