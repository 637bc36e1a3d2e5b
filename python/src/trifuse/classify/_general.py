# SPDX-License-Identifier: MIT OR Apache-2.0
"""Data: codes, texts and statuses that mean the same whatever class carries them."""

from __future__ import annotations

from trifuse.classify._kinds import Kind

_FIRM = {
    Kind.quota_spent: """
        insufficient_quota quota_exceeded exceeded_current_quota_error billing_error billing_hard_limit_reached
        billing_not_active credit_balance_too_low insufficient_balance insufficient_credits insufficient_funds
        arrearage payment_required contract_spend_limit_reached enforced_spend_limit_reached
        linked_organization_spend_limit_reached linked_organization_billing_unavailable storage_quota_exceeded
        user_profile_not_billable servicequotaexceededexception""",
    Kind.context_length: """
        context_length_exceeded context_window_exceeded string_above_max_length max_context_length_exceeded
        input_too_long prompt_too_long model_max_prompt_tokens_exceeded exceed_context_size_error""",
    Kind.content_filter: """
        content_filter content_policy_violation responsibleaipolicyviolation moderation_blocked
        content_policy_violation_error image_content_policy_violation data_inspection_failed""",
    Kind.rate_limited: """
        rate_limit_exceeded rate_limit_error rate_limit_reached rate_limit_reached_error rate_limited
        too_many_requests ratelimitexceeded userratelimitexceeded ramp_limit_exceeded""",
    Kind.overloaded: "overloaded_error overloaded engine_overloaded engine_overloaded_error server_overloaded",
}
FIRM = {word: kind for kind, words in _FIRM.items() for word in words.split()}
"""Codes and types, in small letters, that are believed before the status."""

_WEAK = {
    Kind.transient: "server_error api_error internal_error internal_server_error upstream_error conflict_error",
    Kind.overloaded: "service_unavailable service_unavailable_error slow_down",
    Kind.timeout: "timeout_error request_timeout",
    Kind.caller: """
        invalid_request_error authentication_error permission_error not_found_error request_too_large
        invalid_api_key model_not_found unsupported_parameter invalid_prompt""",
}
WEAK = {word: kind for kind, words in _WEAK.items() for word in words.split()}
"""Codes and types that are believed where there is no status, as for an error within a stream."""

_REQUESTS = (None, 400, 403, 413, 422)
TEXTS: tuple[tuple[Kind, tuple[int | None, ...], tuple[str, ...]], ...] = (
    (
        Kind.quota_spent,
        (None, 400, 402, 403, 429),
        (
            "insufficient_quota",
            "exceeded your current quota, please check your plan and billing",
            "credit balance is too low",
            "insufficient credits",
            "insufficient balance",
            "requestsperday",
            "tokensperday",
            "perdayper",
        ),
    ),
    (
        Kind.context_length,
        _REQUESTS,
        (
            "context_length_exceeded",
            "maximum context length",
            "context length exceeded",
            "exceeded max context length",
            "exceed context limit",
            "exceeds the context",
            "exceeds the available context size",
            "context window",
            "prompt is too long",
            "prompt too long",
            "input is too long",
            "too many tokens",
            "exceeds the maximum number of tokens",
            "reduce the length of the messages",
        ),
    ),
    (
        Kind.content_filter,
        _REQUESTS,
        (
            "content management policy",
            "content filtering policy",
            "content_policy_violation",
            "responsibleaipolicyviolation",
            "our safety system",
            "violating our usage policy",
        ),
    ),
)
"""Kind, statuses, and what the message of a known client's error contains, in small letters."""

_STATUSES = {
    Kind.quota_spent: (402,),
    Kind.timeout: (408, 504, 522, 524, 598, 599),
    Kind.transient: (409, 425),
    Kind.rate_limited: (429,),
    Kind.overloaded: (503, 529),
}
STATUSES = {status: kind for kind, statuses in _STATUSES.items() for status in statuses}
_SERVER = 500


def of_status(status: int) -> Kind:
    """Give the kind of an HTTP status from 400 to 599."""
    return STATUSES.get(status, Kind.transient if status >= _SERVER else Kind.caller)
