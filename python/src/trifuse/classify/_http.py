# SPDX-License-Identifier: MIT OR Apache-2.0
"""Data: clients of HTTP and gRPC, and of the services of AWS."""

from __future__ import annotations

from trifuse.classify._kinds import Kind
from trifuse.classify._rows import WRAPPER, Row, named

POOL_TIMEOUTS = tuple(f"{module}.PoolTimeout" for module in ("httpx", "httpx2", "httpcore", "httpcore2"))
BAD_URLS = tuple(
    f"{module}.{name}"
    for module in ("httpx", "httpx2", "httpcore", "httpcore2")
    for name in ("UnsupportedProtocol", "LocalProtocolError", "InvalidURL")
)


def _httpx(module: str) -> tuple[Row, ...]:
    return (
        *named(Kind.local, module, "PoolTimeout ConnectionNotAvailable"),
        *named(Kind.timeout, module, "TimeoutException"),
        *named(Kind.transient, module, "TransportError NetworkError ProtocolError ProxyError"),
        *named(Kind.transient, module, "DecodingError TooManyRedirects"),
        *named(
            Kind.caller,
            module,
            "UnsupportedProtocol LocalProtocolError InvalidURL CookieConflict StreamError",
        ),
    )


_GRPC = {
    Kind.caller: """
        invalid_argument not_found already_exists permission_denied unauthenticated failed_precondition
        out_of_range unimplemented""",
    Kind.transient: "unavailable internal aborted data_loss",
    Kind.timeout: "deadline_exceeded",
    Kind.rate_limited: "resource_exhausted",
    Kind.cancelled: "cancelled",
}


def grpc_rows(*classes: str) -> tuple[Row, ...]:
    """Make the rows of classes that carry the name of a gRPC status."""
    return tuple(
        row
        for name in classes
        for row in (
            Row(name, Kind.caller, words=("resource_exhausted",), texts=("message larger than max",)),
            *(Row(name, kind, words=tuple(words.split())) for kind, words in _GRPC.items()),
        )
    )


_AWS = {
    Kind.rate_limited: """
        throttling throttlingexception throttledexception requestthrottledexception requestthrottled
        toomanyrequestsexception provisionedthroughputexceededexception requestlimitexceeded
        bandwidthlimitexceeded limitexceededexception ec2throttledexception priorrequestnotcomplete""",
    Kind.overloaded: """
        slowdown serviceunavailable serviceunavailableexception modelnotreadyexception
        servicetemporarilyunavailable""",
    Kind.timeout: "requesttimeout requesttimeoutexception modeltimeoutexception",
    Kind.transient: """
        internalerror internalfailure internalserverexception internalservererror internalserviceerror
        modelerrorexception modelstreamerrorexception transactioninprogressexception""",
    Kind.quota_spent: "servicequotaexceededexception",
}

FIRST = (
    *grpc_rows("grpc.RpcError", "google.api_core.exceptions.GoogleAPICallError"),
    *(
        Row("botocore.exceptions.ClientError", kind, words=tuple(words.split()))
        for kind, words in _AWS.items()
    ),
    Row("urllib3.exceptions.ResponseError", Kind.rate_limited, texts=("too many 429",)),
)
"""Rows that are looked at before codes and statuses."""

ROWS = (
    *(row for module in ("httpx", "httpx2", "httpcore", "httpcore2") for row in _httpx(module)),
    *named(
        Kind.transient, "requests.exceptions", "ConnectionError ChunkedEncodingError ContentDecodingError"
    ),
    *named(Kind.transient, "requests.exceptions", "RetryError TooManyRedirects JSONDecodeError"),
    *named(Kind.timeout, "requests.exceptions", "Timeout ConnectTimeout"),
    *named(Kind.caller, "requests.exceptions", "InvalidJSONError InvalidURL MissingSchema InvalidSchema"),
    *named(Kind.caller, "requests.exceptions", "InvalidHeader URLRequired StreamConsumedError"),
    *named(Kind.timeout, "aiohttp", "ServerTimeoutError"),
    *named(Kind.transient, "aiohttp", "ClientConnectionError ClientPayloadError ClientResponseError"),
    *named(Kind.caller, "aiohttp", "InvalidURL NonHttpUrlClientError"),
    Row("urllib3.exceptions.MaxRetryError", WRAPPER),
    *named(Kind.timeout, "urllib3.exceptions", "TimeoutError"),
    *named(Kind.local, "urllib3.exceptions", "EmptyPoolError FullPoolError ClosedPoolError"),
    *named(Kind.transient, "urllib3.exceptions", "NewConnectionError SSLError ProxyError ProtocolError"),
    *named(
        Kind.transient, "urllib3.exceptions", "DecodeError IncompleteRead InvalidChunkLength ResponseError"
    ),
    *named(Kind.caller, "urllib3.exceptions", "LocationValueError InvalidHeader TimeoutStateError"),
    *named(Kind.timeout, "grpc", "FutureTimeoutError"),
    *named(Kind.cancelled, "grpc", "FutureCancelledError"),
    *named(Kind.timeout, "google.api_core.exceptions", "RetryError"),
    *named(Kind.timeout, "botocore.exceptions", "ConnectTimeoutError ReadTimeoutError"),
    *named(Kind.transient, "botocore.exceptions", "ConnectionError HTTPClientError IncompleteReadError"),
    *named(Kind.transient, "botocore.exceptions", "CredentialRetrievalError MetadataRetrievalError"),
    *named(
        Kind.transient, "botocore.exceptions", "ChecksumError FlexibleChecksumError CapacityNotAvailableError"
    ),
    *named(Kind.transient, "botocore.exceptions", "ResponseParserError"),
    *named(Kind.transient, "botocore.parsers", "ResponseParserError"),
    *named(Kind.caller, "botocore.exceptions", "BotoCoreError"),
)
"""Rows that are looked at after codes and statuses."""
