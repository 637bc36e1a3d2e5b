// SPDX-License-Identifier: MIT OR Apache-2.0
//! The methods that a bulkhead and an adaptive limit have in common.
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::bulkhead_config::{AdaptiveLimitBuilder, AdaptiveLimitConfig, BulkheadBuilder, BulkheadConfig};
use crate::bulkhead_permit::BulkheadPermit;
use crate::error::ConfigError;
use crate::name::Name;
use crate::places::{Enter, Held, Holder, Places};
use crate::refused::Refused;
use crate::snapshot_policy::ConcurrencySnapshot;
use crate::text_policy::Algorithm;

/// At most N calls in flight; others are refused, or wait in line.
///
/// Clones are handles to the same bulkhead and cheap; it is `Send + Sync` and takes no lock unless
/// somebody waits. Who waits is served first come first served; a place that is given back goes to the
/// first in line, and nobody else is woken.
///
/// ```
/// let bulkhead = trifuse::Bulkhead::builder("search").limit(2).build()?;
/// let (one, two) = (bulkhead.try_acquire()?, bulkhead.try_acquire()?);
/// assert!(bulkhead.try_acquire().is_err());
/// drop(one);
/// assert!(bulkhead.try_acquire().is_ok());
/// # drop(two);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Bulkhead {
    pub(crate) shared: Arc<Places>,
}

/// A bulkhead that finds its own N, from the outcome and the duration of each call.
///
/// Three [algorithms](Algorithm): [`aimd`](Self::aimd), [`vegas`](Self::vegas), [`gradient2`](Self::gradient2).
/// Permits, waiting and clones are as those of a [`Bulkhead`].
///
/// ```
/// use trifuse::AdaptiveLimit;
///
/// let limit = AdaptiveLimit::gradient2("search").max_limit(200).build()?;
/// let answer = limit.call(|| Ok::<_, std::io::Error>(42))?;
/// assert_eq!((answer, limit.limit()), (42, 20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AdaptiveLimit {
    pub(crate) shared: Arc<Places>,
}

macro_rules! common {
    ($type:ident, $make:literal) => {
        impl $type {
            /// Takes a place if one is free and nobody waits for it.
            ///
            /// # Errors
            /// There is none.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "let permit = policy.try_acquire()?;\nassert_eq!(policy.in_flight(), 1);\n# drop(permit);\n",
                "# Ok::<(), Box<dyn std::error::Error>>(())\n```"
            )]
            #[inline]
            pub fn try_acquire(&self) -> Result<BulkheadPermit<'_>, Refused> {
                self.shared.try_take()?;
                Ok(BulkheadPermit(Held::new(Holder::Borrowed(&self.shared))))
            }

            /// As [`try_acquire`](Self::try_acquire), with a permit that can be sent anywhere.
            ///
            /// # Errors
            /// There is none.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "let permit = policy.try_acquire_owned()?;\n",
                "std::thread::spawn(move || permit.success()).join().unwrap();\n",
                "assert_eq!(policy.in_flight(), 0);\n# Ok::<(), Box<dyn std::error::Error>>(())\n```"
            )]
            pub fn try_acquire_owned(&self) -> Result<BulkheadPermit<'static>, Refused> {
                self.shared.try_take()?;
                Ok(BulkheadPermit(Held::new(Holder::Owned(self.shared.clone()))))
            }

            /// Waits in line for a place, behind at most `max_queue - 1` others, at most `max_wait` and
            /// never past a [`Deadline`](crate::Deadline).
            ///
            /// Works in every runtime. A limit in time needs a timer: without the feature `tokio` it waits
            /// as long as it takes; drop the future to end it.
            ///
            /// # Cancel safety
            /// It asks when it is first polled. Dropped while it waits, it leaves the line; a place that it
            /// was given in that moment goes to the next.
            ///
            /// # Errors
            /// As many wait as may, or `max_wait` has passed.
            ///
            /// # Panics
            /// With the feature `tokio`, when it has to wait at most so long outside of a tokio runtime.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "# futures::executor::block_on(async {\nlet permit = policy.acquire().await?;\n",
                "permit.success();\n# Ok::<(), trifuse::Refused>(())\n# }).unwrap();\n",
                "# Ok::<(), Box<dyn std::error::Error>>(())\n```"
            )]
            pub fn acquire(&self) -> impl Future<Output = Result<BulkheadPermit<'_>, Refused>> + Send {
                let shared = &*self.shared;
                async move {
                    Enter::new(shared).await?;
                    Ok(BulkheadPermit(Held::new(Holder::Borrowed(shared))))
                }
            }

            /// As [`acquire`](Self::acquire), with a permit that can be sent anywhere.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "# futures::executor::block_on(async {\nlet permit = policy.acquire_owned().await?;\n",
                "std::thread::spawn(move || permit.success());\n# Ok::<(), trifuse::Refused>(())\n",
                "# }).unwrap();\n# Ok::<(), Box<dyn std::error::Error>>(())\n```"
            )]
            pub fn acquire_owned(
                &self,
            ) -> impl Future<Output = Result<BulkheadPermit<'static>, Refused>> + Send + use<> {
                let shared = self.shared.clone();
                async move {
                    Enter::new(shared.clone()).await?;
                    Ok(BulkheadPermit(Held::new(Holder::Owned(shared))))
                }
            }

            /// As [`acquire`](Self::acquire), parking the thread while it waits.
            ///
            /// # Errors
            /// As many wait as may, or `max_wait` has passed.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "policy.acquire_blocking()?.success();\n# Ok::<(), Box<dyn std::error::Error>>(())\n```"
            )]
            pub fn acquire_blocking(&self) -> Result<BulkheadPermit<'_>, Refused> {
                self.shared.take_blocking()?;
                Ok(BulkheadPermit(Held::new(Holder::Borrowed(&self.shared))))
            }

            /// Another N; throws nobody out, and lets the first in line in where it grows.
            ///
            /// # Errors
            /// An N out of its range.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "policy.set_limit(30)?;\nassert_eq!(policy.limit(), 30);\n",
                "assert_eq!(policy.set_limit(0).unwrap_err().field, \"limit\");\n",
                "# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            pub fn set_limit(&self, limit: u32) -> Result<(), ConfigError> {
                self.shared.raw.set_limit(limit)?;
                self.shared.let_in();
                Ok(())
            }

            /// N now.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "assert_eq!(policy.limit(), 20);\n# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            #[must_use]
            pub fn limit(&self) -> u32 {
                self.shared.raw.limit()
            }

            /// Calls in flight now.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "assert_eq!(policy.in_flight(), 0);\n# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            #[must_use]
            pub fn in_flight(&self) -> u64 {
                self.shared.raw.in_flight()
            }

            /// Calls that wait in line now.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "assert_eq!(policy.waiting(), 0);\n# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            #[must_use]
            pub fn waiting(&self) -> usize {
                use crate::line::Served;
                self.shared.queue().len()
            }

            /// Limit, calls in flight and totals.
            #[doc = concat!(
                "\n\n```\n# let policy = trifuse::", stringify!($type), "::", $make, "(\"search\").build()?;\n",
                "policy.try_acquire()?.success();\nassert_eq!(policy.snapshot().admitted, 1);\n",
                "# Ok::<(), Box<dyn std::error::Error>>(())\n```"
            )]
            #[must_use]
            pub fn snapshot(&self) -> ConcurrencySnapshot {
                ConcurrencySnapshot::from_raw(&self.shared.name, &self.shared.raw.snapshot())
            }
        }
    };
}

