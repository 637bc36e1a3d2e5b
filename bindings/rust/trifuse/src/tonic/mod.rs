// SPDX-License-Identifier: MIT OR Apache-2.0
//! The policies around a channel of [tonic](https://docs.rs/tonic).
//!
//! ```
//! use tower_layer::Layer;
//! use trifuse::tonic::GuardLayer;
//!
//! fn guarded<S>(channel: S) -> Result<trifuse::tonic::GuardedChannel<S>, trifuse::ConfigError> {
//!     let layer = GuardLayer::builder().name("orders").idempotent(["/shop.Orders/Get"]).build()?;
//!     Ok(layer.layer(channel)) // then OrdersClient::new(...), with what protoc generated
//! }
//! # guarded("a channel").unwrap();
//! ```
//!
//! # The way of a call
//! The method's circuit breaker is asked, then its rate limit, then its bulkhead, all when the call is first polled;
//! then the channel is called. What failed, of the methods that are [`idempotent`](GuardLayerBuilder::idempotent),
//! is called again, each time through all three, at most twice unless the layer has another
//! [`Retry`](crate::Retry), and within its budget. `grpc-retry-pushback-ms` is the wait; negative or no number, it
//! ends the retries. A status that comes after messages is not retried: they are with the caller.
//!
//! | status | outcome |
//! |---|---|
//! | `OK` in the trailers | success |
//! | `UNAVAILABLE`, `INTERNAL`, `UNKNOWN`, `RESOURCE_EXHAUSTED`, `ABORTED`, `DATA_LOSS`, none at all | failure |
//! | `DEADLINE_EXCEEDED`, no head within `request_timeout`, the channel's own timeout | timeout (a failure) |
//! | `CANCELLED`, `INVALID_ARGUMENT`, `NOT_FOUND`, `ALREADY_EXISTS`, `PERMISSION_DENIED`, `UNAUTHENTICATED`, `FAILED_PRECONDITION`, `OUT_OF_RANGE`, `UNIMPLEMENTED` | ignored |
//! | dropped before its end | ignored |
//!
//! # Streams
//! A call is one call, however many messages it has: its outcome is the status in the trailers, and permit and place
//! are held until then. `request_timeout` is the time to the head of the answer.
//!
//! # What a refusal looks like
//! is `UNAVAILABLE`, a timeout of ours `DEADLINE_EXCEEDED`; [`refused`] and [`timed_out`] tell them from the
//! server's. Where it is known when to come back, a refusal says so: `grpc-retry-pushback-ms` in the metadata,
//! and `google.rpc.RetryInfo` in the details.
//!
//! # Deadlines
//! `total_timeout`, the call's own timeout (`Request::set_timeout`) and a [`Deadline`](crate::Deadline) around are
//! told to the server as `grpc-timeout`, less what was spent, and hold for all attempts and the messages of the
//! answer. `request_timeout` is not told: the server would end streams by it.

mod attempts;
mod body;
mod builder;
mod call;
mod guard;
mod layer;
mod replay;
mod retry_info;
mod service;
mod status;
mod timeout;

pub use body::GuardedBody;
pub use builder::GuardLayerBuilder;
pub use call::GuardedCall;
pub use guard::Scope;
pub use layer::GuardLayer;
pub use service::GuardedChannel;
pub use status::{StatusClassifier, may_retry, refused, timed_out};

pub use crate::client::{HostSnapshot, Policies};
