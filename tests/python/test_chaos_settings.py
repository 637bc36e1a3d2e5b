# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the chaos server and its steps refuse."""

import math

import pytest
from trifuse import ConfigurationError
from trifuse.testing import chaos
from trifuse.testing.chaos import ChaosServer, answer, hang, status, stream

BAD = [
    (lambda: status(199), "status"),
    (lambda: status(600), "status"),
    (lambda: status(True), "status"),
    (lambda: status(429, retry_after=-1), "retry_after"),
    (lambda: status(429, retry_after=math.nan), "retry_after"),
    (lambda: status(429, retry_after="1\r\nx: y"), "retry_after"),
    (lambda: status(429, retry_after=1, retry_after_as="hours"), "retry_after_as"),
    (lambda: status(429, headers={"a": "b\r\nc: d"}), "headers"),
    (lambda: status(429, headers="a: b"), "headers"),
    (lambda: status(500, type=3), "type"),
    (lambda: status(500, limits=(1, 2)), "limits"),
    (lambda: answer(7), "texts"),
    (lambda: answer(usage=(1,)), "usage"),
    (lambda: answer(usage=(1, -1)), "usage"),
    (lambda: answer(usage=(1, 1.5)), "usage"),
    (lambda: answer(after=math.inf), "after"),
    (lambda: answer(finish_reason=1), "finish_reason"),
    (lambda: stream("a", then="reset"), "then"),
    (lambda: stream("a", then=answer()), "then"),
    (lambda: stream("a", gap="1"), "gap"),
    (lambda: stream("a", keep_alive=0), "keep_alive"),
    (lambda: hang(-1), "seconds"),
    (lambda: chaos.drip(None), "seconds"),
    (lambda: chaos.raw("text"), "chunks"),
    (lambda: chaos.raw(b"", then=chaos.end()), "then"),
    (lambda: chaos.tool_call(""), "name"),
    (lambda: chaos.reasoning(None), "text"),
    (lambda: chaos.pause(math.nan), "seconds"),
    (lambda: chaos.rate_limits(requests=(1, 2)), "requests"),
    (lambda: chaos.rate_limits(tokens=(1, -2, 3)), "tokens"),
    (lambda: ChaosServer(port=65_536), "port"),
    (lambda: ChaosServer(port=-1), "port"),
    (lambda: ChaosServer(host=""), "host"),
    (lambda: ChaosServer(keep=-1), "keep"),
    (lambda: ChaosServer(default="hello"), "default"),
    (lambda: ChaosServer().script("hello"), "steps"),
    (lambda: ChaosServer().script(answer(), path=""), "path"),
    (lambda: ChaosServer().script(answer(), model=3), "model"),
]


@pytest.mark.parametrize(("make", "field"), BAD)
def test_what_makes_no_sense_is_refused_by_name(make, field):
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert caught.value.field == field