common! { Bulkhead, "builder" }
common! { AdaptiveLimit, "aimd" }

impl Bulkhead {
    /// Starts a bulkhead of 20 places without a line.
    ///
    /// ```
    /// use std::time::Duration;
    /// let bulkhead = trifuse::Bulkhead::builder("search")
    ///     .limit(5)
    ///     .max_queue(100)
    ///     .max_wait(Duration::from_secs(1))
    ///     .build()?;
    /// # let _ = bulkhead;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> BulkheadBuilder {
        BulkheadBuilder::new(name.into(), BulkheadConfig::DEFAULT)
    }
}

impl AdaptiveLimit {
    /// One more on success, a share less on failure, on a timeout, and on a call over `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    /// let limit = trifuse::AdaptiveLimit::aimd("search").timeout(Duration::from_millis(200)).build()?;
    /// # let _ = limit;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn aimd(name: impl Into<Name>) -> AdaptiveLimitBuilder {
        Self::by(Algorithm::Aimd, name.into())
    }

    /// By the queue that the latency speaks of: the time of a call beside that of one without load.
    ///
    /// ```
    /// let limit = trifuse::AdaptiveLimit::vegas("search").alpha(2.0).build()?;
    /// # let _ = limit;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn vegas(name: impl Into<Name>) -> AdaptiveLimitBuilder {
        Self::by(Algorithm::Vegas, name.into())
    }

    /// By the ratio of the long-term latency to the present one; the one to begin with.
    ///
    /// ```
    /// let limit = trifuse::AdaptiveLimit::gradient2("search").tolerance(2.0).build()?;
    /// # let _ = limit;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn gradient2(name: impl Into<Name>) -> AdaptiveLimitBuilder {
        Self::by(Algorithm::Gradient2, name.into())
    }

    fn by(algorithm: Algorithm, name: Name) -> AdaptiveLimitBuilder {
        AdaptiveLimitBuilder::new(name, AdaptiveLimitConfig::DEFAULT.with_algorithm(algorithm))
    }
}

/// What the builders say beside the configuration.
#[derive(Clone, Copy, Default)]
pub(crate) struct Line {
    pub(crate) max_queue: usize,
    pub(crate) max_wait: Option<Duration>,
}
