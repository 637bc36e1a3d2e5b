// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls through a cache.
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::lookup::{Found, count};
use crate::cache::result_cache::{Entry, ResultCache, Shared};
use crate::cache::watching::watched;
use crate::fallback_level::degrade;

/// How a call ended, for all who waited for it.
struct Landed<V, E> {
    result: Result<V, Arc<E>>,
    degraded: bool,
}

impl<K, V> ResultCache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The fresh entry, or else what the call answers, which is then kept. Of several calls for one key at the same time one
    /// is made.
    ///
    /// A call that asks the cache for its own key, in its own flight, would wait for itself for ever.
    ///
    /// # Cancel safety
    /// Dropped while it makes the call, the call is dropped and another one who waits makes theirs.
    ///
    /// # Errors
    /// The call's error, the same for all who waited for it.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let answers = trifuse::cache::ResultCache::<u8, u8>::builder("answers").build()?;
    /// let error = answers.get_or_call(7, || async { Err(std::io::Error::other("down")) }).await.unwrap_err();
    /// assert_eq!(error.to_string(), "down");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub async fn get_or_call<E, A>(&self, key: K, call: impl FnOnce() -> A) -> Result<V, Arc<E>>
    where
        A: Future<Output = Result<V, E>>,
        E: Send + Sync + 'static,
    {
        if let Some(value) = self.get(&key).await {
            return Ok(value);
        }
        let seat = self.shared.flights.board::<Landed<V, E>>(key.clone());
        let mut led = false;
        let flight = seat.flight().get_or_init(|| async {
            led = true;
            let landed = self.led(key, call).await;
            seat.land();
            landed
        });
        let Landed { result, degraded } = flight.await;
        if !led {
            count(&self.shared.counts.shared);
            if *degraded {
                degrade();
            }
        }
        result.clone()
    }

    /// As [`get_or_call`](Self::get_or_call); where the call fails, the stale entry if there is one.
    ///
    /// # Cancel safety
    /// As there.
    ///
    /// # Errors
    /// The call's error, where nothing is kept.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use std::time::Duration;
    /// use trifuse::{ManualClock, cache::ResultCache};
    ///
    /// let clock = ManualClock::new();
    /// let answers = ResultCache::<u8, u8>::builder("answers").clock(clock.clone()).build()?;
    /// answers.insert(7, 49).await;
    /// clock.advance(Duration::from_secs(7200));
    /// let found = answers.get_or_stale(7, || async { Err(std::io::Error::other("down")) }).await.unwrap();
    /// assert_eq!((found.value, found.stale, found.age), (49, true, Duration::from_secs(7200)));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub async fn get_or_stale<E, A>(&self, key: K, call: impl FnOnce() -> A) -> Result<Found<V>, Arc<E>>
    where
        A: Future<Output = Result<V, E>>,
        E: Send + Sync + 'static,
    {
        if let Some(found) = self.find(&key).await.filter(|found| !found.stale) {
            count(&self.shared.counts.fresh);
            return Ok(found);
        }
        match self.get_or_call(key.clone(), call).await {
            Ok(value) => Ok(Found { value, age: Duration::ZERO, stale: false }),
            Err(error) => self.lookup(&key).await.ok_or(error),
        }
    }

    pub(super) async fn find(&self, key: &K) -> Option<Found<V>> {
        let Shared { entries, clock, fresh_ns, kept_ns, .. } = &*self.shared;
        let Entry { value, at } = entries.get(key).await?;
        let age = clock.now().saturating_sub(at);
        (age < *kept_ns).then(|| Found { value, age: Duration::from_nanos(age), stale: age >= *fresh_ns })
    }

    /// Makes the call for all who wait. Another one may have landed just before this one took off.
    async fn led<E, A>(&self, key: K, call: impl FnOnce() -> A) -> Landed<V, E>
    where
        A: Future<Output = Result<V, E>>,
    {
        if let Some(found) = self.find(&key).await.filter(|found| !found.stale) {
            return Landed { result: Ok(found.value), degraded: false };
        }
        let (result, degraded) = watched(call()).await;
        if let Ok(value) = &result {
            if degraded {
                count(&self.shared.counts.degraded);
            } else if self.shared.keep_if.as_ref().is_none_or(|keep| keep(value)) {
                self.insert(key, value.clone()).await;
            }
        }
        Landed { result: result.map_err(Arc::new), degraded }
    }
}
