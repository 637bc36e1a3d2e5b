// SPDX-License-Identifier: MIT OR Apache-2.0
#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod advice;
mod breaker;
mod builder;
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
mod error;
mod event;
mod future;
mod guard;
mod keyed;
mod keyed_builder;
mod name;
mod permit;
mod raw;
mod registry;
mod snapshot;
#[cfg(feature = "stream")]
mod stream;
mod text;
mod timer;
mod timing;

pub use advice::{Advice, Advices};
pub use breaker::CircuitBreaker;
pub use builder::BreakerBuilder;
pub use classify::{Classification, Classifier, ErrIsFailure};
pub use clock::{Clock, ManualClock};
pub use config::Config;
pub use cusum::CusumDesign;
pub use error::{CallError, ConfigError, ConfigValue, Refused, TimedOut};
pub use event::{CallReport, Transition, WindowCounts};
pub use future::CallFuture;
pub use guard::Guard;
pub use keyed::KeyedBreakers;
pub use keyed_builder::KeyedBuilder;
pub use name::Name;
pub use permit::Permit;
pub use registry::{Registry, RegistryBuilder};
pub use snapshot::{CusumState, Snapshot, Totals};
#[cfg(feature = "stream")]
pub use stream::GuardedStream;
pub use text::{
    Cause, Detector, Jitter, Outcome, Preset, RefusalReason, State, TimeoutSetting, UnknownName, WindowKind,
};

/// The version of the C core that is linked, such as `"0.1.0"`.
///
/// ```
/// assert!(trifuse::core_version().starts_with("0."));
/// ```
#[must_use]
pub fn core_version() -> &'static str {
    raw::text::version()
}
