// SPDX-License-Identifier: MIT OR Apache-2.0
//! The limit of requests in flight of a host.
use std::sync::Arc;

use crate::bulkhead::{AdaptiveLimit, Bulkhead};
use crate::layer::{Describe, PolicyDescription};
use crate::places::Places;
use crate::snapshot_policy::ConcurrencySnapshot;

pub(crate) enum HostPlaces {
    Bulkhead(Bulkhead),
    Adaptive(AdaptiveLimit),
}

impl HostPlaces {
    pub(crate) fn shared(&self) -> &Arc<Places> {
        match self {
            Self::Bulkhead(places) => &places.shared,
            Self::Adaptive(places) => &places.shared,
        }
    }

    /// Nobody has a place or waits for one.
    pub(crate) fn is_idle(&self) -> bool {
        let shared = self.shared();
        shared.raw.in_flight() == 0 && shared.line.is_empty()
    }

    pub(crate) fn snapshot(&self) -> ConcurrencySnapshot {
        match self {
            Self::Bulkhead(places) => places.snapshot(),
            Self::Adaptive(places) => places.snapshot(),
        }
    }

    pub(crate) fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        match self {
            Self::Bulkhead(places) => places.describe_into(all),
            Self::Adaptive(places) => places.describe_into(all),
        }
    }
}
