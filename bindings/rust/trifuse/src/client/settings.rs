// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the builders of all clients take.
use std::time::Duration;

use crate::client::{Hosts, Policies};
use crate::clock::Clock;
use crate::error::{ConfigError, ConfigValue};
use crate::event::Listeners;
use crate::name::Name;
use crate::retry::Retry;
use crate::retry_budget::RetryBudget;
use crate::retry_config::RetryConfig;

pub(crate) struct Settings {
    pub(crate) name: Name,
    pub(crate) clock: Clock,
    pub(crate) listeners: Listeners,
    pub(crate) each: Policies,
    pub(crate) own: Vec<(String, Policies)>,
    pub(crate) max_hosts: usize,
    pub(crate) retry: Retries,
    pub(crate) respect_retry_after: bool,
}

/// Who asks again.
pub(crate) enum Retries {
    Usual,
    Own(Retry),
    Nobody,
}

impl Settings {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name: name.into(),
            clock: Clock::default(),
            listeners: Listeners::default(),
            each: Policies::new(),
            own: Vec::new(),
            max_hosts: 1024,
            retry: Retries::Usual,
            respect_retry_after: true,
        }
    }

    pub(crate) fn hosts(&mut self) -> Result<Hosts, ConfigError> {
        crate::builder_basics::named(&self.name)?;
        if self.max_hosts == 0 {
            return Err(ConfigError::new("max_hosts", ConfigValue::Integer(0), "at least 1"));
        }
        let (name, clock) = (self.name.clone(), self.clock.clone());
        let (listeners, each) = (std::mem::take(&mut self.listeners), self.each.clone());
        Hosts::new(name, clock, listeners, each, std::mem::take(&mut self.own), self.max_hosts)
    }

    /// Unless told otherwise two retries, of which a budget is kept.
    pub(crate) fn retry(&mut self) -> Result<Option<Retry>, ConfigError> {
        match std::mem::replace(&mut self.retry, Retries::Nobody) {
            Retries::Nobody => Ok(None),
            Retries::Own(retry) => Ok(Some(retry)),
            Retries::Usual => {
                let (name, clock) = (&self.name, &self.clock);
                let budget = RetryBudget::builder(name.clone()).clock(clock.clone()).build()?;
                let usual = RetryConfig::DEFAULT.with_max_retries(2);
                let retry = Retry::builder(name.clone()).with_config(usual).clock(clock.clone());
                retry.budget(&budget).build().map(Some)
            }
        }
    }

    pub(crate) fn total_timeout(&mut self, limit: Option<Duration>) {
        self.each = self.each.clone().total_timeout(limit);
    }
}

/// The methods of a builder that has `settings`.
macro_rules! settings {
    ($builder:ident, $host:literal) => {
        impl $builder {
            /// What the policies are called; with the host, as `name[host]`.
            pub fn name(mut self, name: impl Into<crate::Name>) -> Self {
                self.settings.name = name.into();
                self
            }

            #[doc = concat!("The circuit breaker of each ", $host, ", see [`Policies::circuit_breaker`].")]
            pub fn circuit_breaker(mut self, config: crate::Config) -> Self {
                self.settings.each = self.settings.each.circuit_breaker(config);
                self
            }

            #[doc = concat!("A rate limit of each ", $host, ", see [`Policies::rate_limit`].")]
            pub fn rate_limit(mut self, each: crate::RateLimiterBuilder) -> Self {
                self.settings.each = self.settings.each.rate_limit(each);
                self
            }

            #[doc = concat!("A limit of requests in flight of each ", $host, ", see [`Policies::bulkhead`].")]
            pub fn bulkhead(mut self, each: crate::BulkheadBuilder) -> Self {
                self.settings.each = self.settings.each.bulkhead(each);
                self
            }

            #[doc = concat!("An adaptive limit of each ", $host, ", see [`Policies::adaptive_limit`].")]
            pub fn adaptive_limit(mut self, each: crate::AdaptiveLimitBuilder) -> Self {
                self.settings.each = self.settings.each.adaptive_limit(each);
                self
            }

            /// The time for all of a request, see [`Policies::total_timeout`].
            pub fn total_timeout(mut self, limit: impl Into<Option<std::time::Duration>>) -> Self {
                self.settings.total_timeout(limit.into());
                self
            }

            #[doc = concat!("All policies of each ", $host, " that has none of its own.")]
            pub fn policies(mut self, each: Policies) -> Self {
                self.settings.each = each;
                self
            }

            #[doc = concat!("How many have policies of their own, by default 1,024: beyond that one that is \
                idle makes room, and who finds none shares one. Those that were named by this builder do \
                not count.")]
            pub fn max_hosts(mut self, hosts: usize) -> Self {
                self.settings.max_hosts = hosts;
                self
            }

            /// What asks again, in place of two retries with a budget of their own.
            pub fn retry(mut self, retry: crate::Retry) -> Self {
                self.settings.retry = crate::client::Retries::Own(retry);
                self
            }

            /// Nothing is asked again.
            pub fn without_retry(mut self) -> Self {
                self.settings.retry = crate::client::Retries::Nobody;
                self
            }

            /// Whether a failure that says when to come back opens the circuit for that time, by default yes.
            pub fn respect_retry_after(mut self, respect: bool) -> Self {
                self.settings.respect_retry_after = respect;
                self
            }

            /// Where the policies take their time from; for tests.
            pub fn clock(mut self, clock: impl Into<crate::Clock>) -> Self {
                self.settings.clock = clock.into();
                self
            }

            /// Calls `listener` at every change of state of a breaker; see
            /// [`BreakerBuilder::on_transition`](crate::BreakerBuilder::on_transition).
            pub fn on_transition(
                mut self,
                listener: impl Fn(&crate::Transition) + Send + Sync + 'static,
            ) -> Self {
                self.settings.listeners.transition.push(std::sync::Arc::new(listener));
                self
            }

            /// Calls `listener` for every request that a breaker refuses.
            pub fn on_refused(mut self, listener: impl Fn(&crate::Refused) + Send + Sync + 'static) -> Self {
                self.settings.listeners.refused.push(std::sync::Arc::new(listener));
                self
            }

            /// Calls `listener` for every request that is reported to a breaker.
            pub fn on_call(mut self, listener: impl Fn(&crate::CallReport) + Send + Sync + 'static) -> Self {
                self.settings.listeners.call.push(std::sync::Arc::new(listener));
                self
            }
        }

        impl std::fmt::Debug for $builder {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($builder))
                    .field("name", &self.settings.name)
                    .field("policies", &self.settings.each)
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use settings;
