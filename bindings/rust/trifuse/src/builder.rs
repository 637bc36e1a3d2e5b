// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use crate::breaker::{CircuitBreaker, Shared};
use crate::clock::Clock;
use crate::config::Config;
use crate::cusum::{self, CusumDesign};
use crate::error::ConfigError;
use crate::event::{CallReport, Listeners, Transition};
use crate::name::Name;
use crate::raw::breaker::RawBreaker;
use crate::refused::Refused;
use crate::registry::Registry;
use crate::text::Preset;

/// Makes a [`CircuitBreaker`]; every field of [`Config`] has a method of its name.
///
/// ```
/// use trifuse::{CircuitBreaker, Preset};
///
/// let breaker = CircuitBreaker::builder("search").preset(Preset::User).minimum_calls(30).build()?;
/// # assert_eq!(breaker.config().minimum_calls(), 30);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct BreakerBuilder {
    pub(crate) name: Name,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) listeners: Listeners,
}

impl BreakerBuilder {
    pub(crate) fn new(name: Name) -> Self {
        Self { name, config: Config::DEFAULT, clock: Clock::default(), listeners: Listeners::default() }
    }

    /// Takes all fields from a preset; what was set before is gone.
    ///
    /// ```
    /// # use trifuse::{CircuitBreaker, Config, Preset};
    /// let builder = CircuitBreaker::builder("llm").preset(Preset::Llm);
    /// assert_eq!(builder.config(), &Config::preset(Preset::Llm));
    /// ```
    pub fn preset(mut self, preset: Preset) -> Self {
        self.config = Config::preset(preset);
        self
    }

    /// Takes all fields from a configuration; what was set before is gone.
    ///
    /// ```
    /// # use trifuse::{CircuitBreaker, Config};
    /// const SEARCH: Config = Config::DEFAULT.with_minimum_calls(50).checked();
    /// assert_eq!(CircuitBreaker::builder("search").with_config(SEARCH).config(), &SEARCH);
    /// ```
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The configuration so far.
    ///
    /// ```
    /// # use trifuse::{CircuitBreaker, Config};
    /// assert_eq!(CircuitBreaker::builder("x").config(), &Config::DEFAULT);
    /// ```
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Watches the outcomes of the last `duration`; see [`Config::with_time_window`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = trifuse::CircuitBreaker::builder("x").time_window(Duration::from_secs(10), 5);
    /// # builder.build().unwrap();
    /// ```
    pub fn time_window(mut self, duration: Duration, buckets: u32) -> Self {
        self.config = self.config.with_time_window(duration, buckets);
        self
    }

    /// Watches the last `count` outcomes; see [`Config::with_count_window`].
    ///
    /// ```
    /// let builder = trifuse::CircuitBreaker::builder("x").count_window(50);
    /// # builder.build().unwrap();
    /// ```
    pub fn count_window(mut self, count: u32) -> Self {
        self.config = self.config.with_count_window(count);
        self
    }

    /// Makes jitter and permits the same in every run; see [`Config::with_seed`].
    ///
    /// ```
    /// let builder = trifuse::CircuitBreaker::builder("x").seed(7);
    /// # builder.build().unwrap();
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.config = self.config.with_seed(seed);
        self
    }

    /// Judges failures by this cumulative sum, which was solved before; see [`CusumDesign`].
    ///
    /// ```
    /// # use trifuse::{CircuitBreaker, CusumDesign};
    /// let design = CusumDesign::solve(0.05, 0.5, 10_000_000.0)?;
    /// let breaker = CircuitBreaker::builder("x").cusum(design).build()?;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn cusum(mut self, design: CusumDesign) -> Self {
        self.config = design.applied_to(self.config);
        self
    }

    /// Where it takes its time from; for tests.
    ///
    /// ```
    /// # use trifuse::{CircuitBreaker, ManualClock};
    /// let breaker = CircuitBreaker::builder("x").clock(ManualClock::new()).build()?;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Calls `listener` at every change of state, on the thread that caused it, with no lock held.
    /// It may use the breaker; a panic of it is caught. A listener that owns a handle to its own
    /// breaker keeps it for ever: find it by its name in a [`Registry`] instead.
    ///
    /// ```
    /// let builder = trifuse::CircuitBreaker::builder("x").on_transition(|t| eprintln!("{}: {}", t.name, t.to));
    /// # builder.build().unwrap();
    /// ```
    pub fn on_transition(mut self, listener: impl Fn(&Transition) + Send + Sync + 'static) -> Self {
        self.listeners.transition.push(Arc::new(listener));
        self
    }

    /// Calls `listener` for every refused call, as [`on_transition`](Self::on_transition) does.
    ///
    /// ```
    /// let builder = trifuse::CircuitBreaker::builder("x").on_refused(|refused| eprintln!("{refused}"));
    /// # builder.build().unwrap();
    /// ```
    pub fn on_refused(mut self, listener: impl Fn(&Refused) + Send + Sync + 'static) -> Self {
        self.listeners.refused.push(Arc::new(listener));
        self
    }

    /// Calls `listener` for every reported call, as [`on_transition`](Self::on_transition) does.
    ///
    /// ```
    /// let builder = trifuse::CircuitBreaker::builder("x").on_call(|call| eprintln!("{:?}", call.duration));
    /// # builder.build().unwrap();
    /// ```
    pub fn on_call(mut self, listener: impl Fn(&CallReport) + Send + Sync + 'static) -> Self {
        self.listeners.call.push(Arc::new(listener));
        self
    }

    /// Makes the breaker.
    ///
    /// # Errors
    /// An empty name, or a field that is out of its range.
    ///
    /// ```
    /// let error = trifuse::CircuitBreaker::builder("").build().unwrap_err();
    /// assert_eq!(error.to_string(), "name = \"\" is not allowed: at least one character");
    /// ```
    pub fn build(self) -> Result<CircuitBreaker, ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::of_name("", "at least one character"));
        }
        let config = ready(&self.config)?;
        let raw = RawBreaker::new(&config.raw, self.clock.stamp())?;
        let shared = Shared::new(raw, self.name, self.config, self.clock, self.listeners);
        Ok(CircuitBreaker { shared: Arc::new(shared) })
    }

    /// Makes the breaker in a registry, or returns the one that it has under this name and
    /// configuration; see [`Registry`].
    ///
    /// # Errors
    /// As [`build`](Self::build); also when the name is taken with another configuration.
    ///
    /// ```
    /// # use trifuse::{CircuitBreaker, Registry};
    /// let registry = Registry::new();
    /// let one = CircuitBreaker::builder("payments").build_in(&registry)?;
    /// let same = CircuitBreaker::builder("payments").build_in(&registry)?;
    /// assert!(one.same_as(&same));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn build_in(self, registry: &Registry) -> Result<CircuitBreaker, ConfigError> {
        registry.get_or_build(self)
    }
}

/// The configuration as the core takes it: seeded, its cusum solved.
pub(crate) fn ready(config: &Config) -> Result<Config, ConfigError> {
    let mut config = cusum::solved(*config)?;
    if !config.seeded {
        // Every RandomState has its own keys from the operating system.
        config.raw.seed = RandomState::new().hash_one("trifuse");
    }
    Ok(config)
}

impl fmt::Debug for BreakerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerBuilder").field("name", &self.name).field("config", &self.config).finish()
    }
}
