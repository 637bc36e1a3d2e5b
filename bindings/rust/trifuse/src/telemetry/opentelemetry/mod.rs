// SPDX-License-Identifier: MIT OR Apache-2.0
//! Metrics and spans of [OpenTelemetry](https://docs.rs/opentelemetry), by its API alone: which SDK and exporter
//! they go to is up to the application.
//!
//! | instrument | kind | attributes | what |
//! |---|---|---|---|
//! | `reliability.circuit_breaker.state` | observable gauge | `circuit_breaker.name` | closed 0, open 1, half-open 2; forced open 1, disabled and watching 0 |
//! | `reliability.circuit_breaker.transitions` | counter | and `from`, `to` | changes of state |
//! | `reliability.circuit_breaker.rejections` | counter | and `reason` | refused calls |
//! | `reliability.rate_limit.allowed`, `.rejected` | counter | `policy.name` | calls let through, refused |
//! | `reliability.retry.attempts` | histogram | `policy.name`, `status` | retries of a call, where there were any |
//! | `reliability.retry.successes`, `.failures` | counter | `policy.name` | calls that ended well, or not |
//! | `reliability.request.duration` | histogram, ms | `circuit_breaker.name`, `status` | from admission to outcome |
//! | `reliability.queue.wait_time` | histogram, ms | `policy.name`, `status` | before a limiter, bulkhead or adaptive limit |
//!
//! The counters of breakers are observable ones: they are read when the metrics are collected.

mod instruments;
mod observers;
mod spans;

pub use instruments::Reliability;
pub use observers::{LimitedCall, PlacedCall, RetriedCall};
pub use spans::{SpanCall, Spans};
