# SPDX-License-Identifier: MIT OR Apache-2.0
# Keys of cache entries: row 29's `llm:{prompt}`, and no two different calls with the same one.
import enum
import hashlib
import itertools
import random

import pytest
from trifuse import ConfigurationError
from trifuse.cache._keys import Keyer, UnkeyableError, canonical, checked_key


def answer(prompt, model="small", *, temperature=0.0, **more):
    pass


def key_of(*args, key=None, hashed=False, fn=answer, **kwargs):
    return Keyer(key, hashed=hashed, fn=fn).key(args, kwargs)


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_default_key_is_that_of_the_founding_documents():
    assert key_of("why?") == "llm:why?"
    assert key_of(prompt="why?") == "llm:why?"
    assert key_of("why?", fn=lambda question: None) == "llm:why?"
    assert key_of("why?", key="llm:{prompt}") == "llm:why?"
    assert key_of("why?", fn=None) == key_of(q="why?", fn=None) == "llm:why?"


def test_an_argument_with_its_default_is_none():
    assert key_of("why?", "small", temperature=0.0) == "llm:why?"


def test_other_arguments_are_told_by_a_digest_behind_the_prompt():
    keys = {
        key_of("why?"),
        key_of("why?", "large"),
        key_of("why?", temperature=1.0),
        key_of("why?", temperature=True),
        key_of("why?", temperature=0),
        key_of("why?", seed=1),
        key_of("why?", seed="1"),
        key_of("why?", seed=None),
        key_of("why?", "large", seed=1),
    }
    assert len(keys) == 9
    assert all(key.startswith("llm:why?#") and len(key) == 41 for key in keys - {"llm:why?"})


def test_the_object_of_a_method_is_no_argument():
    class Client:
        def answer(self, prompt):
            pass

    assert Keyer(None, hashed=False, fn=Client.answer).key((Client(), "why?"), {}) == "llm:why?"
    assert Keyer(None, hashed=False, fn=Client().answer).key(("why?",), {}) == "llm:why?"


def test_a_call_without_a_prompt_is_told_by_a_digest_alone():
    key = key_of([{"role": "user", "content": "why?"}], fn=lambda messages: None)
    assert key.startswith("llm:#")
    assert key != key_of([{"role": "user", "content": "how?"}], fn=lambda messages: None)


def test_hashed_keys_hold_nothing_of_the_prompt():
    assert key_of("why?", hashed=True) == f"llm:{sha('why?')}"
    assert key_of("why?", hashed=True, key="faq:{prompt}") == f"faq:{sha('why?')}"
    assert key_of("why?", "large", hashed=True).startswith("llm:#")
    assert key_of("why?", hashed=True, key=lambda prompt: f"mine {prompt}") == sha("mine why?")
    for key in (key_of("why?", hashed=True), key_of("why?", "large", hashed=True)):
        assert "why" not in key


def test_a_format_shows_several_arguments_and_texts_never_run_into_one_another():
    def fn(tenant, prompt):
        pass

    keys = {
        key_of(*pair, key="{tenant}:{prompt}", fn=fn) for pair in (("a", "b:c"), ("a:b", "c"), ("a:b:c", ""))
    }
    assert len(keys) == 3
    assert all(key.startswith("a:b:c") for key in keys)


def test_a_prompt_that_looks_like_a_key_of_ours_gets_no_other_entry():
    for hashed in (False, True):
        taken = key_of("why?", "large", hashed=hashed)
        assert key_of(taken.removeprefix("llm:"), hashed=hashed) != taken
    made = key_of("why?", "large")
    assert key_of(made.removeprefix("llm:"), "large") != made


def test_a_shown_argument_may_have_its_default():
    assert key_of("why?", key="{model}/{prompt}").startswith("small/why?#")
    assert key_of("why?", "large", key="{model}/{prompt}").startswith("large/why?#")


def test_a_function_may_make_the_key():
    assert key_of("why?", key=lambda prompt, **_: prompt.upper()) == "WHY?"
    with pytest.raises(UnkeyableError, match="gave a int, not a text"):
        key_of("why?", key=lambda prompt: 3)


@pytest.mark.parametrize(
    "bad", ["", "llm:", "{}", "{0}", "{prompt", "{prompt!r}", "{prompt:>9}", "{a.b}", "{a[0]}", 3, []]
)
def test_what_is_no_format_of_arguments_is_refused(bad):
    with pytest.raises(ConfigurationError, match="key="):
        checked_key(bad)


def test_a_format_of_an_argument_that_there_is_not_is_refused():
    with pytest.raises(ConfigurationError, match="a format of the function's arguments: question"):
        Keyer("llm:{prompt}", hashed=False, fn=lambda question: None)
    assert key_of("x", key="{other}", other="given") == key_of("x", other="given", key="{other}")


def test_arguments_that_cannot_be_told_apart_make_no_key_and_the_error_shows_none_of_them():
    class Opaque:
        def __repr__(self):
            return "secret"

    loop = []
    loop.append(loop)
    for bad in (Opaque(), {1: 2}, [Opaque()], object(), loop, {"secret": {2: 3}}):
        with pytest.raises(UnkeyableError) as caught:
            key_of("why?", more=bad)
        assert "secret" not in str(caught.value)
    with pytest.raises(UnkeyableError, match="not those of the function"):
        key_of()
    with pytest.raises(UnkeyableError, match="no argument 'prompt'"):
        key_of(key="{prompt}", fn=lambda **more: None, other=1)


def test_what_is_written_the_same_is_the_same():
    class Colour(enum.StrEnum):
        RED = "red"

    assert canonical({"b": 1, "a": [1, (2,)]}) == canonical({"a": (1, [2]), "b": 1})
    assert canonical(Colour.RED) == canonical("red")
    different = [
        None, True, 1, 1.0, "1", "true", "null", [], {}, "", [[]], [{}], {"": 1}, {"=": {}}, b"", b"1", bytearray(b"12"),
        int, Colour, float("nan"), float("inf"), {"bytes": "x"}, {"type": "builtins.int"}, "\ud800", "a\nb",
    ]  # fmt: skip
    for one, other in itertools.combinations(different, 2):
        assert canonical(one) != canonical(other), (one, other)


def test_no_two_calls_of_many_share_a_key():
    rng = random.Random(5)
    texts = ["", "a", "a#", "#", "llm:", "{prompt}", "a:b", "b", "=", '{"prompt":"a"}']
    calls = {}
    for _ in range(3000):
        prompt, model = rng.choice(texts) + rng.choice(texts), rng.choice(["small", "large", "a"])
        more = {
            name: rng.choice([1, True, "1", None, [1]]) for name in rng.sample(["x", "y"], rng.randrange(3))
        }
        for number, how in enumerate(({}, {"hashed": True}, {"key": "{model}:{prompt}"})):
            made = key_of(prompt, model, **how, **more)
            what = canonical([prompt, model, more])
            assert calls.setdefault((number, made), what) == what


def test_surrogates_and_huge_prompts_make_keys():
    assert key_of("\ud800", hashed=True).startswith("llm:")
    assert len(key_of("x" * 1_000_000, hashed=True)) == 68
