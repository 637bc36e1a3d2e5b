// SPDX-License-Identifier: MIT OR Apache-2.0
#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod advice;
mod breaker;
mod builder;
mod builder_basics;
mod bulkhead;
mod bulkhead_config;
mod bulkhead_permit;
mod call;
mod classify;
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
#[cfg(feature = "tokio")]
mod hedge;
mod hedge_budget;
#[cfg(feature = "tokio")]
mod hedge_run;
mod histogram;
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
mod limiter_wait;
mod line;
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
#[cfg(feature = "stream")]
mod stream;
mod text;
mod text_policy;
mod text_refusal;
mod throttle;
mod timeout;
mod timer;
mod timing;

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
pub use layer::{Next, Operation};
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
