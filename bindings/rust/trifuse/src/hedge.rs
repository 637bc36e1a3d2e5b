// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{ConfigError, ConfigValue};
use crate::hedge_budget::HedgeBudget;
use crate::histogram::LatencyHistogram;
use crate::name::Name;

/// Cuts the tail of latencies: when a call takes long, the same is tried a second time beside it; the
/// first success wins and the other attempt is dropped.
///
/// For operations that may be made twice. At most a share of the calls is hedged (5 % by default), so a
/// slow backend is not given twice the load.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::cell::Cell;
/// use std::time::Duration;
/// use trifuse::{Hedge, HedgeBudget};
///
/// let budget = HedgeBudget::builder("search").share(1.0).build()?;
/// let hedge = Hedge::after("search", Duration::from_millis(50)).budget(&budget).build()?;
/// let attempts = Cell::new(0);
/// let answer = hedge.call_async(|| async {
///     attempts.set(attempts.get() + 1);
///     if attempts.get() == 1 { std::future::pending().await } else { Ok::<_, ()>("from the second") }
/// });
/// assert_eq!(answer.await, Ok("from the second"));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Hedge {
    pub(crate) shared: Arc<HedgeShared>,
}

pub(crate) struct HedgeShared {
    pub(crate) name: Name,
    pub(crate) after: After,
    pub(crate) budget: HedgeBudget,
    clock: Clock,
}

/// When the second attempt begins.
#[derive(Clone, Debug)]
pub(crate) enum After {
    Fixed(Duration),
    Quantile(f64, LatencyHistogram),
}

/// Makes a [`Hedge`].
///
/// ```
/// use std::time::Duration;
/// let hedge = trifuse::Hedge::after("search", Duration::from_millis(50)).build()?;
/// # let _ = hedge;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct HedgeBuilder {
    name: Name,
    wait: Wait,
    budget: Option<HedgeBudget>,
    clock: Clock,
}

#[derive(Clone, Copy)]
enum Wait {
    Fixed(Duration),
    Quantile(f64),
}

/// What the quantile of a hedge is taken from.
const SLIDING: Duration = Duration::from_secs(60);

impl HedgeBuilder {
    /// A budget of your own, or one that several hedges share; by default one of its own with 5 %.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use trifuse::{Hedge, HedgeBudget};
    /// let budget = HedgeBudget::builder("client").share(0.02).build()?;
    /// let hedge = Hedge::after("search", Duration::from_millis(50)).budget(&budget).build()?;
    /// # let _ = hedge;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn budget(mut self, budget: &HedgeBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    /// Where it takes the time of calls from; for tests.
    ///
    /// ```
    /// # use trifuse::{Clock, Hedge};
    /// let hedge = Hedge::after_quantile("search", 0.95).clock(Clock::Tokio).build()?;
    /// # let _ = hedge;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Makes it.
    ///
    /// # Errors
    /// An empty name; a quantile outside of 0 to 1.
    ///
    /// ```
    /// let error = trifuse::Hedge::after_quantile("search", 1.5).build().unwrap_err();
    /// assert_eq!(error.field, "after");
    /// ```
    pub fn build(self) -> Result<Hedge, ConfigError> {
        crate::builder_basics::named(&self.name)?;
        let Self { name, wait, budget, clock } = self;
        let after = match wait {
            Wait::Fixed(wait) => After::Fixed(wait),
            Wait::Quantile(share) if (0.0..=1.0).contains(&share) => {
                let latency = LatencyHistogram::builder(name.clone()).sliding(SLIDING).clock(clock.clone());
                After::Quantile(share, latency.build()?)
            }
            Wait::Quantile(share) => {
                return Err(ConfigError::new("after", ConfigValue::Real(share), "a quantile of 0.0 to 1.0"));
            }
        };
        let budget = match budget {
            Some(budget) => budget,
            None => HedgeBudget::builder(name.clone()).build()?,
        };
        Ok(Hedge { shared: Arc::new(HedgeShared { name, after, budget, clock }) })
    }
}

impl std::fmt::Debug for HedgeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HedgeBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Hedge {
    /// The second attempt begins after a fixed time.
    ///
    /// ```
    /// use std::time::Duration;
    /// let hedge = trifuse::Hedge::after("search", Duration::from_millis(50)).build()?;
    /// assert_eq!(hedge.name(), "search");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn after(name: impl Into<Name>, wait: Duration) -> HedgeBuilder {
        HedgeBuilder { name: name.into(), wait: Wait::Fixed(wait), budget: None, clock: Clock::default() }
    }

    /// The second attempt begins when this share of the successful calls of the last minute would have
    /// ended: 0.95 is the p95. Until there has been a call, none is hedged.
    ///
    /// ```
    /// let hedge = trifuse::Hedge::after_quantile("search", 0.95).build()?;
    /// assert_eq!(hedge.delay(), None);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn after_quantile(name: impl Into<Name>, share: f64) -> HedgeBuilder {
        HedgeBuilder { name: name.into(), wait: Wait::Quantile(share), budget: None, clock: Clock::default() }
    }

    /// Its name.
    ///
    /// ```
    /// # use std::time::Duration;
    /// assert_eq!(trifuse::Hedge::after("search", Duration::ZERO).build()?.name(), "search");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// After what time a call would be hedged now; `None`: not known yet.
    ///
    /// ```
    /// use std::time::Duration;
    /// let hedge = trifuse::Hedge::after("search", Duration::from_millis(50)).build()?;
    /// assert_eq!(hedge.delay(), Some(Duration::from_millis(50)));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        match &self.shared.after {
            After::Fixed(wait) => Some(*wait),
            After::Quantile(share, latency) => latency.quantile(*share),
        }
    }

    /// Its budget.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let hedge = trifuse::Hedge::after("search", Duration::from_millis(50)).build()?;
    /// assert_eq!(hedge.budget().snapshot().hedges, 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn budget(&self) -> &HedgeBudget {
        &self.shared.budget
    }

    /// A call that succeeded is what the quantile is taken from.
    pub(crate) fn ended(&self, began: u64) {
        if let After::Quantile(_, latency) = &self.shared.after {
            latency.record(Duration::from_nanos(self.shared.clock.now().saturating_sub(began)));
        }
    }

    pub(crate) fn began(&self) -> u64 {
        match &self.shared.after {
            After::Fixed(_) => 0,
            After::Quantile(..) => self.shared.clock.now(),
        }
    }
}

impl std::fmt::Debug for Hedge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hedge").field("name", &self.name()).finish_non_exhaustive()
    }
}
