// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::snapshot::Snapshot;
use crate::text::State;

/// What an alert is about.
///
/// ```
/// assert_ne!(trifuse::monitor::AlertKind::Raised, trifuse::monitor::AlertKind::Cleared);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertKind {
    /// A breaker has not been closed for `alert_after`.
    Raised,
    /// It is well again, for `clear_after`; or it is gone.
    Cleared,
}

/// A breaker has stayed open, or has recovered.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use trifuse::{CircuitBreaker, monitor::{AlertKind, Monitor}};
///
/// let breaker = CircuitBreaker::builder("payments").build()?;
/// breaker.force_open();
/// let (sender, alerts) = std::sync::mpsc::channel();
/// let monitor = Monitor::builder(breaker).on_alert(move |alert| sender.send(alert.clone()).unwrap()).start()?;
/// tokio::time::sleep(Duration::from_millis(1)).await;
/// let alert = alerts.try_recv().unwrap();
/// assert_eq!((&*alert.breaker.name, alert.kind), ("payments", AlertKind::Raised));
/// # monitor.stop().await;
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Alert {
    /// Raised or cleared.
    pub kind: AlertKind,
    /// The breaker as it was seen last.
    pub breaker: Snapshot,
    /// How long it had not been well, as far as the monitor has seen.
    pub lasted: Duration,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, breaker, lasted } = self;
        let name = breaker.name.as_str();
        match kind {
            AlertKind::Raised => write!(
                f,
                "circuit breaker {name:?} has not been closed for {lasted:?}: {} ({})",
                breaker.state, breaker.cause
            ),
            AlertKind::Cleared => write!(f, "circuit breaker {name:?} is well again, after {lasted:?}"),
        }
    }
}

/// What is known of one breaker.
#[derive(Default)]
pub(crate) struct Watch {
    bad_since: Option<Instant>,
    good_since: Option<Instant>,
    raised: bool,
}

impl Watch {
    /// A look at the breaker. Closed for less than `clear_after`, it has not been well in between.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        seen: &Snapshot,
        alert_after: Duration,
        clear_after: Duration,
    ) -> Option<Alert> {
        if matches!(seen.state, State::Open | State::ForcedOpen | State::HalfOpen) {
            self.good_since = None;
            let lasted = now - *self.bad_since.get_or_insert(now);
            let raise = !self.raised && lasted >= alert_after;
            self.raised |= raise;
            return raise.then(|| Alert { kind: AlertKind::Raised, breaker: seen.clone(), lasted });
        }
        let bad_since = self.bad_since?;
        let good_since = *self.good_since.get_or_insert(now);
        if now - good_since < clear_after {
            return None;
        }
        let cleared = self.raised.then(|| good_since - bad_since);
        *self = Self::default();
        cleared.map(|lasted| Alert { kind: AlertKind::Cleared, breaker: seen.clone(), lasted })
    }

    /// The breaker is not there any more.
    pub(crate) fn gone(&self, now: Instant, last: &Snapshot) -> Option<Alert> {
        let bad_since = self.bad_since.filter(|_| self.raised)?;
        let lasted = self.good_since.unwrap_or(now) - bad_since;
        Some(Alert { kind: AlertKind::Cleared, breaker: last.clone(), lasted })
    }
}
