# SPDX-License-Identifier: MIT OR Apache-2.0
# Estimates of a call's tokens from its arguments, usages read from results; nothing is downloaded or raised.
import asyncio
import base64
import hashlib
import sys
import time
import types
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from trifuse._llm import tokens_vocabulary
from trifuse._llm.frames import Frame
from trifuse._llm.tokens import estimate_call, estimate_tokens, preload
from trifuse._llm.tokens_text import by_rule, count, rough
from trifuse._llm.usage import Usage, merge, usage_of

# Texts, and the tokens that o200k_base has for them.
KNOWN = {
    "english": ("The quick brown fox jumps over the lazy dog while the committee deliberates at length.", 17),
    "code": ("def add(first, second):\n    return first + second\n", 12),
    "json": ('{"id": 17, "name": "user 17", "score": 23.29, "tags": ["a", "bc"], "active": true}', 36),
    "digits": ("3141592653589793238462643383279502884197", 14),
    "german": ("Die Donaudampfschifffahrt wurde im neunzehnten Jahrhundert gegründet.", 16),
    "russian": ("Съешь же ещё этих мягких французских булок, да выпей чаю.", 19),
    "chinese": ("人工智能正在改变世界\uff0c许多公司都在使用大型语言模型。", 16),
    "japanese": ("東京は日本の首都であり、世界最大の都市の一つです。", 18),
    "korean": ("인공지능은 세상을 바꾸고 있으며 많은 회사가 언어 모델을 사용합니다.", 20),
    "hindi": ("भारत एक विशाल देश है जिसमें कई भाषाएँ बोली जाती हैं।", 14),
    "emoji": ("🙂🚀🔥👍😀", 6),
}


@pytest.mark.parametrize("language", KNOWN)
def test_the_rule_is_near_the_vocabulary_in_every_script(language):
    text, known = KNOWN[language]
    assert 0.8 * known <= by_rule(text) <= 1.5 * known


def test_the_tokens_of_a_call_are_those_of_all_its_texts():
    small = [{"role": "user", "content": "hello"}]
    one = estimate_call((), {"messages": small, "max_tokens": 10})
    assert one == Usage(2 + 4 + 3, 10)  # "hello" is 1.1 by the rule, rounded up
    assert estimate_call((), {"messages": small * 2}).input_tokens == 3 + 2 * 4 + 3
    for more in (
        {"system": "be brief"}, {"tools": [{"name": "search", "description": "finds things", "parameters": {}}]},
        {"instructions": "be brief"}, {"functions": [{"name": "f"}]},
    ):  # fmt: skip
        assert estimate_call((), {"messages": small, **more}).input_tokens > one.input_tokens


PARTS = [
    {"role": "user", "content": [{"type": "text", "text": "what is this"}]},
    {"role": "user", "content": [{"type": "input_text", "text": "what is this"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "f", "arguments": "what is this"}}],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "x" * 999, "content": "what is this"}],
    },
    SimpleNamespace(role="user", content="what is this"),
    {
        "role": "user",
        "content": [{"type": "text", "text": "what is this", "cache_control": {"type": "ephemeral"}}],
    },
]


@pytest.mark.parametrize("message", PARTS)
def test_parts_of_messages_are_counted_by_their_text(message):
    assert 8 <= estimate_tokens([message]) <= 14


def test_pictures_and_files_have_a_price_whatever_their_bytes():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    low = {**picture, "image_url": {**picture["image_url"], "detail": "low"}}
    source = {"type": "image", "source": {"type": "base64", "data": "A" * 100_000}}
    file = {"type": "document", "source": {"data": "A" * 100_000}}
    counted = [
        estimate_tokens([{"role": "user", "content": [part]}]) - 7 for part in (picture, low, source, file)
    ]
    assert counted == [765, 85, 765, 1_500]


@pytest.mark.parametrize(
    ("kwargs", "wanted"),
    [
        ({"input": "some words here", "model": "text-embedding-3-small"}, 0),
        ({"input": ["one", "two"], "model": "mine"}, 0),
        ({"input": [[1, 2, 3], [4]], "model": "mine"}, 0),
        ({"input": "x", "model": "mine", "dimensions": 8}, 0),
        ({"input": "x", "model": "gpt-5", "max_output_tokens": 40}, 40),
        ({"input": [{"role": "user", "content": "x"}], "model": "gpt-5"}, 500),
        ({"prompt": "x", "max_tokens": 7, "n": 3}, 21),
        ({"messages": [], "max_completion_tokens": 9, "max_tokens": 100}, 9),
        ({"messages": [], "max_tokens": None}, 500),
        ({"messages": [], "max_tokens": -4}, 500),
        ({"messages": [], "max_tokens": 1 << 90}, 1 << 40),
    ],
)
def test_the_output_is_what_the_call_says_or_the_default(kwargs, wanted):
    assert estimate_call((), kwargs).output_tokens == wanted


