// SPDX-License-Identifier: MIT OR Apache-2.0
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::name::Name;

/// How a component or the service is.
///
/// ```
/// assert_eq!(trifuse::health::Status::Degraded.to_string(), "degraded");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Status {
    /// It does what it is there for.
    #[default]
    Healthy,
    /// It works, but not as it should.
    Degraded,
    /// It does not work.
    Unhealthy,
}

impl Status {
    /// The name that reports use.
    ///
    /// ```
    /// assert_eq!(trifuse::health::Status::Healthy.as_str(), "healthy");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How one component is.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let health = trifuse::health::Health::builder().check("disk", || async { false }).build()?;
/// assert_eq!(health.report().await.checks[0].message, "the check said no");
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CheckResult {
    /// Of the component.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    pub name: Name,
    /// How it is.
    pub status: Status,
    /// For people; empty when there is nothing to say.
    pub message: Cow<'static, str>,
}

impl CheckResult {
    pub(crate) fn new(name: impl Into<Name>, status: Status, message: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), status, message: message.into() }
    }
}

impl fmt::Display for CheckResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.status)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, " ({})", self.message) }
    }
}

/// How the service is, and what that follows from.
///
/// With the feature `serde` it is written as `{status, version, uptime_seconds, checks: [{name, status, message}]}`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let report = trifuse::health::Health::builder().version("1.4.2").without_breakers().build()?.report().await;
/// assert_eq!((report.status.as_str(), &*report.version, report.checks.len()), ("healthy", "1.4.2", 0));
/// # #[cfg(feature = "serde")]
/// assert_eq!(serde_json::to_value(&report).unwrap()["status"], "healthy");
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HealthReport {
    /// Unhealthy if a critical component is; degraded if any is not healthy; else healthy.
    pub status: Status,
    /// Of the service, as it was given.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    pub version: Name,
    /// Since the [`Health`](crate::health::Health) was made.
    #[cfg_attr(feature = "serde", serde(rename = "uptime_seconds", serialize_with = "as_seconds"))]
    pub uptime: Duration,
    /// Of the components, in the order they were added, breakers last.
    pub checks: Vec<CheckResult>,
}

impl HealthReport {
    /// Whether all is well: what a readiness route asks.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let health = trifuse::health::Health::builder().without_breakers().build()?;
    /// assert!(health.report().await.is_healthy());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.status == Status::Healthy
    }

    /// The uptime as reports write it: seconds, to the millisecond.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let health = trifuse::health::Health::builder().without_breakers().build()?;
    /// assert!(health.report().await.uptime_seconds() < 60.0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn uptime_seconds(&self) -> f64 {
        in_seconds(self.uptime)
    }
}

fn in_seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

#[cfg(feature = "serde")]
fn as_text<S: serde::Serializer>(name: &Name, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name)
}

#[cfg(feature = "serde")]
fn as_seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(in_seconds(*time))
}
