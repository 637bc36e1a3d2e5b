// SPDX-License-Identifier: MIT OR Apache-2.0
#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod advice;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;
mod breaker;
mod builder;
mod builder_basics;
mod bulkhead;
mod bulkhead_config;
mod bulkhead_permit;
#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
pub mod cache;
mod call;
mod classify;
#[cfg(any(feature = "reqwest", feature = "tonic"))]
mod client;
mod clock;
mod config;
mod config_check;
mod config_fields;
mod config_preset;
#[cfg(feature = "serde")]
mod config_serde;
mod control;
mod cusum;
mod deadline;
mod error;
mod error_limits;
mod event;
mod fallback;
mod fallback_answer;
mod fallback_level;
mod future;
mod guard;
#[cfg(feature = "health")]
#[cfg_attr(docsrs, doc(cfg(feature = "health")))]
pub mod health;
#[cfg(feature = "tokio")]
mod hedge;
mod hedge_budget;
#[cfg(feature = "tokio")]
mod hedge_run;
mod histogram;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod http;
mod keyed;
mod keyed_builder;
mod keyed_limiters;
mod keyed_limiters_builder;
mod keyed_slots;
mod layer;
mod layer_once;
mod layer_option;
mod layer_retry;
mod limiter;
mod limiter_config;
#[cfg(feature = "tokio")]
mod limiter_future;
mod limiter_wait;
mod line;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod monitor;
mod name;
mod permit;
mod pipeline;
mod pipeline_builder;
mod places;
mod policy_config;
mod profile;
mod queue;
mod raw;
mod refused;
mod registry;
#[cfg(feature = "reqwest")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest")))]
pub mod reqwest;
#[cfg(feature = "reqwest-middleware")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest-middleware")))]
pub mod reqwest_middleware;
mod reservation;
mod retry;
mod retry_budget;
mod retry_builder;
mod retry_config;
mod retry_error;
#[cfg(feature = "tokio")]
mod retry_future;
mod retry_run;
mod retry_total;
mod scope;
mod service;
mod service_builder;
mod snapshot;
mod snapshot_policy;
mod source;
#[cfg(feature = "stream")]
mod stream;
#[cfg(any(feature = "metrics", feature = "opentelemetry", feature = "tracing"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "metrics", feature = "opentelemetry", feature = "tracing"))))]
pub mod telemetry;
mod text;
mod text_policy;
mod text_refusal;
mod throttle;
mod timeout;
mod timer;
mod timing;
#[cfg(feature = "tonic")]
#[cfg_attr(docsrs, doc(cfg(feature = "tonic")))]
pub mod tonic;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower;

pub use advice::{Advice, Advices};
pub use breaker::CircuitBreaker;
pub use builder::BreakerBuilder;
pub use bulkhead::{AdaptiveLimit, Bulkhead};
pub use bulkhead_config::{AdaptiveLimitBuilder, AdaptiveLimitConfig, BulkheadBuilder, BulkheadConfig};
pub use bulkhead_permit::BulkheadPermit;
pub use classify::{Classification, Classifier, ErrIsFailure};
pub use clock::{Clock, ManualClock};
pub use config::Config;
pub use cusum::CusumDesign;
pub use deadline::Deadline;
pub use error::{CallError, ConfigError, ConfigValue, TimedOut};
pub use error_limits::{LimiterError, RateLimited};
pub use event::{CallReport, Transition, WindowCounts};
pub use fallback::Fallback;
pub use fallback_level::{Answered, AtOnce, MayWait, last_fallback};
pub use future::CallFuture;
pub use guard::Guard;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use hedge::{Hedge, HedgeBuilder};
pub use hedge_budget::{HedgeBudget, HedgeBudgetBuilder, HedgeBudgetConfig};
pub use histogram::{LatencyHistogram, LatencyHistogramBuilder, LatencyHistogramConfig};
pub use keyed::KeyedBreakers;
pub use keyed_builder::KeyedBuilder;
pub use keyed_limiters::KeyedRateLimiters;
pub use keyed_limiters_builder::KeyedRateLimitersBuilder;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use layer::AsyncLayer;
pub use layer::{Describe, Layer, PolicyDescription};
#[cfg(feature = "tokio")]
#[doc(hidden)]
pub use layer::{Fallible, Next, Operation};
pub use limiter::RateLimiter;
pub use limiter_config::{RateLimiterBuilder, RateLimiterConfig};
pub use name::Name;
pub use permit::Permit;
pub use pipeline::{Chain, End, Pipeline};
pub use pipeline_builder::{Append, PipelineBuilder};
pub use profile::{Profile, ProfileBuilder};
pub use refused::Refused;
pub use registry::{Registry, RegistryBuilder};
pub use reservation::Reservation;
pub use retry::{Retry, RetryCall};
pub use retry_budget::{RetryBudget, RetryBudgetBuilder, RetryBudgetConfig};
pub use retry_builder::{Backoff, RetryBuilder};
pub use retry_config::RetryConfig;
pub use retry_error::{RetriesExhausted, StopReason};
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use retry_future::{ExhaustedFuture, RetryFuture, Retryable, Retrying};
pub use retry_run::{Exhausted, RetryableBlocking, RetryingBlocking};
pub use service::ResilientService;
pub use service_builder::{Order, ResilientServiceBuilder};
pub use snapshot::{CusumState, Snapshot, Totals};
pub use snapshot_policy::{
    ConcurrencySnapshot, HedgeBudgetSnapshot, HistogramSnapshot, RateLimiterSnapshot, RetryBudgetSnapshot,
    RetrySnapshot, ThrottleSnapshot,
};
pub use source::Breakers;
#[cfg(feature = "stream")]
pub use stream::GuardedStream;
pub use text::{Cause, Detector, Jitter, Outcome, Preset, State, UnknownName, WindowKind};
pub use text_policy::{Algorithm, LimiterKind, Strategy};
pub use text_refusal::{PolicyKind, RefusalReason, TimeoutSetting};
pub use throttle::{Throttle, ThrottleBuilder, ThrottleConfig};
pub use timeout::Timeout;

/// The version of the C core that is linked, such as `"0.1.0"`.
///
/// ```
/// assert!(trifuse::core_version().starts_with("0."));
/// ```
#[must_use]
pub fn core_version() -> &'static str {
    raw::text::version()
}
