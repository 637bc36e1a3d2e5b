// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::name::Name;

/// An answer, and how old it is.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let answers = trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?;
/// answers.insert(7, 49).await;
/// let found = answers.lookup(&7).await.unwrap();
/// assert_eq!((found.value, found.stale), (49, false));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<V> {
    /// The answer.
    pub value: V,
    /// How long ago it was kept; zero if it is of this very call.
    pub age: Duration,
    /// Older than the time to live: given because there was no other.
    pub stale: bool,
}

/// The future of a level that asks a cache; see [`ResultCache::level`](crate::cache::ResultCache::level).
///
/// ```
/// use trifuse::{CallError, cache::{Lookup, ResultCache}};
/// let answers = ResultCache::<u8, u8>::builder("answers").build()?;
/// let level = answers.level(7);
/// let asked: Lookup<u8> = level(&CallError::Operation(()));
/// # let _ = asked;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct Lookup<V>(pub(crate) Pin<Box<dyn Future<Output = Option<V>> + Send>>);

impl<V> Future for Lookup<V> {
    type Output = Option<V>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<V>> {
        self.0.as_mut().poll(cx)
    }
}

impl<V> fmt::Debug for Lookup<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

/// What a cache has counted.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let answers = trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?;
/// assert_eq!(answers.lookup(&7).await, None);
/// assert_eq!((answers.snapshot().missed, answers.snapshot().fresh), (1, 0));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheSnapshot {
    /// Its name.
    pub name: Name,
    /// Entries now, about.
    pub entries: u64,
    /// Calls in flight now.
    pub in_flight: usize,
    /// Fresh entries given.
    pub fresh: u64,
    /// Stale entries given.
    pub stale: u64,
    /// Times there was none.
    pub missed: u64,
    /// Calls that got the answer, or the error, of another one.
    pub shared: u64,
    /// Answers kept.
    pub stored: u64,
    /// Answers not kept because they were no real ones.
    pub degraded: u64,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) fresh: AtomicU64,
    pub(crate) stale: AtomicU64,
    pub(crate) missed: AtomicU64,
    pub(crate) shared: AtomicU64,
    pub(crate) stored: AtomicU64,
    pub(crate) degraded: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    pub(crate) fn snapshot(&self, name: &Name, entries: u64, in_flight: usize) -> CacheSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheSnapshot {
            name: name.clone(),
            entries,
            in_flight,
            fresh: read(&self.fresh),
            stale: read(&self.stale),
            missed: read(&self.missed),
            shared: read(&self.shared),
            stored: read(&self.stored),
            degraded: read(&self.degraded),
        }
    }
}
