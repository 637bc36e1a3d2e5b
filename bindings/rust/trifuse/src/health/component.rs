// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::health::check::{Checked, HealthCheck};
use crate::health::report::Status;
use crate::name::Name;

/// A component of the service: its name, its check, how long that may take, and whether the service is lost
/// without it.
///
/// ```
/// use std::time::Duration;
/// use trifuse::health::{Component, Health};
///
/// let mail = Component::new("mail", || async { true }).optional().timeout(Duration::from_secs(1));
/// let health = Health::builder().component(mail).build()?;
/// # let _ = health;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct Component {
    pub(crate) name: Name,
    pub(crate) critical: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) check: Arc<dyn Check>,
}

/// A check as it is kept: the one place where its future is boxed, once a report.
pub(crate) trait Check: Send + Sync {
    fn ask(self: Arc<Self>) -> Pin<Box<dyn Future<Output = Checked> + Send>>;
}

struct Asking<H>(H);

impl<H: HealthCheck> Check for Asking<H> {
    fn ask(self: Arc<Self>) -> Pin<Box<dyn Future<Output = Checked> + Send>> {
        Box::pin(async move { self.0.check().await })
    }
}

impl Component {
    /// A component that the service is lost without.
    ///
    /// ```
    /// let disk = trifuse::health::Component::new("disk", || async { true });
    /// # let _ = disk;
    /// ```
    pub fn new(name: impl Into<Name>, check: impl HealthCheck) -> Self {
        Self::of(name.into(), Arc::new(Asking(check)))
    }

    /// As [`new`](Self::new), with a check that blocks: it runs in a thread for such work, at most one at a time. One
    /// that hangs holds one thread, however often it is asked for.
    ///
    /// ```
    /// use trifuse::health::Component;
    /// let disk = Component::blocking("disk", || std::fs::metadata(".").map(|_| ()));
    /// # let _ = disk;
    /// ```
    pub fn blocking<R: Into<Checked>>(
        name: impl Into<Name>,
        check: impl Fn() -> R + Send + Sync + 'static,
    ) -> Self {
        let check = move || check().into();
        let running = Arc::new(tokio::sync::Semaphore::new(1));
        Self::of(name.into(), Arc::new(Blocking { check, running, since: Mutex::new(None) }))
    }

    fn of(name: Name, check: Arc<dyn Check>) -> Self {
        Self { name, critical: true, timeout: None, check }
    }

    /// One that can only degrade the service.
    ///
    /// ```
    /// let mail = trifuse::health::Component::new("mail", || async { true }).optional();
    /// # let _ = mail;
    /// ```
    pub fn optional(mut self) -> Self {
        self.critical = false;
        self
    }

    /// How long its check may take, in place of what all have.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let disk = trifuse::health::Component::new("disk", || async { true }).timeout(Duration::from_millis(100));
    /// # let _ = disk;
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, critical, timeout, check: _ } = self;
        f.debug_struct("Component")
            .field("name", name)
            .field("critical", critical)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}

struct Blocking<F> {
    check: F,
    running: Arc<tokio::sync::Semaphore>,
    /// When the one that is running began.
    since: Mutex<Option<Instant>>,
}

impl<F: Fn() -> Checked + Send + Sync + 'static> Check for Blocking<F> {
    fn ask(self: Arc<Self>) -> Pin<Box<dyn Future<Output = Checked> + Send>> {
        Box::pin(async move {
            let Ok(place) = self.running.clone().try_acquire_owned() else { return self.still_running() };
            *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            let run = move || self.run(place);
            match tokio::task::spawn_blocking(run).await {
                Ok(found) => found,
                Err(gone) => match gone.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(gone) => Checked::failed("the runtime is ending", gone),
                },
            }
        })
    }
}

impl<F: Fn() -> Checked> Blocking<F> {
    fn run(&self, _place: OwnedSemaphorePermit) -> Checked {
        (self.check)()
    }

    fn still_running(&self) -> Checked {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = since.map_or(0, |since| since.elapsed().as_secs());
        (Status::Unhealthy, format!("has not answered for {waited} s")).into()
    }
}
