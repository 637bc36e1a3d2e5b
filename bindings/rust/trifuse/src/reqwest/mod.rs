// SPDX-License-Identifier: MIT OR Apache-2.0
//! A resilient client over [reqwest](https://docs.rs/reqwest).
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use std::time::Duration;
//! use trifuse::reqwest::{Client, Policies};
//! use trifuse::{CallError, Bulkhead, Config, Preset};
//!
//! let client = Client::builder()
//!     .client(reqwest::Client::new())
//!     .bulkhead(Bulkhead::builder("any").limit(20))
//!     .total_timeout(Duration::from_secs(10))
//!     .host("https://payments.example.com", Policies::new().circuit_breaker(Config::preset(Preset::Payment)))
//!     .build()?;
//! # let url = "http://127.0.0.1:1/";
//! match client.get(url).send().await {
//!     Ok(answer) => println!("{}", answer.status()),
//!     Err(CallError::Refused(refused)) => println!("answer without it: {refused}"),
//!     Err(CallError::TimedOut(late)) => println!("gave up: {late}"),
//!     Err(CallError::Operation(error)) => println!("reqwest's own error: {error}"),
//! }
//! # Ok::<(), trifuse::ConfigError>(())
//! # }).unwrap();
//! ```
//!
//! # The way of a request
//! The host's circuit breaker is asked, then its rate limit, then its bulkhead; then the request is sent. What
//! failed and may be sent twice is sent again, each time through all three.
//!
//! | answer | outcome | asked again |
//! |---|---|---|
//! | below 400 | success, once its body has ended | |
//! | 429, 500, 502, 503 and other 5xx, 409, 425, 403 with a Retry-After | failure | yes |
//! | 402 | failure | no |
//! | 408, 504, 522, 524 | timeout (a failure) | yes |
//! | 400, 401, 404, 422 and other mistakes of the caller | ignored | no |
//! | connection refused or reset, a broken answer, too many redirects | failure | yes, before the head |
//! | no head within `request_timeout`, a timeout of reqwest | timeout | yes |
//! | a request that cannot be built; its own body is a stream that breaks | ignored | no |
//! | body breaks half-way | failure | no: a part of it is with the caller |
//! | body not complete by `total_timeout` | timeout | no |
//! | body or request dropped before its end | ignored | |
//!
//! An answer that is a failure is returned as the answer that it is, when it is not asked again.
//!
//! # Asked again
//! are GET, HEAD, PUT, DELETE, OPTIONS, TRACE, and others that have an `Idempotency-Key` header, at most twice
//! unless the client has another [`Retry`](crate::Retry), and within its budget. Retry-After, in seconds or as a
//! date, is the wait, plus up to 10 %, never earlier; more than `retry_after_max` ends the request with the answer
//! as it is. A body that is a stream cannot be sent twice (`reqwest::Request::try_clone` gives none): such a
//! request is sent once. No retry begins that `total_timeout` or a [`Deadline`](crate::Deadline) around would
//! end. Inside of a [`Retry`](crate::Retry) of yours the client's own retries are off.
//!
//! # Bodies
//! The permit of the breaker and the place in the bulkhead are held until the body has ended or is dropped. A
//! stream of events that is dropped after `data: [DONE]` has ended well. An answer that is kept and not read
//! keeps its place.
//!
//! # Redirects
//! are followed by reqwest itself, within one attempt: only the policies of the host that was asked first see them,
//! and the last answer is taken for its answer. To ask the policies of each, build the `reqwest::Client` with
//! `redirect::Policy::none()` and send on yourself.
//!
//! # Cancel safety
//! A request that is dropped gives back all that it holds and counts as ignored; where `cancelled_counts_after`
//! is set and it has run that long, as a timeout.

mod body;
mod builder;
mod client;
mod events;
mod guard;
mod origin;
mod request;
mod upload;
mod verdict;

pub use builder::ClientBuilder;
pub use client::Client;
#[cfg(feature = "reqwest-middleware")]
pub(crate) use guard::{Guard, Sends};
pub use request::RequestBuilder;
#[cfg(feature = "reqwest-middleware")]
pub(crate) use verdict::of_error;
pub use verdict::timed_out;

pub use crate::client::{HostSnapshot, Policies};
