// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use crate::breaker::CircuitBreaker;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{ConfigError, ConfigValue};
use crate::event::{CallReport, Listeners, Transition};
use crate::keyed::KeyedBreakers;
use crate::keyed_slots::Slots;
use crate::name::Name;
use crate::refused::Refused;

/// Makes [`KeyedBreakers`].
///
/// ```
/// use trifuse::{Config, KeyedBreakers, Preset};
///
/// let hosts = KeyedBreakers::<String>::builder("http")
///     .config(Config::preset(Preset::Aggressive))
///     .capacity(500)
///     .build()?;
/// # assert!(hosts.is_empty());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct KeyedBuilder<K> {
    name: Name,
    config: Config,
    clock: Clock,
    listeners: Listeners,
    capacity: usize,
    keys: PhantomData<fn() -> K>,
}

impl<K> KeyedBuilder<K> {
    pub(crate) fn new(name: Name) -> Self {
        let (config, clock, listeners) = (Config::DEFAULT, Clock::default(), Listeners::default());
        Self { name, config, clock, listeners, capacity: 1000, keys: PhantomData }
    }

    /// The configuration of every breaker.
    ///
    /// ```
    /// # use trifuse::{Config, KeyedBreakers};
    /// let hosts = KeyedBreakers::<String>::builder("http").config(Config::DEFAULT.with_minimum_calls(20));
    /// # hosts.build().unwrap();
    /// ```
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The most keys that have a breaker of their own, at least 1, by default 1,000.
    ///
    /// ```
    /// let error = trifuse::KeyedBreakers::<String>::builder("http").capacity(0).build().unwrap_err();
    /// assert_eq!(error.to_string(), "capacity = 0 is not allowed: at least 1");
    /// ```
    pub fn capacity(mut self, keys: usize) -> Self {
        self.capacity = keys;
        self
    }

    /// Where the breakers take their time from; for tests.
    ///
    /// ```
    /// # use trifuse::{KeyedBreakers, ManualClock};
    /// let hosts = KeyedBreakers::<String>::builder("http").clock(ManualClock::new());
    /// # hosts.build().unwrap();
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Calls `listener` at every change of state of its breakers; see
    /// [`BreakerBuilder::on_transition`](crate::BreakerBuilder::on_transition).
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").on_transition(|t| eprintln!("{}", t.name));
    /// # hosts.build().unwrap();
    /// ```
    pub fn on_transition(mut self, listener: impl Fn(&Transition) + Send + Sync + 'static) -> Self {
        self.listeners.transition.push(Arc::new(listener));
        self
    }

    /// Calls `listener` for every refused call of its breakers.
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").on_refused(|r| eprintln!("{r}"));
    /// # hosts.build().unwrap();
    /// ```
    pub fn on_refused(mut self, listener: impl Fn(&Refused) + Send + Sync + 'static) -> Self {
        self.listeners.refused.push(Arc::new(listener));
        self
    }

    /// Calls `listener` for every reported call of its breakers.
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").on_call(|c| eprintln!("{:?}", c.duration));
    /// # hosts.build().unwrap();
    /// ```
    pub fn on_call(mut self, listener: impl Fn(&CallReport) + Send + Sync + 'static) -> Self {
        self.listeners.call.push(Arc::new(listener));
        self
    }

    /// Makes the family and its overflow breaker.
    ///
    /// # Errors
    /// An empty name, a capacity of 0, or a configuration that is refused.
    ///
    /// ```
    /// assert!(trifuse::KeyedBreakers::<String>::builder("").build().is_err());
    /// ```
    pub fn build(self) -> Result<KeyedBreakers<K>, ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::of_name("", "at least one character"));
        }
        if self.capacity == 0 {
            let (value, allowed) = (ConfigValue::Integer(0), "at least 1".to_owned());
            return Err(ConfigError { field: "capacity", value, allowed });
        }
        let mut overflow =
            CircuitBreaker::builder(format!("{}[overflow]", self.name)).with_config(self.config);
        overflow.clock = self.clock.clone();
        overflow.listeners = self.listeners.clone();
        Ok(KeyedBreakers {
            overflow: overflow.build()?,
            name: self.name,
            config: self.config,
            clock: self.clock,
            listeners: self.listeners,
            capacity: self.capacity,
            slots: RwLock::new(Slots::default()),
            overflowed: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        })
    }
}

impl<K> fmt::Debug for KeyedBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
