# SPDX-License-Identifier: MIT OR Apache-2.0
"""Data: clients of language models, and libraries around them."""

from __future__ import annotations

from trifuse.classify._http import BAD_URLS, POOL_TIMEOUTS
from trifuse.classify._kinds import Kind
from trifuse.classify._rows import WRAPPER, Row, named

_OPENAI_LIKE = ("openai", "anthropic")

FIRST = (
    *(
        Row(f"{module}.APIConnectionError", kind, causes=causes)
        for module in _OPENAI_LIKE
        for kind, causes in ((Kind.local, POOL_TIMEOUTS), (Kind.caller, BAD_URLS))
    ),
    Row("openai.APIError", Kind.context_length, status=(429,), texts=("request too large for",)),
    *named(Kind.context_length, "litellm", "ContextWindowExceededError"),
    *named(Kind.content_filter, "litellm", "ContentPolicyViolationError BlockedPiiEntityError"),
    *named(Kind.caller, "litellm", "RejectedRequestError"),
    *named(Kind.quota_spent, "litellm", "PaymentRequiredError BudgetExceededError"),
    *named(Kind.timeout, "litellm", "Timeout"),
    *named(WRAPPER, "litellm", "MidStreamFallbackError APIConnectionError InternalServerError"),
    *named(Kind.context_length, "langchain_core.exceptions", "ContextOverflowError"),
    *named(Kind.quota_spent, "pydantic_ai.exceptions", "ModelQuotaExceededError"),
    *named(Kind.rate_limited, "pydantic_ai.exceptions", "ModelRateLimitError"),
    *named(Kind.overloaded, "pydantic_ai.exceptions", "ModelOverloadedError ModelUnavailableError"),
    *named(Kind.context_length, "pydantic_ai.exceptions", "ModelContextWindowExceededError"),
    Row("pydantic_ai.exceptions.ModelConnectionError", Kind.local, causes=POOL_TIMEOUTS),
)
"""Rows that are looked at before codes and statuses."""

ROWS = (
    *(
        row
        for module in _OPENAI_LIKE
        for row in (
            *named(Kind.timeout, module, "APITimeoutError"),
            *named(Kind.transient, module, "APIError APIConnectionError APIResponseValidationError"),
        )
    ),
    *named(Kind.context_length, "openai", "LengthFinishReasonError"),
    *named(Kind.content_filter, "openai", "ContentFilterFinishReasonError"),
    *named(Kind.transient, "openai", "WebSocketConnectionClosedError"),
    *named(Kind.local, "openai", "WebSocketQueueFullError"),
    *named(Kind.caller, "openai", "OpenAIError InvalidWebhookSignatureError"),
    *named(Kind.transient, "anthropic", "RetryableError"),
    *named(Kind.caller, "anthropic", "CredentialsError APIWebhookValidationError"),
    *named(Kind.transient, "mistralai", "NoResponseError ResponseValidationError"),
    *named(Kind.caller, "ollama", "RequestError"),
    *named(Kind.transient, "ollama", "ResponseError"),
    *named(Kind.caller, "litellm", "ModelNotMappedError GuardrailRaisedException"),
    Row("instructor.InstructorRetryException", WRAPPER),
    *named(Kind.context_length, "instructor", "IncompleteOutputException"),
    *named(
        Kind.caller, "instructor", "ConfigurationError ModeError ClientError TokenBudgetError MultimodalError"
    ),
    Row("pydantic_ai.exceptions.ModelAPIError", WRAPPER),
    *named(Kind.timeout, "pydantic_ai.exceptions", "ModelTimeoutError ModelRequestTimeout"),
    *named(Kind.transient, "pydantic_ai.exceptions", "ModelConnectionError ModelServerError"),
    *named(Kind.caller, "pydantic_ai.exceptions", "ModelRequestRejectedError UserError UsageLimitExceeded"),
    *named(Kind.content_filter, "pydantic_ai.exceptions", "ContentFilterError"),
    *named(Kind.context_length, "pydantic_ai.exceptions", "OutputTokenLimitExceeded"),
    *named(Kind.local, "pydantic_ai.exceptions", "ConcurrencyLimitExceeded"),
    *named(Kind.timeout, "langchain_core.exceptions", "ModelTimeoutError"),
    *named(Kind.transient, "langchain_core.exceptions", "ModelConnectionError ModelAPIError"),
    *named(Kind.rate_limited, "langchain_core.exceptions", "ModelRateLimitError"),
    *named(Kind.content_filter, "langchain_core.exceptions", "ModelRefusalError"),
    *named(Kind.content_filter, "langchain_openai", "OpenAIRefusalError OpenAIModerationError"),
    *named(Kind.caller, "langchain_core.exceptions", "ModelAuthenticationError ModelPermissionDeniedError"),
    *named(Kind.caller, "langchain_core.exceptions", "ModelInvalidRequestError ModelNotFoundError"),
)
"""Rows that are looked at after codes and statuses."""
