// SPDX-License-Identifier: MIT OR Apache-2.0
use ::http::{HeaderMap, Method, Request};

/// Whether a request may be made twice: GET, HEAD, OPTIONS, TRACE, PUT, DELETE, and whatever has an
/// `Idempotency-Key`.
///
/// ```
/// use http::{HeaderMap, Method};
/// use trifuse::http::is_idempotent;
///
/// let none = HeaderMap::new();
/// assert!(is_idempotent(&Method::PUT, &none) && !is_idempotent(&Method::POST, &none));
/// ```
#[must_use]
pub fn is_idempotent(method: &Method, headers: &HeaderMap) -> bool {
    method.is_idempotent() || headers.contains_key("idempotency-key")
}

/// The same request once more where it [may be made twice](is_idempotent): for
/// [`RetryLayer::clone_with`](crate::tower::RetryLayer::clone_with) and
/// [`HedgeLayer::clone_with`](crate::tower::HedgeLayer::clone_with).
///
/// ```
/// use http::Request;
/// use trifuse::http::clone_idempotent;
///
/// let get = Request::get("/search").body("")?;
/// let post = Request::post("/orders").body("{}")?;
/// assert!(clone_idempotent(&get).is_some() && clone_idempotent(&post).is_none());
/// # Ok::<(), http::Error>(())
/// ```
#[must_use]
pub fn clone_idempotent<B: Clone>(request: &Request<B>) -> Option<Request<B>> {
    is_idempotent(request.method(), request.headers()).then(|| request.clone())
}
