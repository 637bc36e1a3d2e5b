// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use moka::future::Cache;

use crate::cache::builder::{KeepIf, ResultCacheBuilder};
use crate::cache::flights::Flights;
use crate::cache::lookup::{CacheSnapshot, Counts, Found, Lookup, count};
use crate::clock::Clock;
use crate::error::CallError;
use crate::fallback_level::degrade;
use crate::name::Name;

/// Keeps what calls have really answered, by key, and gives it when there is no other answer. Clones share it and are
/// cheap.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use trifuse::cache::ResultCache;
///
/// let squares = ResultCache::<u8, u16>::builder("squares").build()?;
/// let square = |n: u8| async move { Ok::<_, std::io::Error>(u16::from(n) * u16::from(n)) };
/// assert_eq!(squares.get_or_call(7, || square(7)).await.unwrap(), 49);
/// assert_eq!(squares.get(&7).await, Some(49));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
pub struct ResultCache<K, V> {
    pub(crate) shared: Arc<Shared<K, V>>,
}

pub(crate) struct Shared<K, V> {
    name: Name,
    pub(super) entries: Cache<K, Entry<V>>,
    /// Younger than this it is fresh.
    pub(super) fresh_ns: u64,
    /// Younger than this it can be given.
    pub(super) kept_ns: u64,
    pub(super) keep_if: Option<KeepIf<V>>,
    pub(super) clock: Clock,
    pub(super) flights: Flights<K>,
    pub(super) counts: Counts,
}

#[derive(Clone)]
pub(crate) struct Entry<V> {
    pub(crate) value: V,
    pub(super) at: u64,
}

impl<K, V> Shared<K, V> {
    pub(crate) fn new(
        name: Name,
        entries: Cache<K, Entry<V>>,
        fresh_ns: u64,
        kept_ns: u64,
        keep_if: Option<KeepIf<V>>,
        clock: Clock,
    ) -> Self {
        let (flights, counts) = (Flights::default(), Counts::default());
        Self { name, entries, fresh_ns, kept_ns, keep_if, clock, flights, counts }
    }
}

impl<K, V> ResultCache<K, V> {
    /// Starts one with the defaults: 10,000 entries, fresh for an hour, stale for a day.
    ///
    /// ```
    /// let answers = trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?;
    /// # let _ = answers;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> ResultCacheBuilder<K, V> {
        ResultCacheBuilder::new(name.into())
    }

    /// Its name.
    ///
    /// ```
    /// assert_eq!(trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?.name(), "answers");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }
}

impl<K, V> ResultCache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// What it has counted.
    ///
    /// ```
    /// let answers = trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?;
    /// assert_eq!(answers.snapshot().stored, 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> CacheSnapshot {
        let Shared { name, entries, flights, counts, .. } = &*self.shared;
        counts.snapshot(name, entries.entry_count(), flights.len())
    }

    /// The fresh entry of this key.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let answers = trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?;
    /// assert_eq!(answers.get(&7).await, None);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub async fn get(&self, key: &K) -> Option<V> {
        let found = self.find(key).await.filter(|found| !found.stale);
        let counts = &self.shared.counts;
        count(if found.is_some() { &counts.fresh } else { &counts.missed });
        found.map(|found| found.value)
    }

    /// The entry of this key, fresh or stale: what a fallback gives. A stale one makes the call that it is given in a
    /// degraded one, which another cache does not keep.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let answers = trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?;
    /// answers.insert(7, 49).await;
    /// assert_eq!(answers.lookup(&7).await.unwrap().value, 49);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub async fn lookup(&self, key: &K) -> Option<Found<V>> {
        let found = self.find(key).await;
        let counts = &self.shared.counts;
        match &found {
            None => count(&counts.missed),
            Some(Found { stale: false, .. }) => count(&counts.fresh),
            Some(Found { stale: true, .. }) => {
                count(&counts.stale);
                degrade();
            }
        }
        found
    }

    /// A level of a [`Fallback`](crate::Fallback), for `level_async`: the entry of this key, fresh or stale.
    ///
    /// ```
    /// use trifuse::{Fallback, cache::ResultCache};
    /// let answers = ResultCache::<String, u64>::builder("answers").build()?;
    /// let fallback = Fallback::<_, std::io::Error>::new("answers").level_async("cache", answers.level("why".to_owned()));
    /// # let _ = fallback;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn level<E>(
        &self,
        key: K,
    ) -> impl Fn(&CallError<E>) -> Lookup<V> + Send + Sync + 'static + use<K, V, E> {
        let cache = self.clone();
        move |_| {
            let (cache, key) = (cache.clone(), key.clone());
            Lookup(Box::pin(async move { cache.lookup(&key).await.map(|found| found.value) }))
        }
    }

    /// Keeps an answer, in place of the one that is there.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let answers = trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?;
    /// answers.insert(7, 49).await;
    /// assert_eq!(answers.get(&7).await, Some(49));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub async fn insert(&self, key: K, value: V) {
        let at = self.shared.clock.now();
        self.shared.entries.insert(key, Entry { value, at }).await;
        count(&self.shared.counts.stored);
    }

    /// Forgets the answer of this key, and gives it.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let answers = trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?;
    /// answers.insert(7, 49).await;
    /// assert_eq!((answers.remove(&7).await, answers.get(&7).await), (Some(49), None));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub async fn remove(&self, key: &K) -> Option<V> {
        self.shared.entries.remove(key).await.map(|entry| entry.value)
    }
}

impl<K, V> Clone for ResultCache<K, V> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<K, V> fmt::Debug for ResultCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultCache").field("name", &self.shared.name).finish_non_exhaustive()
    }
}
