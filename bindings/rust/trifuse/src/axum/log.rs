// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the log is told, with the feature `tracing`.
use std::error::Error;

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn failed(error: &(dyn Error + 'static)) {
    #[cfg(feature = "tracing")]
    tracing::event!(
        target: crate::telemetry::tracing::TARGET,
        tracing::Level::WARN,
        event = "request_failed",
        error = error,
        "a request was answered with 502"
    );
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn steered(name: &str, done: &str, who: Option<&str>) {
    #[cfg(feature = "tracing")]
    tracing::event!(
        target: crate::telemetry::tracing::TARGET,
        tracing::Level::WARN,
        event = "steered",
        circuit_breaker.name = name,
        action = done,
        operator = who,
        "circuit breaker {:?} was {} by request",
        name,
        done
    );
}
