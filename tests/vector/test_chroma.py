# SPDX-License-Identifier: MIT OR Apache-2.0
# Proves SEED-11.
"""Chroma, embedded: the empty results are those of Chroma, mistakes are raised, fallbacks answer."""

from __future__ import annotations

import copy
import inspect
import itertools
import pickle
import time

import chromadb
import numpy as np
import pytest
from chromadb.api.fastapi import FastAPI
from chromadb.errors import InvalidArgumentError, NotFoundError
from embedded import ONE, TWO, same
from trifuse import ConfigurationError, ForcedOpenError, Retry, registry
from trifuse.contrib._vector.chroma import _limit_session
from trifuse.contrib.chromadb import connect, describe, protect

_numbers = itertools.count()


EVERY = ["documents", "metadatas", "embeddings", "uris", "distances"]
NOTHING = {"where": {"n": -1}}
CALLS = {
    "one vector": ("query", {"query_embeddings": ONE, **NOTHING}),
    "two vectors": ("query", {"query_embeddings": [ONE, TWO], **NOTHING}),
    "an array": ("query", {"query_embeddings": np.array([ONE, TWO, ONE]), **NOTHING}),
    "all columns": ("query", {"query_embeddings": [ONE, TWO], "include": EVERY, **NOTHING}),
    "no columns": ("query", {"query_embeddings": [ONE], "include": [], **NOTHING}),
    "get": ("get", dict(NOTHING)),
    "get all columns": ("get", {"include": EVERY[:-1], **NOTHING}),
    "get no columns": ("get", {"include": [], "ids": ["none"]}),
}


@pytest.mark.parametrize("case", CALLS)
def test_an_empty_result_is_what_chroma_itself_gives_when_it_finds_nothing(case, bare, name):
    method, arguments = CALLS[case]
    guarded = protect(bare, name=name)
    expected = getattr(bare, method)(**copy.deepcopy(arguments))
    guarded.circuit_breaker.force_open()
    assert same(getattr(guarded, method)(**arguments), expected)


def test_peek_and_count_of_an_open_breaker_are_those_of_an_empty_collection(client, bare, name):
    nothing = client.create_collection(f"empty-{next(_numbers)}", embedding_function=None)
    guarded = protect(bare, name=name)
    guarded.circuit_breaker.force_open()
    assert same(guarded.peek(), nothing.peek())
    assert guarded.count() == nothing.count() == 0
    searched = guarded.search(["one", "two"])
    assert searched.rows() == [[], []]


def test_texts_count_as_queries_without_being_embedded(texts, embedder, name):
    guarded = protect(texts, name=name)
    guarded.circuit_breaker.force_open()
    assert guarded.query(query_texts="one")["ids"] == [[]]
    assert guarded.query(query_texts=["one", "two"])["ids"] == [[], []]
    assert guarded.query(None, ["one", "two", "three"])["ids"] == [[], [], []]


def test_a_guarded_collection_is_a_collection_and_gives_what_it_gives(bare, name):
    guarded = protect(bare, name=name)
    assert isinstance(guarded, chromadb.Collection)
    assert (guarded.name, guarded.id, guarded == bare, bare == guarded) == (bare.name, bare.id, True, True)
    assert same(guarded.query(query_embeddings=[ONE]), bare.query(query_embeddings=[ONE]))
    assert inspect.signature(guarded.query) == inspect.signature(bare.query)
    assert copy.deepcopy(guarded) is guarded
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(guarded)
    guarded.upsert(ids=["c"], embeddings=[ONE])
    assert bare.count() == guarded.count() == 3
    assert guarded.circuit_breaker.snapshot().successes == 3


