// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::client::hosts::Host;
use crate::snapshot::Snapshot;
use crate::snapshot_policy::{ConcurrencySnapshot, RateLimiterSnapshot};

/// What the policies of one host (of gRPC: one method, service or target) have counted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HostSnapshot {
    /// The host, such as `https://api.example.com:443`; `overflow` for what hosts share that found no room.
    pub host: String,
    /// Its circuit breaker.
    pub circuit_breaker: Snapshot,
    /// Its rate limit, if it has one.
    pub rate_limit: Option<RateLimiterSnapshot>,
    /// Its bulkhead or adaptive limit, if it has one.
    pub places: Option<ConcurrencySnapshot>,
}

impl Host {
    pub(crate) fn snapshot(&self) -> HostSnapshot {
        HostSnapshot {
            host: self.key.to_string(),
            circuit_breaker: self.breaker.snapshot(),
            rate_limit: self.limiter.as_ref().map(crate::limiter::RateLimiter::snapshot),
            places: self.places.as_ref().map(crate::client::places::HostPlaces::snapshot),
        }
    }
}
