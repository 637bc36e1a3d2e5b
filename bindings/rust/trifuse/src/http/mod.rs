// SPDX-License-Identifier: MIT OR Apache-2.0
//! What HTTP and gRPC say about a service: statuses, when to come back, and how a body ended.
//!
//! ```
//! use std::time::Duration;
//! use http::{Response, StatusCode};
//! use trifuse::http::{StatusClassifier, retry_after};
//! use trifuse::{Classifier, Outcome};
//!
//! let busy = Response::builder().status(503).header("retry-after", "20").body(())?;
//! assert_eq!(retry_after(busy.headers()), Some(Duration::from_secs(20)));
//! let verdict = StatusClassifier.classify(&Ok::<_, std::io::Error>(busy));
//! assert_eq!((verdict.outcome(), verdict.trip_for()), (Outcome::Failure, Some(Duration::from_secs(20))));
//! # Ok::<(), http::Error>(())
//! ```

mod body;
mod grpc;
mod guard;
mod idempotent;
#[cfg(feature = "tower")]
mod layer;
mod retry_after;
mod status;

pub use body::GuardedBody;
pub use grpc::{classify_grpc, grpc_status};
pub use guard::BodyGuard;
pub use idempotent::{clone_idempotent, is_idempotent};
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use layer::{CallGuard, GuardedBodyFuture, GuardedBodyLayer, GuardedBodyService};
pub use retry_after::retry_after;
#[cfg(any(feature = "reqwest", feature = "tonic"))]
pub(crate) use status::DAY;
pub use status::{StatusClassifier, classify_head};