MISTAKES = {
    "a wrong dimension": (lambda c: c.query(query_embeddings=[1.0, 2.0]), InvalidArgumentError),
    "no query": (lambda c: c.query(), ValueError),
    "a bad filter": (lambda c: c.get(where={"$no": 1}), InvalidArgumentError),
    "no results wanted": (lambda c: c.query(query_embeddings=ONE, n_results=0), TypeError),
    "an unknown argument": (lambda c: c.query(query=ONE), TypeError),
    "twice the same id": (lambda c: c.add(ids=["x", "x"], embeddings=[ONE, ONE]), Exception),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_caller_is_raised_and_never_counts(mistake, bare, name):
    call, error = MISTAKES[mistake]
    guarded = protect(bare, name=name, consecutive_failures=1)
    with pytest.raises(error):
        call(guarded)
    taken = guarded.circuit_breaker.snapshot()
    assert (taken.ignored, taken.failures, taken.state) == (1, 0, "closed")


def test_a_collection_that_is_gone_is_a_mistake_not_an_empty_result(client, name):
    bare = client.create_collection(f"gone-{next(_numbers)}", embedding_function=None)
    guarded = protect(bare, name=name)
    client.delete_collection(bare.name)
    with pytest.raises(NotFoundError):
        guarded.count()


def test_writes_have_no_fallback_unless_they_are_given_one(bare, name):
    guarded = protect(bare, name=name)
    guarded.circuit_breaker.force_open()
    with pytest.raises(ForcedOpenError):
        guarded.upsert(ids=["c"], embeddings=[ONE])
    with pytest.raises(ForcedOpenError):
        guarded.delete(ids=["a"])
    for answer in ("answer", lambda **_: "answer", [lambda **_: 1 / 0, "answer"]):
        general = protect(bare, name=name, fallback=answer)
        assert general.get() == "answer"
        with pytest.raises(ForcedOpenError):
            general.delete(ids=["a"])
    kept = []
    other = protect(
        bare, name=name + "-kept", fallback={"add": lambda **call: kept.append(call["ids"]), "count": -1}
    )
    other.circuit_breaker.force_open()
    other.add(ids=["c"], embeddings=[ONE])
    assert kept == [["c"]]
    assert other.count() == -1
    assert other.get()["ids"] == []


def test_a_chain_is_asked_in_order_with_the_arguments_of_the_call_and_may_end_with_the_empty_result(
    bare, name
):
    asked = []

    def cached(**call):
        asked.append(call["query_embeddings"])
        raise KeyError

    guarded = protect(bare, name=name, fallback={"query": [cached, "empty"], "get": None})
    guarded.circuit_breaker.force_open()
    assert guarded.query(query_embeddings=[ONE])["ids"] == [[]]
    assert asked == [[ONE]]
    with pytest.raises(ForcedOpenError):
        guarded.get()


def test_a_fallback_by_kind_of_error_has_its_empty_results_too(bare, name):
    guarded = protect(
        bare, name=name, fallback={"timeout": ["empty"], "default": [lambda **_: "other", "empty"]}
    )
    guarded.circuit_breaker.force_open()
    assert guarded.query(query_embeddings=[ONE]) == "other"
    assert guarded.get() == "other"


@pytest.mark.parametrize("value", [{"ids": ["kept"]}, [1, 2], [], "text", ("a", "b"), 0])
def test_any_value_of_a_method_is_given_as_it_is(value, bare, name):
    guarded = protect(bare, name=name, fallback={"get": value})
    guarded.circuit_breaker.force_open()
    assert guarded.get() == value


def test_a_guarded_client_opens_guarded_collections_of_the_same_breaker(client, bare, name):
    guarded = protect(client, name=name, embeddings=False)
    opened = guarded.get_collection(bare.name, embedding_function=None)
    assert isinstance(opened, chromadb.Collection)
    assert opened.circuit_breaker is guarded.circuit_breaker
    assert all(each.circuit_breaker is guarded.circuit_breaker for each in guarded.list_collections())
    guarded.circuit_breaker.force_open()
    assert guarded.list_collections() == []
    assert opened.get()["ids"] == []
    with pytest.raises(ForcedOpenError):
        guarded.get_collection(bare.name)


def test_connect_makes_the_collection_when_it_is_needed_and_tries_again_after_a_failure(bare, quick):
    made = []

    def make():
        made.append(1)
        if len(made) < 3:
            raise ValueError("Could not connect to a Chroma server. Are you sure it is running?")
        return bare

    guarded = connect(make, **quick)
    assert isinstance(guarded, chromadb.Collection)
    repr(guarded)
    assert not hasattr(guarded, "__wrapped__")
    assert made == []
    assert guarded.query(query_embeddings=[ONE, TWO])["ids"] == [[], []]
    assert guarded.count() == 0
    assert guarded.circuit_breaker.state == "open"  # a ValueError of connecting is no mistake
    time.sleep(0.25)
    assert guarded.query(query_embeddings=ONE, n_results=1)["ids"] == [["a"]]
    assert len(made) == 3
    taken = guarded.circuit_breaker.snapshot()
    assert (taken.state, taken.successes) == ("closed", 1)  # to connect and to ask was one call


def test_describe_lists_what_passes_through_and_what_answers(bare, name):
    guarded = protect(bare, name=name)
    told = describe(guarded)
    assert told["unguarded"] == []
    assert told["fallback"] == {each: ["empty"] for each in ("count", "get", "peek", "query", "search")}
    assert {"add", "delete", "update", "upsert"} <= set(told["writes"])

    class Mine(chromadb.Collection):
        def shuffle(self):
            return "mine"

    mine = protect(Mine(client=bare._client, model=bare.get_model()), name=name)
    assert mine.shuffle() == "mine"
    assert describe(mine)["unguarded"] == ["shuffle"]
    with pytest.raises(TypeError, match="is not guarded"):
        describe(bare)


BAD = {
    "no object of chroma": lambda c: protect(object()),
    "a class": lambda c: protect(type(c)),
    "guarded twice": lambda c: protect(protect(c, name="twice"), name="twice"),
    "an unknown method": lambda c: protect(c, name="unknown", fallback={"querry": []}),
    "empty where there is none": lambda c: protect(c, name="none", fallback={"add": "empty"}),
    "a bad total": lambda c: protect(c, total=float("nan")),
    "a policy of another kind": lambda c: protect(c, bulkhead=Retry()),
    "a bad pool": lambda c: protect(c, pool=4, thread=True),
    "a bad pool that is not used": lambda c: protect(c, pool=4),
    "an empty name": lambda c: protect(c, name=""),
    "a thread that is neither on nor off": lambda c: protect(c, thread="no"),
    "the same of a connection": lambda c: connect(lambda: c, thread="no"),
    "a bad embedding": lambda c: protect(c, embeddings=3),
    "connect without a function": lambda c: connect(c),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_refused(case, bare):
    with pytest.raises(ConfigurationError):
        BAD[case](bare)


def test_to_compare_or_to_keep_what_is_not_connected_yet_does_not_connect_it(bare, name):
    made = []

    def make():
        made.append(bare)
        return bare

    lazy, other, guarded = connect(make, name=name), connect(make, name=name), protect(bare, name=name)
    assert {lazy: 1}[lazy] == 1
    assert lazy == lazy
    assert lazy not in (other, guarded)
    assert guarded != lazy
    before = hash(lazy)
    assert made == []
    assert lazy.count() == guarded.count()
    assert (hash(lazy), guarded == bare) == (before, True)


def test_a_version_that_hides_its_http_client_is_told_of(bare, name, caplog):
    protect(bare, name=name)
    assert not caplog.records
    hidden = FastAPI.__new__(FastAPI)
    for without in (hidden, None):
        _limit_session(without, 5.0)
        assert "do not end" in caplog.records.pop().getMessage()
        caplog.clear()


def test_protected_twice_with_the_same_settings_they_share_the_breaker(bare, name):
    def own(error):
        return isinstance(error, KeyError)

    one, other = (protect(bare, name=name, ignore=own) for _ in range(2))
    assert one.circuit_breaker is other.circuit_breaker
    with pytest.raises(ConfigurationError, match="another name"):
        protect(bare, name=name, ignore=KeyError)


def test_where_nothing_is_embedded_there_is_no_breaker_for_it(bare, name):
    guarded = protect(bare, name=name)
    guarded.query(query_embeddings=ONE)
    assert f"{name}:embeddings" not in registry
    assert guarded.describe()["embeddings"] is None
    with pytest.raises(ConfigurationError):
        protect(bare, name=name + "-bad", embeddings={"request_timeout": -1})


def test_an_unknown_setting_is_a_type_error(bare):
    with pytest.raises(TypeError, match="no setting 'falback'"):
        protect(bare, falback=None)
