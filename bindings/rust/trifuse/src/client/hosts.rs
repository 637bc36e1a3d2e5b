// SPDX-License-Identifier: MIT OR Apache-2.0
//! The policies by host, at most so many.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::breaker::CircuitBreaker;
use crate::client::places::HostPlaces;
use crate::client::policies::{Policies, SharedHost};
use crate::clock::Clock;
use crate::error::ConfigError;
use crate::event::Listeners;
use crate::keyed_slots::{Kept, Slots};
use crate::layer::{Describe, PolicyDescription};
use crate::limiter::RateLimiter;
use crate::name::Name;
use crate::text::State;
use crate::text_refusal::PolicyKind;

/// The policies of one host.
pub(crate) struct Host {
    pub(crate) key: Box<str>,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) limiter: Option<RateLimiter>,
    pub(crate) places: Option<HostPlaces>,
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) retries: bool,
}

impl Kept for SharedHost {
    /// Nothing is remembered that a new host would not have, and no request is on its way.
    fn is_idle(&self) -> bool {
        Arc::strong_count(self) == 1
            && Arc::strong_count(&self.breaker.shared) == 1
            && self.breaker.state() == State::Closed
            && self.limiter.as_ref().is_none_or(|limiter| limiter.shared.is_full())
            && self.places.as_ref().is_none_or(HostPlaces::is_idle)
    }
}

pub(crate) struct Hosts {
    pub(crate) name: Name,
    pub(crate) clock: Clock,
    listeners: Listeners,
    each: Policies,
    /// With policies of their own; they are never forgotten.
    own: HashMap<String, SharedHost>,
    max_hosts: usize,
    slots: RwLock<Slots<String, SharedHost>>,
    pub(crate) overflow: SharedHost,
    overflowed: AtomicU64,
    evicted: AtomicU64,
}

impl Hosts {
    pub(crate) fn new(
        name: Name,
        clock: Clock,
        listeners: Listeners,
        each: Policies,
        own: Vec<(String, Policies)>,
        max_hosts: usize,
    ) -> Result<Self, ConfigError> {
        let overflow = Arc::new(each.make("overflow", &name, &clock, &listeners)?);
        let make = |(key, policies): (String, Policies)| {
            let host = policies.make(&key, &name, &clock, &listeners)?;
            Ok((key, Arc::new(host)))
        };
        let own = own.into_iter().map(make).collect::<Result<_, ConfigError>>()?;
        let slots = RwLock::default();
        let (overflowed, evicted) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { name, clock, listeners, each, own, max_hosts, slots, overflow, overflowed, evicted })
    }

    /// The policies of a host, made if it has none.
    pub(crate) fn get(&self, key: String) -> SharedHost {
        if let Some(host) = self.find(&key) {
            return host;
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = slots.find(&key) {
            return host.clone();
        }
        let Some(place) = slots.place(self.max_hosts) else {
            drop(slots);
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            return self.overflow.clone();
        };
        let made = self.each.make(&key, &self.name, &self.clock, &self.listeners);
        let host = Arc::new(made.expect("the overflow was made of the same settings"));
        let old = slots.put(place, key, host.clone());
        drop(slots);
        if old.is_some() {
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        host
    }

    /// The policies of a host, if it has any.
    pub(crate) fn find(&self, key: &str) -> Option<SharedHost> {
        let kept = || self.slots.read().unwrap_or_else(PoisonError::into_inner).find(key).cloned();
        self.own.get(key).cloned().or_else(kept)
    }

    /// All hosts of this moment; the overflow among them once somebody shared it.
    pub(crate) fn all(&self) -> Vec<SharedHost> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = self.own.values().chain(slots.iter()).cloned().collect();
        drop(slots);
        if self.overflowed() != 0 {
            all.push(self.overflow.clone());
        }
        all
    }

    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}

impl Host {
    /// The policies, outermost first.
    pub(crate) fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        if let Some(total) = self.total_timeout {
            let name = Name::from(self.breaker.name().to_owned());
            all.push(PolicyDescription::new(PolicyKind::Timeout, &name).with("limit", &total));
        }
        self.breaker.describe_into(all);
        self.limiter.describe_into(all);
        if let Some(places) = &self.places {
            places.describe_into(all);
        }
    }
}
