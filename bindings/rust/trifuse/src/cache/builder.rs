// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::result_cache::{Entry, ResultCache, Shared};
use crate::clock::Clock;
use crate::config::to_ns;
use crate::error::{ConfigError, ConfigValue};
use crate::name::Name;

const YEAR: Duration = Duration::from_secs(365 * 86_400);

pub(crate) type KeepIf<V> = Arc<dyn Fn(&V) -> bool + Send + Sync>;
type Weigher<K, V> = Arc<dyn Fn(&K, &V) -> u32 + Send + Sync>;

/// Makes a [`ResultCache`].
///
/// ```
/// use std::time::Duration;
/// use trifuse::cache::ResultCache;
///
/// let answers = ResultCache::<String, std::sync::Arc<str>>::builder("answers")
///     .capacity(50_000)
///     .time_to_live(Duration::from_secs(600))
///     .build()?;
/// # let _ = answers;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct ResultCacheBuilder<K, V> {
    name: Name,
    capacity: u64,
    time_to_live: Duration,
    stale_if_error: Duration,
    keep_if: Option<KeepIf<V>>,
    weigher: Option<Weigher<K, V>>,
    clock: Clock,
}

impl<K, V> ResultCacheBuilder<K, V> {
    pub(crate) fn new(name: Name) -> Self {
        Self {
            name,
            capacity: 10_000,
            time_to_live: Duration::from_secs(3600),
            stale_if_error: Duration::from_secs(86_400),
            keep_if: None,
            weigher: None,
            clock: Clock::default(),
        }
    }

    /// How many entries there can be, 10,000 by default; with [`weigh`](Self::weigh) the sum of their weights.
    ///
    /// ```
    /// let builder = trifuse::cache::ResultCache::<u8, u8>::builder("answers").capacity(100);
    /// # builder.build().unwrap();
    /// ```
    pub fn capacity(mut self, capacity: u64) -> Self {
        self.capacity = capacity;
        self
    }

    /// The weight of an entry, such as its bytes. One that is heavier than the capacity is not kept.
    ///
    /// ```
    /// let bytes = |key: &String, value: &std::sync::Arc<str>| (key.len() + value.len()) as u32;
    /// let builder = trifuse::cache::ResultCache::builder("answers").capacity(64 << 20).weigh(bytes);
    /// # builder.build().unwrap();
    /// ```
    pub fn weigh(mut self, weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Arc::new(weigher));
        self
    }

    /// How long an entry is fresh and stands in for the call, an hour by default.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = trifuse::cache::ResultCache::<u8, u8>::builder("answers").time_to_live(Duration::from_secs(60));
    /// # builder.build().unwrap();
    /// ```
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = time;
        self
    }

    /// How much longer it is given where there is no other answer, a day by default; zero: not at all.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = trifuse::cache::ResultCache::<u8, u8>::builder("answers").stale_if_error(Duration::ZERO);
    /// # builder.build().unwrap();
    /// ```
    pub fn stale_if_error(mut self, time: Duration) -> Self {
        self.stale_if_error = time;
        self
    }

    /// Keeps only answers that `keep` says yes to, by default all.
    ///
    /// ```
    /// let builder = trifuse::cache::ResultCache::<u8, Vec<u8>>::builder("answers").keep_if(|found| !found.is_empty());
    /// # builder.build().unwrap();
    /// ```
    pub fn keep_if(mut self, keep: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        self.keep_if = Some(Arc::new(keep));
        self
    }

    /// Where it takes its time from; for tests.
    ///
    /// ```
    /// let clock = trifuse::ManualClock::new();
    /// let builder = trifuse::cache::ResultCache::<u8, u8>::builder("answers").clock(clock);
    /// # builder.build().unwrap();
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Makes the cache.
    ///
    /// # Errors
    /// An empty name, no capacity, no time to live, a time over a year.
    ///
    /// ```
    /// let error = trifuse::cache::ResultCache::<u8, u8>::builder("answers").capacity(0).build().unwrap_err();
    /// assert_eq!(error.field, "capacity");
    /// ```
    pub fn build(self) -> Result<ResultCache<K, V>, ConfigError>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let Self { name, capacity, time_to_live, stale_if_error, keep_if, weigher, clock } = self;
        crate::builder_basics::named(&name)?;
        if capacity == 0 {
            return Err(ConfigError::new("capacity", ConfigValue::Integer(0), "at least 1"));
        }
        let refused =
            |field, time, allowed| Err(ConfigError::new(field, ConfigValue::Duration(time), allowed));
        if time_to_live.is_zero() || time_to_live > YEAR {
            return refused("time_to_live", time_to_live, "more than 0, up to 365 days");
        }
        if stale_if_error > YEAR {
            return refused("stale_if_error", stale_if_error, "up to 365 days");
        }
        let mut entries = moka::future::Cache::<K, Entry<V>>::builder()
            .name(&name)
            .max_capacity(capacity)
            .time_to_live(time_to_live + stale_if_error);
        if let Some(weigh) = weigher {
            entries = entries.weigher(move |key, entry| weigh(key, &entry.value));
        }
        let (fresh_ns, kept_ns) = (to_ns(time_to_live), to_ns(time_to_live + stale_if_error));
        Ok(ResultCache {
            shared: Arc::new(Shared::new(name, entries.build(), fresh_ns, kept_ns, keep_if, clock)),
        })
    }
}

impl<K, V> fmt::Debug for ResultCacheBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultCacheBuilder")
            .field("name", &self.name)
            .field("capacity", &self.capacity)
            .field("time_to_live", &self.time_to_live)
            .field("stale_if_error", &self.stale_if_error)
            .finish_non_exhaustive()
    }
}
