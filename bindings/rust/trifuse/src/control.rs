// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steering and reading a breaker.
use std::time::Duration;

use crate::advice::Advices;
use crate::breaker::CircuitBreaker;
use crate::builder::ready;
use crate::config::Config;
use crate::cusum;
use crate::error::ConfigError;
use crate::raw::breaker::{Event, RawBreaker};
use crate::snapshot::Snapshot;
use crate::text::State;

impl CircuitBreaker {
    /// The state now. An open circuit stays [`State::Open`] past its wait until a caller comes.
    ///
    /// ```
    /// # use trifuse::{CircuitBreaker, State};
    /// let breaker = CircuitBreaker::builder("payments").build()?;
    /// assert_eq!(breaker.state(), State::Closed);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn state(&self) -> State {
        State::from_raw(self.shared.raw.state()).expect("the core's state is one of six")
    }

    /// Grows by one at every change of state and every reset.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// let before = breaker.generation();
    /// breaker.force_open();
    /// assert_eq!(breaker.generation(), before + 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.raw.generation()
    }

    /// A picture of the breaker, consistent enough to print.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.call(|| Ok::<_, ()>(1)).unwrap();
    /// assert_eq!(breaker.snapshot().totals.successes, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let now = self.shared.clock.now();
        Snapshot::from_raw(&self.shared.name, now, &self.shared.raw.snapshot(now))
    }

    /// Opens now: for this wait (a server's Retry-After), or with `None` for the ordinary one. Open
    /// already: until the later of the two ends. Ignored in the forced states.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use trifuse::{CircuitBreaker, State};
    /// # let breaker = CircuitBreaker::builder("payments").build()?;
    /// breaker.trip(Duration::from_secs(20));
    /// assert_eq!(breaker.state(), State::Open);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn trip(&self, wait: impl Into<Option<Duration>>) {
        self.shared.trip(wait.into());
    }

    /// Closes from any state; window, run of failures and back-off start anew, lifetime totals stay.
    ///
    /// ```
    /// # use trifuse::{CircuitBreaker, State};
    /// # let breaker = CircuitBreaker::builder("payments").build()?;
    /// breaker.force_open();
    /// breaker.reset();
    /// assert_eq!(breaker.state(), State::Closed);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn reset(&self) {
        self.steer(RawBreaker::reset);
    }

    /// As [`reset`](Self::reset), but does nothing if it is closed already.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// let before = breaker.generation();
    /// breaker.close();
    /// assert_eq!(breaker.generation(), before);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn close(&self) {
        self.steer(RawBreaker::close);
    }

    /// Refuses all calls until somebody calls [`reset`](Self::reset) or [`close`](Self::close).
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.force_open();
    /// assert!(breaker.try_acquire().is_err());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn force_open(&self) {
        self.steer(RawBreaker::force_open);
    }

    /// Admits all calls and records nothing.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.disable();
    /// breaker.try_acquire().expect("admitted").failure();
    /// assert_eq!(breaker.snapshot().totals.failures, 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn disable(&self) {
        self.steer(RawBreaker::disable);
    }

    /// Admits all calls, records, never trips: shadow mode, to try a configuration.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").consecutive_failures(1).build()?;
    /// breaker.metrics_only();
    /// breaker.try_acquire().expect("admitted").failure();
    /// assert_eq!(breaker.snapshot().totals.would_have_opened, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn metrics_only(&self) {
        self.steer(RawBreaker::metrics_only);
    }

    /// Takes another configuration; state, generation, window, deadlines and probes stay, and new
    /// rules are judged at the next outcome. `initial_state` and the reserves are not read.
    ///
    /// # Errors
    /// A field that is out of its range or does not fit the memory of this breaker (then the error
    /// names the most that fits); nothing is taken.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.reconfigure(breaker.config().with_minimum_calls(50))?;
    /// assert_eq!(breaker.config().minimum_calls(), 50);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn reconfigure(&self, config: Config) -> Result<(), ConfigError> {
        let config = ready(&config)?;
        let shared = &*self.shared;
        let _one_at_a_time = shared.reconfiguring();
        shared.raw.reconfigure(&config.raw, shared.clock.stamp())?;
        shared.timing.set(&config.raw, &shared.listeners);
        Ok(())
    }

    /// The configuration in force, without its seed; rates as they were taken, to the nearest 1e-9.
    ///
    /// ```
    /// let breaker = trifuse::CircuitBreaker::builder("payments").minimum_calls(7).build()?;
    /// assert_eq!(breaker.config().minimum_calls(), 7);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn config(&self) -> Config {
        let mut raw = self.shared.raw.config();
        raw.seed = 0;
        cusum::unsolved(Config { raw, seeded: false })
    }

    /// What is legal in the configuration in force but known to hurt.
    ///
    /// ```
    /// # use trifuse::Advice;
    /// let breaker = trifuse::CircuitBreaker::builder("payments").minimum_calls(1).build()?;
    /// assert!(breaker.advice().contains(Advice::FewCalls));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn advice(&self) -> Advices {
        self.config().advice().expect("a configuration in force is legal")
    }

    fn steer(&self, call: impl FnOnce(&RawBreaker, u64) -> Event) {
        let event = call(&self.shared.raw, self.shared.clock.stamp());
        self.shared.tell_transition(&event);
    }
}