def test_lists_of_tokens_are_counted_as_they_are():
    assert estimate_call((), {"input": [[1, 2, 3], [4]]}).input_tokens == 4
    assert estimate_call((), {"input": list(range(50))}).input_tokens == 50


def test_the_arguments_of_any_function_are_counted():
    assert estimate_call(("hello there",), {"temperature": 0.3, "model": "m" * 99}, 0).input_tokens <= 4
    assert estimate_call((), {"question": "hello there", "k": 3}, 0).input_tokens <= 4
    assert estimate_call((object(), 3, None), {}, 0) == Usage(0, 0)


class Hostile(dict):
    def items(self):
        raise RuntimeError("no")

    get = items


@pytest.mark.parametrize(
    "content",
    [None, 7, b"x", object(), MagicMock(), Hostile(a=1), [Hostile(a=1)], float("nan"), "\ud800", [[[]]] * 9],
)
def test_an_estimate_never_raises(content):
    assert estimate_tokens(content) >= 0
    assert (
        estimate_call((content,), {"messages": content, "tools": content, "max_tokens": content}).total >= 0
    )


def test_content_that_contains_itself_is_counted_to_a_depth():
    content = ["word"]
    content.append(content)
    assert 0 < estimate_tokens(content) < 100


def test_a_huge_prompt_costs_no_more_time_than_a_large_one():
    sentence = "The answer, as far as anybody can tell, depends on what was asked. "
    exact = by_rule(sentence * 100) * 500
    begun = time.perf_counter()
    told = count([sentence * 25_000, sentence * 25_000])
    assert time.perf_counter() - begun < 0.25
    assert told == pytest.approx(exact, rel=0.03)


