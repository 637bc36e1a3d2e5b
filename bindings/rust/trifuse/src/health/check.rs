// SPDX-License-Identifier: MIT OR Apache-2.0
use std::any::type_name;
use std::borrow::Cow;
use std::error::Error;
use std::future::Future;

use crate::health::report::Status;

/// How to find out whether a component is there. Asynchronous functions without arguments are checks; a type
/// with state of its own implements it without boxing anything:
///
/// ```
/// use trifuse::health::{Checked, Health, HealthCheck, Status};
///
/// struct Queue {
///     most: usize,
/// }
///
/// impl HealthCheck for Queue {
///     async fn check(&self) -> Checked {
///         let waiting = 3; // ask the queue
///         if waiting > self.most { (Status::Degraded, "long").into() } else { Status::Healthy.into() }
///     }
/// }
///
/// let health = Health::builder().check("queue", Queue { most: 100 }).build()?;
/// # let _ = health;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub trait HealthCheck: Send + Sync + 'static {
    /// Asks the component.
    ///
    /// # Cancel safety
    /// It is dropped when its time is over, and when nobody waits for the report any more.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use trifuse::health::{HealthCheck, Status};
    /// let check = || async { Status::Degraded };
    /// assert_eq!(check.check().await.status(), Status::Degraded);
    /// # });
    /// ```
    fn check(&self) -> impl Future<Output = Checked> + Send;
}

impl<F, A, R> HealthCheck for F
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = R> + Send,
    R: Into<Checked>,
{
    fn check(&self) -> impl Future<Output = Checked> + Send {
        let asking = self();
        async move { asking.await.into() }
    }
}

/// What a check found.
///
/// ```
/// use trifuse::health::{Checked, Status};
///
/// assert_eq!(Checked::from(()).status(), Status::Healthy);
/// assert_eq!(Checked::from(false).status(), Status::Unhealthy);
/// let failed = Checked::from(Err::<(), _>(std::io::Error::other("password of admin@db refused")));
/// assert_eq!((failed.status(), failed.message()), (Status::Unhealthy, "std::io::error::Error"));
/// ```
#[derive(Debug)]
pub struct Checked {
    pub(crate) status: Status,
    pub(crate) message: Cow<'static, str>,
    pub(crate) error: Option<Box<dyn Error + Send + Sync>>,
}

impl Checked {
    /// A failure with a message that may be public, and its error, which may not.
    ///
    /// ```
    /// use trifuse::health::{Checked, Status};
    /// let failed = Checked::failed("no answer from the broker", std::io::Error::other("10.0.0.7:5672"));
    /// assert_eq!((failed.status(), failed.message()), (Status::Unhealthy, "no answer from the broker"));
    /// ```
    pub fn failed(
        message: impl Into<Cow<'static, str>>,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { status: Status::Unhealthy, message: message.into(), error: Some(error.into()) }
    }

    /// How the component is.
    ///
    /// ```
    /// use trifuse::health::{Checked, Status};
    /// assert_eq!(Checked::from(true).status(), Status::Healthy);
    /// ```
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// What reports say of it.
    ///
    /// ```
    /// assert_eq!(trifuse::health::Checked::from(false).message(), "the check said no");
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    fn of(status: Status, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into(), error: None }
    }
}

impl From<()> for Checked {
    fn from((): ()) -> Self {
        Self::of(Status::Healthy, "")
    }
}

impl From<bool> for Checked {
    fn from(well: bool) -> Self {
        if well { ().into() } else { Self::of(Status::Unhealthy, "the check said no") }
    }
}

impl From<Status> for Checked {
    fn from(status: Status) -> Self {
        Self::of(status, "")
    }
}

impl<M: Into<Cow<'static, str>>> From<(Status, M)> for Checked {
    fn from((status, message): (Status, M)) -> Self {
        Self::of(status, message)
    }
}

impl<T: Into<Self>, E: Into<Box<dyn Error + Send + Sync>>> From<Result<T, E>> for Checked {
    /// Of an error reports say the type.
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(found) => found.into(),
            Err(error) => Self::failed(kind::<E>(), error),
        }
    }
}

/// The type of an error, where that says something.
fn kind<E>() -> &'static str {
    let name = type_name::<E>();
    let is_text = matches!(name, "&str" | "alloc::string::String");
    if is_text || name.contains("dyn ") { "the check failed" } else { name }
}
