# SPDX-License-Identifier: MIT OR Apache-2.0
# How values are written where they leave the process: they come back the same, or not at all.
import math

import pytest
from trifuse.cache import CodecError, JsonCodec, PickleCodec
from trifuse.cache import _envelope as envelope


@pytest.fixture
def wall(monkeypatch):
    """The wall clock in milliseconds, set by hand."""
    now = [1_700_000_000_000]
    monkeypatch.setattr(envelope, "wall_ms", lambda: now[0])
    monkeypatch.setattr("trifuse.cache._sqlite.wall_ms", lambda: now[0])
    return now


class TestJson:
    """What JSON does not give back the same is refused."""

    @pytest.mark.parametrize(
        "value",
        [
            None,
            True,
            0,
            -(2**70),
            1.5,
            -0.0,
            1e308,
            "",
            "\ud800 é \x00",
            [],
            [[1], {}],
            {"a": {"": [None, False, 1.0]}},
        ],
    )
    def test_what_comes_back_the_same_is_taken(self, value):
        back = JsonCodec().decode(JsonCodec().encode(value))
        assert back == value
        assert type(back) is type(value)
        assert repr(back) == repr(value)

    @pytest.mark.parametrize(
        "value",
        [(1,), {1: 2}, {None: 1}, {True: 1}, {"a": (1,)}, [b""], {1, 2}, object(), math.nan, math.inf, [{"a": -math.inf}],
         type("Text", (str,), {})("x"), type("Number", (int,), {})(1), type("Table", (dict,), {})()],
    )  # fmt: skip
    def test_what_would_not_is_refused_without_showing_it(self, value):
        with pytest.raises(CodecError):
            JsonCodec().encode(value)

    def test_what_contains_itself_or_is_too_deep_is_refused(self):
        loop, deep = [], []
        loop.append(loop)
        for _ in range(100_000):
            deep = [deep]
        for value in (loop, deep):
            with pytest.raises(CodecError):
                JsonCodec().encode(value)
        del loop[:]
        while deep:
            deep = deep.pop()


class TestEnvelope:
    def test_any_spoilt_byte_is_noticed(self, wall):
        data = envelope.seal(JsonCodec(), {"answer": "why?"}, 60)
        assert envelope.unseal(JsonCodec(), data).value == {"answer": "why?"}
        for place in range(len(data)):
            spoilt = bytearray(data)
            spoilt[place] ^= 0x01
            try:
                assert envelope.unseal(JsonCodec(), bytes(spoilt)) is None
            except envelope.CorruptedError:
                pass
        for length in range(len(data)):
            try:
                assert envelope.unseal(JsonCodec(), data[:length]) is None
            except envelope.CorruptedError:
                pass

    def test_what_is_not_ours_or_of_another_version_or_codec_is_left_alone(self, wall):
        for data in (b"", b"plain", b"trifuse/2 1 2 json 0\nx", envelope.seal(PickleCodec(), 1, 60)):
            assert envelope.unseal(JsonCodec(), data) is None

    def test_age_and_time_are_those_of_the_wall_clock(self, wall):
        data = envelope.seal(JsonCodec(), 1, 60)
        wall[0] += 59_999
        assert envelope.unseal(JsonCodec(), data).age == pytest.approx(59.999)
        wall[0] += 1
        assert envelope.unseal(JsonCodec(), data) is None
        wall[0] -= 60_000 + 30_000
        assert envelope.unseal(JsonCodec(), data).age == 0
        wall[0] -= 31_000
        with pytest.raises(envelope.CorruptedError):
            envelope.unseal(JsonCodec(), data)