def test_samples_are_spread_over_all_of_a_text():
    half = 100_000
    text = "a " * (half // 2) + "1" * half
    assert count([text]) == pytest.approx(by_rule(text), rel=0.1)


@pytest.mark.parametrize("text", ["four tokens of text ", "四个词", ""])
def test_text_of_a_stream_is_counted_roughly(text):
    assert rough(text) == len(text.encode()) / 4


USAGES = [
    ({"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}, Usage(3, 4)),
    ({"usage": {"prompt_tokens": 3, "total_tokens": 3}}, Usage(3, 0)),
    ({"usage": {"total_tokens": 9}}, Usage(9, 0)),
    ({"usage": {"completion_tokens": 4, "total_tokens": 9}}, Usage(5, 4)),
    ({"usage": {"prompt_tokens": 30, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 20}}}, Usage(30, 4)),
    (SimpleNamespace(usage=SimpleNamespace(input_tokens=3, output_tokens=4)), Usage(3, 4)),
    ({"usage": {"input_tokens": 3, "output_tokens": 4, "cache_creation_input_tokens": 50, "cache_read_input_tokens": 900}},
     Usage(53, 4)),
    ({"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}, Usage(3, 1)),
    ({"type": "response.completed", "response": {"usage": {"input_tokens": 3, "output_tokens": 4}}}, Usage(3, 4)),
    ({"usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 4, "thoughts_token_count": 5}}, Usage(3, 9)),
    ({"prompt_eval_count": 3, "eval_count": 4}, Usage(3, 4)),
    ({"usage": {"billed_units": {}, "tokens": {"input_tokens": 3, "output_tokens": 4}}}, Usage(3, 4)),
    ({"meta": {"tokens": {"input_tokens": 3.0, "output_tokens": 4.0}}}, Usage(3, 4)),
    (Usage(3, 4), Usage(3, 4)),
    (Frame([{"usage": {"input_tokens": 3}}, {"usage": None}, {"usage": {"output_tokens": 4}}], content=True), Usage(3, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("result", "wanted"), USAGES)
def test_usage_is_read_from_the_responses_of_every_client(result, wanted):
    assert usage_of(result) == wanted


@pytest.mark.parametrize(
    "result",
    [
        None, "text", b"x", 7, [], {}, object(), MagicMock(), {"usage": "many"}, {"usage": {"prompt_tokens": -1}},
        {"usage": {"prompt_tokens": float("nan")}}, {"usage": {"prompt_tokens": True}}, {"usage": {"prompt_tokens": 1e300}},
        {"usage": []}, Hostile(usage=1),
    ],
)  # fmt: skip
def test_what_tells_no_usage_tells_none(result):
    assert usage_of(result) is None


def test_the_events_of_a_stream_tell_together():
    assert merge(Usage(11, 1), Usage(0, 31)) == Usage(11, 31)
    assert merge(None, Usage(1, 2)) == merge(Usage(1, 2), None) == Usage(1, 2)
    assert merge(None, None) is None


@pytest.fixture
def vocabulary(monkeypatch, tmp_path):
    """A tiktoken of one encoding, whose vocabulary is one token a byte, and its cache."""
    source = "https://nowhere.invalid/o200k_base.tiktoken"
    data = b"\n".join(base64.b64encode(bytes([byte])) + b" %d" % byte for byte in range(256))
    package, model = types.ModuleType("tiktoken"), types.ModuleType("tiktoken.model")
    extension, public = types.ModuleType("tiktoken_ext"), types.ModuleType("tiktoken_ext.openai_public")

    class Encoding:
        def __init__(self, name, mergeable_ranks):
            self.mergeable_ranks = mergeable_ranks

        def encode_ordinary(self, text):
            return list(text.encode())

    code = (
        "def load_tiktoken_bpe(*args, **kwargs): raise AssertionError('this would download')\n"
        "def o200k_base():\n"
        f"    return {{'name': 'o200k_base', 'mergeable_ranks': load_tiktoken_bpe({source!r}, expected_hash=HASH)}}\n"
    )
    public.HASH = hashlib.sha256(data).hexdigest()
    exec(code, vars(public))
    public.ENCODING_CONSTRUCTORS = {"o200k_base": public.o200k_base}
    package.Encoding, package.registry = Encoding, SimpleNamespace(ENCODINGS={})
    model.encoding_name_for_model = lambda name: "o200k_base"
    for module in (package, model, extension, public):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(tokens_vocabulary, "_known", {})
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    return tmp_path / hashlib.sha1(source.encode()).hexdigest(), data


def test_a_vocabulary_in_the_cache_is_used(vocabulary):
    path, data = vocabulary
    path.write_bytes(data)
    assert preload("gpt-4o")
    assert estimate_tokens("hello", model="gpt-4o") == 5
    assert estimate_tokens("hello", model="claude-x") == 2
    assert estimate_tokens("hello") == 2


def test_a_vocabulary_that_is_missing_is_not_downloaded(vocabulary):
    assert not preload("gpt-4o")
    assert estimate_tokens("hello", model="gpt-4o") == 2


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-5], lambda data: data + b"\0", lambda data: data.rpartition(b"\n")[0]]
)
def test_a_damaged_vocabulary_is_neither_used_nor_removed(vocabulary, damage):
    path, data = vocabulary
    path.write_bytes(damage(data))
    assert not preload("gpt-4o")
    assert estimate_tokens("hello", model="gpt-4o") == 2
    assert path.exists()


def test_an_event_loop_never_loads_a_vocabulary_but_uses_one_that_is_loaded(vocabulary):
    path, data = vocabulary
    path.write_bytes(data)

    async def estimated():
        return estimate_tokens("hello", model="gpt-4o")

    assert asyncio.run(estimated()) == 2
    assert preload("gpt-4o")
    assert asyncio.run(estimated()) == 5


def test_a_vocabulary_that_somebody_loaded_already_is_used(vocabulary):
    sys.modules["tiktoken"].registry.ENCODINGS["o200k_base"] = SimpleNamespace(
        encode_ordinary=lambda text: [0] * 77
    )
    assert estimate_tokens("hello", model="gpt-4o") == 77


def test_without_tiktoken_the_rule_counts(monkeypatch):
    monkeypatch.setattr(tokens_vocabulary, "_known", {})
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    monkeypatch.setitem(sys.modules, "tiktoken.model", None)
    assert not preload("gpt-4o")
    assert estimate_tokens("hello", model="gpt-4o") == 2
