// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::time::Duration;

use crate::error::{ConfigError, ConfigValue};
use crate::monitor::alert::Alert;
use crate::monitor::task::{Monitor, Sample, Task};
use crate::source::Breakers;

const LEAST: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) type OnSample = Box<dyn FnMut(&Sample<'_>) + Send>;
pub(crate) type OnAlert = Box<dyn FnMut(&Alert) + Send>;

/// Makes a [`Monitor`].
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Registry, monitor::Monitor};
/// let builder = Monitor::builder(Registry::global()).period(Duration::from_millis(2));
/// # let _ = builder;
/// ```
#[must_use]
pub struct MonitorBuilder {
    pub(crate) breakers: Box<dyn Breakers>,
    pub(crate) period: Duration,
    pub(crate) alert_after: Duration,
    pub(crate) clear_after: Duration,
    pub(crate) on_sample: Vec<OnSample>,
    pub(crate) on_alert: Vec<OnAlert>,
}

impl MonitorBuilder {
    pub(crate) fn new(breakers: Box<dyn Breakers>) -> Self {
        let (alert_after, clear_after) = (Duration::ZERO, Duration::ZERO);
        let (on_sample, on_alert) = (Vec::new(), Vec::new());
        Self { breakers, period: Duration::from_secs(1), alert_after, clear_after, on_sample, on_alert }
    }

    /// The time from one look to the next, 1 s by default; 1 ms to a day. tokio's timer has a grain of 1 ms.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use trifuse::{Registry, monitor::Monitor};
    /// let builder = Monitor::builder(Registry::global()).period(Duration::from_millis(2));
    /// # let _ = builder;
    /// ```
    pub fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// Calls `hook` at each look, in the monitor's task; a panic of it is caught. It should be quick: looks that are due
    /// while it runs are left out.
    ///
    /// ```
    /// # use trifuse::{Registry, monitor::Monitor};
    /// let builder = Monitor::builder(Registry::global()).on_sample(|sample| println!("{}", sample.breakers.len()));
    /// # let _ = builder;
    /// ```
    pub fn on_sample(mut self, hook: impl FnMut(&Sample<'_>) + Send + 'static) -> Self {
        self.on_sample.push(Box::new(hook));
        self
    }

    /// Calls `hook` when an alert is raised or cleared, as [`on_sample`](Self::on_sample).
    ///
    /// ```
    /// # use trifuse::{Registry, monitor::Monitor};
    /// let builder = Monitor::builder(Registry::global()).on_alert(|alert| eprintln!("{alert}"));
    /// # let _ = builder;
    /// ```
    pub fn on_alert(mut self, hook: impl FnMut(&Alert) + Send + 'static) -> Self {
        self.on_alert.push(Box::new(hook));
        self
    }

    /// Raises an alert for a breaker that has not been closed for this long (open, forced open or half-open), at once by
    /// default.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use trifuse::{Registry, monitor::Monitor};
    /// let builder = Monitor::builder(Registry::global()).alert_after(Duration::from_secs(60));
    /// # let _ = builder;
    /// ```
    pub fn alert_after(mut self, time: Duration) -> Self {
        self.alert_after = time;
        self
    }

    /// Takes a breaker for well again once it has been closed for this long, at once by default: one that flaps is one
    /// alert.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use trifuse::{Registry, monitor::Monitor};
    /// let builder = Monitor::builder(Registry::global()).clear_after(Duration::from_secs(300));
    /// # let _ = builder;
    /// ```
    pub fn clear_after(mut self, time: Duration) -> Self {
        self.clear_after = time;
        self
    }

    /// Starts the task; the first look is at once.
    ///
    /// # Errors
    /// A period under 1 ms or over a day.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its timer on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # use trifuse::{Registry, monitor::Monitor};
    /// let monitor = Monitor::builder(Registry::global()).start()?;
    /// # drop(monitor);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn start(self) -> Result<Monitor, ConfigError> {
        if self.period < LEAST || self.period > DAY {
            return Err(ConfigError::new("period", ConfigValue::Duration(self.period), "1 ms to a day"));
        }
        Ok(Monitor::of(tokio::spawn(Task::new(self).run())))
    }
}

impl fmt::Debug for MonitorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorBuilder").field("period", &self.period).finish_non_exhaustive()
    }
}
