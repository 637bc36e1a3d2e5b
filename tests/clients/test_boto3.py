# SPDX-License-Identifier: MIT OR Apache-2.0
import boto3
import pytest
from botocore.config import Config
from proof import prove, reply
from trifuse.classify import Kind
from trifuse.testing import chaos

ASKED = {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
ONCE = {"retries": {"total_max_attempts": 1}}


@pytest.fixture
def server():
    with chaos.ChaosServer() as server:
        yield server


@pytest.fixture
def client(server):
    return made("bedrock-runtime", server)


def made(service, server, timeout=20):
    return boto3.client(
        service, endpoint_url=server.url, region_name="us-east-1",
        aws_access_key_id="k", aws_secret_access_key="s", config=Config(**ONCE, read_timeout=timeout),
    )  # fmt: skip


def said(status, code, message="x", **headers):
    return reply(status, {"message": message}, x_amzn_errortype=code, **headers)


@pytest.mark.parametrize(
    ("step", "kind", "known"),
    [
        (
            said(429, "ThrottlingException", retry_after=7),
            Kind.rate_limited,
            {"status": 429, "retry_after": 7},
        ),
        (
            said(400, "ServiceQuotaExceededException"),
            Kind.quota_spent,
            {"code": "ServiceQuotaExceededException"},
        ),
        (said(503, "ServiceUnavailableException"), Kind.overloaded, {}),
        (said(429, "ModelNotReadyException"), Kind.overloaded, {}),
        (said(500, "InternalServerException"), Kind.transient, {}),
        (said(424, "ModelErrorException"), Kind.transient, {}),
        (said(408, "ModelTimeoutException"), Kind.timeout, {}),
        (said(403, "AccessDeniedException"), Kind.caller, {"status": 403}),
        (said(404, "ResourceNotFoundException"), Kind.caller, {}),
        (said(400, "ValidationException"), Kind.caller, {}),
        (said(400, "ValidationException", "Input is too long for requested model."), Kind.context_length, {}),
        (chaos.reset(), Kind.transient, {}),
    ],
)
def test_an_error_of_bedrock_is_of_the_right_kind(server, client, step, kind, known):
    server.default = step
    prove(lambda: client.converse(**ASKED), kind, **known)
    assert len(server.requests) == 1


def test_a_server_that_does_not_answer_is_a_timeout(server):
    server.default = chaos.hang(10)
    client = made("bedrock-runtime", server, 0.4)
    prove(lambda: client.converse(**ASKED), Kind.timeout)


def test_a_throttled_table_says_400(server):
    kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    server.default = reply(400, {"__type": kind, "message": "x"})
    prove(
        lambda: made("dynamodb", server).get_item(TableName="t", Key={"k": {"S": "1"}}),
        Kind.rate_limited,
        status=400,
    )


def test_a_bucket_that_is_too_busy_is_overloaded(server):
    server.default = reply(
        503, b"<Error><Code>SlowDown</Code><Message>x</Message></Error>", content_type="text/xml"
    )
    prove(lambda: made("s3", server).list_objects_v2(Bucket="b"), Kind.overloaded, code="SlowDown")


def test_a_port_where_nobody_listens_is_transient(server, client):
    server.stop()
    prove(lambda: client.converse(**ASKED), Kind.transient)
    server.start()


def test_what_is_wrong_with_the_call_itself_is_the_callers(server, client, monkeypatch, tmp_path):
    prove(lambda: client.converse(modelId="m", messages="no list"), Kind.caller)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bare = boto3.session.Session().client("bedrock-runtime", endpoint_url=server.url, region_name="us-east-1")
    prove(lambda: bare.converse(**ASKED), Kind.caller)
    assert not server.requests
