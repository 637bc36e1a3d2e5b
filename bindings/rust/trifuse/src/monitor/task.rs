// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::monitor::alert::{Alert, Watch};
use crate::monitor::builder::MonitorBuilder;
use crate::name::Name;
use crate::snapshot::Snapshot;
use crate::source::Breakers;

/// A task that looks at breakers at a fixed period. Dropped, it ends.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use trifuse::{Registry, monitor::Monitor};
/// let monitor = Monitor::builder(Registry::global()).start()?;
/// assert!(monitor.is_running());
/// monitor.stop().await;
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a monitor that is dropped ends"]
pub struct Monitor {
    task: JoinHandle<()>,
}

/// One look at all breakers.
///
/// ```
/// use trifuse::{Registry, monitor::Monitor};
/// let builder = Monitor::builder(Registry::global()).on_sample(|sample| {
///     if sample.missed > 0 {
///         eprintln!("{} looks left out", sample.missed);
///     }
/// });
/// # let _ = builder;
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Sample<'a> {
    /// The breakers, as they are now.
    pub breakers: &'a [Snapshot],
    /// The number of the look, from 1 on.
    pub number: u64,
    /// Looks that were due since the one before, and left out because the task came too late.
    pub missed: u64,
}

impl Monitor {
    /// Starts a monitor of these breakers, also of those that a registry makes later.
    ///
    /// ```
    /// let builder = trifuse::monitor::Monitor::builder(trifuse::Registry::global());
    /// # let _ = builder;
    /// ```
    pub fn builder(breakers: impl Breakers + 'static) -> MonitorBuilder {
        MonitorBuilder::new(Box::new(breakers))
    }

    pub(crate) fn of(task: JoinHandle<()>) -> Self {
        Self { task }
    }

    /// Whether it still looks: its runtime has not ended.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # use trifuse::{Registry, monitor::Monitor};
    /// assert!(Monitor::builder(Registry::global()).start()?.is_running());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Ends the task. No hook runs any more when this returns.
    ///
    /// # Cancel safety
    /// Dropped on its way, the task ends all the same.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # use trifuse::{Registry, monitor::Monitor};
    /// Monitor::builder(Registry::global()).start()?.stop().await;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub async fn stop(mut self) {
        // It can only end where it waits for the next look, so never within a hook.
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) struct Task {
    settings: MonitorBuilder,
    watched: HashMap<Name, Watched>,
}

struct Watched {
    watch: Watch,
    last: Snapshot,
    /// The number of the look that found it last.
    found: u64,
}

impl Task {
    pub(crate) fn new(settings: MonitorBuilder) -> Self {
        Self { settings, watched: HashMap::new() }
    }

    pub(crate) async fn run(mut self) {
        let period = self.settings.period;
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut number, mut before) = (0, None);
        loop {
            let due = ticks.tick().await;
            let passed = before.map_or(1, |before: Instant| (due - before).as_nanos() / period.as_nanos());
            let missed = u64::try_from(passed.saturating_sub(1)).unwrap_or(u64::MAX);
            before = Some(due);
            number += 1;
            self.look(number, missed);
        }
    }

    fn look(&mut self, number: u64, missed: u64) {
        let settings = &mut self.settings;
        let Ok(found) = catch_unwind(AssertUnwindSafe(|| settings.breakers.breakers())) else { return };
        let breakers: Vec<_> = found.iter().map(|breaker| breaker.snapshot()).collect();
        let sample = Sample { breakers: &breakers, number, missed };
        for hook in &mut settings.on_sample {
            let _ = catch_unwind(AssertUnwindSafe(|| hook(&sample)));
        }
        if !settings.on_alert.is_empty() {
            for alert in self.alerts(number, &breakers) {
                for hook in &mut self.settings.on_alert {
                    let _ = catch_unwind(AssertUnwindSafe(|| hook(&alert)));
                }
            }
        }
    }

    fn alerts(&mut self, number: u64, breakers: &[Snapshot]) -> Vec<Alert> {
        let (now, mut alerts) = (Instant::now(), Vec::new());
        let (alert_after, clear_after) = (self.settings.alert_after, self.settings.clear_after);
        for seen in breakers {
            let new = || Watched { watch: Watch::default(), last: seen.clone(), found: number };
            let known = self.watched.entry(seen.name.clone()).or_insert_with(new);
            (known.last, known.found) = (seen.clone(), number);
            alerts.extend(known.watch.look(now, seen, alert_after, clear_after));
        }
        self.watched.retain(|_, known| {
            let there = known.found == number;
            if !there {
                alerts.extend(known.watch.gone(now, &known.last));
            }
            there
        });
        alerts
    }
}
