// SPDX-License-Identifier: MIT OR Apache-2.0
use ::http::HeaderMap;
use ::http::header::CONTENT_TYPE;

use crate::classify::Classification;
use crate::http::status::busy;
use crate::text::Outcome;

/// The number in `grpc-status`, of headers or trailers.
///
/// ```
/// let mut trailers = http::HeaderMap::new();
/// assert_eq!(trifuse::http::grpc_status(&trailers), None);
/// trailers.insert("grpc-status", http::HeaderValue::from_static("14"));
/// assert_eq!(trifuse::http::grpc_status(&trailers), Some(14));
/// ```
#[must_use]
pub fn grpc_status(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.trim().parse().ok()
}

/// What headers or trailers of gRPC say.
///
/// | status | outcome |
/// |---|---|
/// | 0 OK | success |
/// | 4 `DEADLINE_EXCEEDED` | timeout |
/// | 2 `UNKNOWN`, 8 `RESOURCE_EXHAUSTED`, 10 `ABORTED`, 13 `INTERNAL`, 14 `UNAVAILABLE`, 15 `DATA_LOSS`, all that have no name; none | failure |
/// | 1 `CANCELLED` and the caller's mistakes: 3, 5, 6, 7, 9, 11, 12, 16 | ignored |
///
/// A failure with `grpc-retry-pushback-ms` or `retry-after` is one that says when to come back; a negative
/// time, that no retry is welcome.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use trifuse::Outcome;
///
/// let mut trailers = HeaderMap::new();
/// trailers.insert("grpc-status", HeaderValue::from_static("5")); // NOT_FOUND
/// assert_eq!(trifuse::http::classify_grpc(&trailers).outcome(), Outcome::Ignored);
/// ```
#[must_use]
pub fn classify_grpc(headers: &HeaderMap) -> Classification {
    match grpc_status(headers) {
        Some(0) => Outcome::Success.into(),
        Some(4) => Outcome::Timeout.into(),
        Some(1 | 3 | 5 | 6 | 7 | 9 | 11 | 12 | 16) => Outcome::Ignored.into(),
        _ => busy(headers),
    }
}

/// Not gRPC-Web, whose trailers are in the body.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
    kind.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}
