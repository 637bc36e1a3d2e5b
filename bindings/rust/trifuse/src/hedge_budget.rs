// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;

use crate::builder_basics::{builder_basics, named};
use crate::clock::Clock;
use crate::error::ConfigError;
use crate::name::Name;
use crate::policy_config::policy_config;
use crate::raw::latency::RawHedge;
use crate::snapshot_policy::HedgeBudgetSnapshot;

/// Keeps second attempts to a share of the calls: every call pays its share in, every hedge costs 1.
/// Nothing is there to begin with, and no more than `max_saved` is ever saved up.
///
/// ```
/// let budget = trifuse::HedgeBudget::builder("search").share(0.5).build()?;
/// budget.deposit();
/// assert!(!budget.try_withdraw());
/// budget.deposit();
/// assert!(budget.try_withdraw()); // two calls pay one hedge
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct HedgeBudget {
    pub(crate) shared: Arc<HedgeBudgetShared>,
}

#[repr(align(128))]
pub(crate) struct HedgeBudgetShared {
    raw: RawHedge,
    name: Name,
}

/// Makes a [`HedgeBudget`]; every field of [`HedgeBudgetConfig`] has a method of its name.
///
/// ```
/// let budget = trifuse::HedgeBudget::builder("search").share(0.1).max_saved(5).build()?;
/// # let _ = budget;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct HedgeBudgetBuilder {
    pub(crate) name: Name,
    pub(crate) config: HedgeBudgetConfig,
    pub(crate) clock: Clock,
}

policy_config! {
    /// The configuration of a [`HedgeBudget`].
    ///
    /// ```
    /// const SEARCH: trifuse::HedgeBudgetConfig = trifuse::HedgeBudgetConfig::DEFAULT.with_share(0.02);
    /// assert_eq!(SEARCH.max_saved(), 10);
    /// ```
    HedgeBudgetConfig(trifuse_hedge_config), RawHedge::check,
    HedgeBudgetBuilder of HedgeBudget, "builder(\"search\")";
    DEFAULT { share: 0.05, max_saved: 10, reserved: 0, }
    plain f64, share, with_share, share, "0.1",
        "Hedges per call, 0 to 1, to the nearest 1e-9, by default 0.05.";
    plain u32, max_saved, with_max_saved, max_saved, "5",
        "The most hedges saved up, 1 to 1,000,000, by default 10.";
}

builder_basics! { HedgeBudget, "builder(\"search\")", HedgeBudgetBuilder }

impl HedgeBudgetBuilder {
    /// Makes the budget.
    ///
    /// # Errors
    /// An empty name, or a field that is out of its range.
    ///
    /// ```
    /// let error = trifuse::HedgeBudget::builder("search").share(1.5).build().unwrap_err();
    /// assert_eq!(error.field, "share");
    /// ```
    pub fn build(self) -> Result<HedgeBudget, ConfigError> {
        named(&self.name)?;
        let raw = RawHedge::new(&self.config.raw, self.clock.stamp())?;
        Ok(HedgeBudget { shared: Arc::new(HedgeBudgetShared { raw, name: self.name }) })
    }
}

impl HedgeBudget {
    /// Starts a budget with the defaults: 5 % of the calls, at most 10 saved up.
    ///
    /// ```
    /// let budget = trifuse::HedgeBudget::builder("search").build()?;
    /// assert_eq!(budget.name(), "search");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> HedgeBudgetBuilder {
        HedgeBudgetBuilder { name: name.into(), config: HedgeBudgetConfig::DEFAULT, clock: Clock::default() }
    }

    /// A call pays its share in. A `Hedge` does that by itself.
    ///
    /// ```
    /// # let budget = trifuse::HedgeBudget::builder("search").build()?;
    /// budget.deposit();
    /// assert_eq!(budget.snapshot().calls, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn deposit(&self) {
        self.shared.raw.deposit();
    }

    /// A hedge asks: whether it may be made.
    ///
    /// ```
    /// # let budget = trifuse::HedgeBudget::builder("search").build()?;
    /// assert!(!budget.try_withdraw());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use = "whether the hedge may be made"]
    pub fn try_withdraw(&self) -> bool {
        self.shared.raw.try_withdraw()
    }

    /// What is saved up, and totals.
    ///
    /// ```
    /// # let budget = trifuse::HedgeBudget::builder("search").build()?;
    /// assert_eq!(budget.snapshot().hedges, 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> HedgeBudgetSnapshot {
        HedgeBudgetSnapshot::from_raw(&self.shared.name, &self.shared.raw.snapshot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_cores() {
        assert_eq!(HedgeBudgetConfig::DEFAULT.raw, RawHedge::defaults());
    }
}
