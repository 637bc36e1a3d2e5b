// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::time::Duration;

use crate::builder_basics::{builder_basics, named};
use crate::clock::Clock;
use crate::error::ConfigError;
use crate::name::Name;
use crate::policy_config::policy_config;
use crate::raw::retry::RawBudget;
use crate::refused::Refused;
use crate::snapshot_policy::RetryBudgetSnapshot;
use crate::text_refusal::{PolicyKind, RefusalReason};

/// From this window on the lag of the coarse clock, 10 ms, is at most 1 %.
const LONG: Duration = Duration::from_secs(1);

/// Keeps the retries of all calls of a client to a share of its first attempts, so that an outage is not
/// answered with a storm.
///
/// Over a sliding `ttl`, `ratio` times the first attempts and `floor` per second may be retries. Share one
/// among all retries of a client; clones are handles to the same budget.
///
/// ```
/// use trifuse::RetryBudget;
///
/// let budget = RetryBudget::builder("client").ratio(0.2).floor(0.0).build()?;
/// for _ in 0..5 {
///     budget.deposit();
/// }
/// assert!(budget.try_withdraw().is_ok()); // five calls pay exactly one retry
/// assert!(budget.try_withdraw().is_err());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct RetryBudget {
    pub(crate) shared: Arc<BudgetShared>,
}

#[repr(align(128))]
pub(crate) struct BudgetShared {
    pub(crate) raw: RawBudget,
    clock: Clock,
    pub(crate) name: Name,
    coarse: bool,
}

/// Makes a [`RetryBudget`]; every field of [`RetryBudgetConfig`] has a method of its name.
///
/// ```
/// let budget = trifuse::RetryBudget::builder("client").floor(1.0).build()?;
/// assert_eq!(budget.snapshot().available, 10);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct RetryBudgetBuilder {
    pub(crate) name: Name,
    pub(crate) config: RetryBudgetConfig,
    pub(crate) clock: Clock,
}

policy_config! {
    /// The configuration of a [`RetryBudget`].
    ///
    /// ```
    /// const BUDGET: trifuse::RetryBudgetConfig = trifuse::RetryBudgetConfig::DEFAULT.with_ratio(0.1);
    /// assert_eq!(BUDGET.floor(), 10.0);
    /// ```
    RetryBudgetConfig(trifuse_retry_budget_config), RawBudget::check,
    RetryBudgetBuilder of RetryBudget, "builder(\"client\")";
    DEFAULT { ttl_ns: 10_000_000_000, ratio: 0.2, floor: 10.0, }
    time Duration, ttl, with_ttl, ttl_ns, "Duration::from_secs(30)",
        "The sliding window, 10 ms to 365 days, by default 10 s.";
    plain f64, ratio, with_ratio, ratio, "0.1",
        "Retries per first attempt, 0 to 1000, to the nearest 1e-9, by default 0.2.";
    plain f64, floor, with_floor, floor, "1.0",
        "Retries per second whatever the traffic, 0 to 1,000,000, to the nearest 1e-9, by default 10.";
}

builder_basics! { RetryBudget, "builder(\"client\")", RetryBudgetBuilder }

impl RetryBudgetBuilder {
    /// Makes the budget.
    ///
    /// # Errors
    /// An empty name, or a field that is out of its range.
    ///
    /// ```
    /// let error = trifuse::RetryBudget::builder("client").ratio(-0.5).build().unwrap_err();
    /// assert_eq!(error.field, "ratio");
    /// ```
    pub fn build(self) -> Result<RetryBudget, ConfigError> {
        named(&self.name)?;
        let raw = RawBudget::new(&self.config.raw, self.clock.stamp())?;
        let coarse = self.config.ttl() >= LONG;
        Ok(RetryBudget { shared: Arc::new(BudgetShared { raw, clock: self.clock, name: self.name, coarse }) })
    }
}

impl RetryBudget {
    /// Starts a budget with the defaults: a fifth of the first attempts and 10 per second, over 10 s.
    ///
    /// ```
    /// let budget = trifuse::RetryBudget::builder("client").build()?;
    /// assert_eq!(budget.name(), "client");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> RetryBudgetBuilder {
        RetryBudgetBuilder { name: name.into(), config: RetryBudgetConfig::DEFAULT, clock: Clock::default() }
    }

    /// A first attempt pays in. A [`Retry`](crate::Retry) with this budget does that by itself.
    ///
    /// ```
    /// # let budget = trifuse::RetryBudget::builder("client").build()?;
    /// budget.deposit();
    /// assert_eq!(budget.snapshot().deposits, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[inline]
    pub fn deposit(&self) {
        let shared = &*self.shared;
        shared.raw.deposit(if shared.coarse { shared.clock.coarse() } else { shared.clock.stamp() });
    }

    /// A retry asks. A [`Retry`](crate::Retry) with this budget does that by itself.
    ///
    /// # Errors
    /// The budget is spent.
    ///
    /// ```
    /// # let budget = trifuse::RetryBudget::builder("client").floor(0.0).build()?;
    /// assert!(budget.try_withdraw().is_err());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn try_withdraw(&self) -> Result<(), Refused> {
        if self.shared.raw.try_withdraw(self.shared.clock.stamp()) {
            return Ok(());
        }
        let name = self.shared.name.clone();
        Err(Refused::new(PolicyKind::RetryBudget, name, RefusalReason::RetryBudget, None))
    }

    /// What is left, and totals.
    ///
    /// ```
    /// # let budget = trifuse::RetryBudget::builder("client").build()?;
    /// assert_eq!(budget.snapshot().available, 100);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> RetryBudgetSnapshot {
        RetryBudgetSnapshot::from_raw(&self.shared.name, &self.shared.raw.snapshot(self.shared.clock.stamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_cores() {
        assert_eq!(RetryBudgetConfig::DEFAULT.raw, RawBudget::defaults());
    }
}
