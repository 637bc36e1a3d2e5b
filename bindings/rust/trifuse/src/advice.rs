// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;

use trifuse_sys as sys;

use crate::raw;

/// Something legal in a configuration that is known to hurt.
///
/// ```
/// use trifuse::{Advice, Config};
///
/// for advice in Config::DEFAULT.with_request_timeout(None).advice()? {
///     println!("{advice}: {}", advice.reason());
///     assert_eq!(advice, Advice::NoTimeout);
/// }
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum Advice {
    /// A failure rate threshold of 0.1 or less opens on noise.
    LowThreshold = sys::TRIFUSE_ADVICE_LOW_THRESHOLD,
    /// With `minimum_calls` of 2 or less one bad call is a verdict.
    FewCalls = sys::TRIFUSE_ADVICE_FEW_CALLS,
    /// Open for 5 minutes or more.
    LongOpen = sys::TRIFUSE_ADVICE_LONG_OPEN,
    /// `request_timeout` is longer than the longest open wait.
    TimeoutOverOpen = sys::TRIFUSE_ADVICE_TIMEOUT_OVER_OPEN,
    /// An absolute number of failures with no rate beside it.
    CountWithoutRate = sys::TRIFUSE_ADVICE_COUNT_WITHOUT_RATE,
    /// Without `request_timeout` a hang is never an outcome.
    NoTimeout = sys::TRIFUSE_ADVICE_NO_TIMEOUT,
    /// No rule is on: the breaker can never open.
    NoRule = sys::TRIFUSE_ADVICE_NO_RULE,
    /// The number of failures exceeds what the window can hold.
    CountOutOfReach = sys::TRIFUSE_ADVICE_COUNT_OUT_OF_REACH,
    /// A slow duration without a rule, or a rule without a duration.
    SlowRuleOff = sys::TRIFUSE_ADVICE_SLOW_RULE_OFF,
    /// `slow_call_duration` is not below `request_timeout`.
    SlowOverTimeout = sys::TRIFUSE_ADVICE_SLOW_OVER_TIMEOUT,
}

impl Advice {
    /// All advice there is.
    ///
    /// ```
    /// assert!(trifuse::Advice::ALL.iter().all(|advice| !advice.reason().is_empty()));
    /// ```
    pub const ALL: &'static [Self] = &[
        Self::LowThreshold,
        Self::FewCalls,
        Self::LongOpen,
        Self::TimeoutOverOpen,
        Self::CountWithoutRate,
        Self::NoTimeout,
        Self::NoRule,
        Self::CountOutOfReach,
        Self::SlowRuleOff,
        Self::SlowOverTimeout,
    ];

    /// Its code.
    ///
    /// ```
    /// assert_eq!(trifuse::Advice::FewCalls.as_str(), "few_calls");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        raw::text::advice::text(self as u32)
    }

    /// A sentence that says why it hurts.
    ///
    /// ```
    /// assert!(!trifuse::Advice::LongOpen.reason().is_empty());
    /// ```
    #[must_use]
    pub fn reason(self) -> &'static str {
        raw::text::advice_reason(self as u32)
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The advice on one configuration; iterate over it.
///
/// ```
/// assert!(trifuse::Config::DEFAULT.advice()?.is_empty());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advices(pub(crate) u32);

impl Advices {
    /// Whether there is none.
    ///
    /// ```
    /// assert!(!trifuse::Config::DEFAULT.with_minimum_calls(1).advice()?.is_empty());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this advice is given.
    ///
    /// ```
    /// # use trifuse::{Advice, Config};
    /// assert!(Config::DEFAULT.with_minimum_calls(1).advice()?.contains(Advice::FewCalls));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn contains(self, advice: Advice) -> bool {
        self.0 & advice as u32 != 0
    }
}

impl IntoIterator for Advices {
    type Item = Advice;
    type IntoIter = std::vec::IntoIter<Advice>;

    fn into_iter(self) -> Self::IntoIter {
        let given: Vec<_> = Advice::ALL.iter().copied().filter(|advice| self.contains(*advice)).collect();
        given.into_iter()
    }
}
