// SPDX-License-Identifier: MIT OR Apache-2.0
//! The time for all of a request.
use std::time::Duration;

use crate::clock::Clock;
use crate::config::to_ns;
use crate::error::TimedOut;
use crate::name::Name;
use crate::scope::{Limit, Until};
use crate::text_refusal::TimeoutSetting;

/// When a request that begins now is to have ended.
#[derive(Clone)]
pub(crate) struct Total(Limit);

impl Total {
    #[cfg(feature = "reqwest")]
    pub(crate) fn begins(clock: &Clock, name: &Name, duration: Duration) -> Self {
        Self::begins_as(TimeoutSetting::Timeout, clock, name, duration)
    }

    pub(crate) fn begins_as(setting: TimeoutSetting, clock: &Clock, name: &Name, duration: Duration) -> Self {
        let at = clock.now().saturating_add(to_ns(duration));
        Self(Limit { clock: clock.clone(), at, name: name.clone(), duration, setting })
    }

    /// For what is called within. A nearer limit of the caller's holds on; who set that one ends it.
    pub(crate) fn scope(&self) -> Until {
        let outer = crate::scope::limit().filter(|outer| outer.left() <= self.left());
        Until::new(outer.unwrap_or_else(|| self.0.clone()))
    }

    pub(crate) fn left(&self) -> Duration {
        self.0.left()
    }
}

pub(crate) fn too_late(total: &Total) -> TimedOut {
    let Limit { name, duration, setting, .. } = total.0.clone();
    TimedOut { name, setting, limit: duration }
}
