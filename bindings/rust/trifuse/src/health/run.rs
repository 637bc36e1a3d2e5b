// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::breaker::CircuitBreaker;
use crate::health::breakers;
use crate::health::builder::{HealthBuilder, Heard};
use crate::health::check::Checked;
use crate::health::component::Component;
use crate::health::report::{CheckResult, HealthReport, Status};
use crate::name::Name;
use crate::source::Breakers;

/// What a service needs, and how to find out whether it is there. Clones share it and are cheap.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use trifuse::health::{Health, Status};
///
/// let health = Health::builder().version("1.4.2").check("disk", || async { true }).build()?;
/// assert_eq!(health.report().await.status, Status::Healthy);
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Health {
    known: Arc<Known>,
}

pub(crate) struct Known {
    pub(crate) version: Name,
    pub(crate) components: Vec<Component>,
    pub(crate) breakers: Vec<Arc<dyn Breakers>>,
    pub(crate) critical: BTreeSet<Name>,
    pub(crate) timeout: Duration,
    pub(crate) heard: Vec<Heard>,
    pub(crate) began: Instant,
}

impl Health {
    /// Starts one without components; the breakers are those of [`Registry::global`](crate::Registry::global) unless
    /// it is told others.
    ///
    /// ```
    /// let health = trifuse::health::Health::builder().build()?;
    /// # let _ = health;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder() -> HealthBuilder {
        HealthBuilder::new()
    }

    pub(crate) fn made(known: Known) -> Self {
        Self { known: Arc::new(known) }
    }

    /// Runs all checks side by side, each in a task of its own and within its time, and reports.
    ///
    /// # Cancel safety
    /// Dropped, its checks are dropped. A blocking one runs to its end in its thread.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its timer on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let health = trifuse::health::Health::builder().check("disk", || async { true }).build()?;
    /// println!("{}", health.report().await.status);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub async fn report(&self) -> HealthReport {
        let known = &*self.known;
        let mut found = self.checked().await;
        found.extend(breakers::results(&self.breakers(), &known.critical));
        HealthReport {
            status: overall(&found),
            version: known.version.clone(),
            uptime: known.began.elapsed(),
            checks: found.into_iter().map(|(result, _)| result).collect(),
        }
    }

    /// The breakers that are components, as they are now.
    ///
    /// ```
    /// use trifuse::{CircuitBreaker, health::Health};
    /// let breaker = CircuitBreaker::builder("payments").build()?;
    /// let health = Health::builder().breakers(breaker.clone()).build()?;
    /// assert!(health.breakers()[0].same_as(&breaker));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn breakers(&self) -> Vec<CircuitBreaker> {
        self.known.breakers.iter().flat_map(|source| source.breakers()).collect()
    }

    async fn checked(&self) -> Vec<(CheckResult, bool)> {
        let known = &self.known;
        let mut running = JoinSet::new();
        let mut places = std::collections::HashMap::new();
        for (place, component) in known.components.iter().enumerate() {
            let (check, limit) = (component.check.clone(), component.timeout.unwrap_or(known.timeout));
            let task = running.spawn(async move { (place, timeout(limit, check.ask()).await) });
            places.insert(task.id(), place);
        }
        let mut found: Vec<_> = known.components.iter().map(|_| None).collect();
        while let Some(ended) = running.join_next().await {
            let (place, checked) = match ended {
                Ok((place, Ok(checked))) => (place, checked),
                Ok((place, Err(_))) => {
                    (place, late(known.components[place].timeout.unwrap_or(known.timeout)))
                }
                Err(gone) => (places[&gone.id()], Checked::failed("the check panicked", gone)),
            };
            found[place] = Some(known.told(place, checked));
        }
        found.into_iter().flatten().collect()
    }
}

impl Known {
    fn told(&self, place: usize, checked: Checked) -> (CheckResult, bool) {
        let component = &self.components[place];
        if let Some(error) = &checked.error {
            for listener in &self.heard {
                let tell = std::panic::AssertUnwindSafe(|| listener(&component.name, &**error));
                let _ = std::panic::catch_unwind(tell);
            }
            #[cfg(feature = "tracing")]
            crate::telemetry::tracing::check_failed(&component.name, &**error);
        }
        (CheckResult::new(component.name.clone(), checked.status, checked.message), component.critical)
    }
}

fn late(limit: Duration) -> Checked {
    (Status::Unhealthy, format!("did not answer within {} s", limit.as_secs_f64())).into()
}

fn overall(found: &[(CheckResult, bool)]) -> Status {
    let lost = |(result, critical): &(CheckResult, bool)| *critical && result.status == Status::Unhealthy;
    if found.iter().any(lost) {
        Status::Unhealthy
    } else if found.iter().any(|(result, _)| result.status != Status::Healthy) {
        Status::Degraded
    } else {
        Status::Healthy
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("components", &self.known.components).finish_non_exhaustive()
    }
}
