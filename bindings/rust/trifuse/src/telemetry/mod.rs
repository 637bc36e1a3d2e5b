// SPDX-License-Identifier: MIT OR Apache-2.0
//! What other systems see of the policies. Nothing of it is on by itself, and what is not attached costs
//! nothing: the core counts anyway, and calls go through the same code.
//!
//! | | feature | attach it |
//! |---|---|---|
//! | events | `tracing` | [`tracing::transition`] and the like, as listeners |
//! | spans | `tracing` | [`Observed`] with [`tracing::Spans`] in place of the breaker |
//! | Prometheus and others | `metrics` | [`metrics::BreakerMetrics`], which reads the breakers when asked |
//! | metrics of OpenTelemetry | `opentelemetry` | [`opentelemetry::Reliability`], read when they are collected |
//! | spans of OpenTelemetry | `opentelemetry` | [`Observed`] with [`opentelemetry::Spans`] |

#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
mod observed;
#[cfg(feature = "tokio")]
mod observed_future;
mod observer;
#[cfg(feature = "opentelemetry")]
#[cfg_attr(docsrs, doc(cfg(feature = "opentelemetry")))]
pub mod opentelemetry;
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub mod tracing;
#[cfg(feature = "tracing")]
mod tracing_spans;

pub use observed::Observed;
pub use observer::{Ended, ObservedCall, Observer};

/// The name of the span around a call of a circuit breaker.
#[cfg(any(feature = "opentelemetry", feature = "tracing"))]
pub const SPAN: &str = "circuit_breaker.call";

/// All calls that came: outcomes, ignored ones, and those that were refused.
#[cfg(any(feature = "opentelemetry", feature = "tracing"))]
fn requests(totals: &crate::snapshot::Totals) -> u64 {
    totals.calls + totals.ignored + totals.late_results + totals.refused()
}
