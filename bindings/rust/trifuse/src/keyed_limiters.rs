// SPDX-License-Identifier: MIT OR Apache-2.0
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error_limits::{LimiterError, RateLimited};
use crate::keyed_limiters_builder::{KeyedRateLimitersBuilder, made};
use crate::keyed_slots::{Kept, Slots};
use crate::limiter::RateLimiter;
use crate::limiter_config::{RateLimiterBuilder, RateLimiterConfig};
use crate::name::Name;

/// A rate limiter for each key (a user, a tenant, a host), at most so many.
///
/// When it is full, a new key takes the place of one that has not been asked for lately, is full again, so
/// that forgetting it changes nothing, and is held by nobody; with none such within reach, it shares an
/// overflow limiter of the same rate with others that found none.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{KeyedRateLimiters, RateLimiter};
///
/// let each = RateLimiter::per(2, Duration::from_secs(60)).name("users");
/// let users = KeyedRateLimiters::<String>::builder(each).max_keys(100_000).build()?;
/// assert!(users.try_acquire("ann").is_ok() && users.try_acquire("ann").is_ok());
/// let limited = users.try_acquire("ann").unwrap_err();
/// assert_eq!(limited.name, "users[ann]");
/// assert!(users.try_acquire("bob").is_ok());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct KeyedRateLimiters<K> {
    each: RateLimiterBuilder,
    max_keys: usize,
    keys: RwLock<Keys<K>>,
    overflow: RateLimiter,
    overflowed: AtomicU64,
    evicted: AtomicU64,
}

struct Keys<K> {
    slots: Slots<K, RateLimiter>,
    /// Of keys to come.
    config: RateLimiterConfig,
}

impl<K> KeyedRateLimiters<K> {
    /// Starts a family of limiters that are like `each`, for 1,000 keys.
    ///
    /// ```
    /// use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let users = KeyedRateLimiters::<u64>::builder(RateLimiter::per_second(5.0).name("users")).build()?;
    /// assert!(users.is_empty());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(each: RateLimiterBuilder) -> KeyedRateLimitersBuilder<K> {
        KeyedRateLimitersBuilder::new(each)
    }

    pub(crate) fn new(each: RateLimiterBuilder, max_keys: usize, overflow: RateLimiter) -> Self {
        let keys = RwLock::new(Keys { slots: Slots::default(), config: each.config });
        Self { each, max_keys, keys, overflow, overflowed: AtomicU64::new(0), evicted: AtomicU64::new(0) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys<K>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys<K>> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limiter that keys share when there is no place for them.
    ///
    /// ```
    /// # use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let users = KeyedRateLimiters::<u64>::builder(RateLimiter::per_second(5.0).name("users")).build()?;
    /// assert_eq!(users.overflow().name(), "users[overflow]");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn overflow(&self) -> &RateLimiter {
        &self.overflow
    }

    /// How often a key was given the overflow limiter.
    ///
    /// ```
    /// # use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let users = KeyedRateLimiters::<u64>::builder(RateLimiter::per_second(5.0)).max_keys(1).build()?;
    /// let (_first, _second) = (users.get(&1), users.get(&2));
    /// assert_eq!(users.overflowed(), 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// How many limiters have made place for others.
    ///
    /// ```
    /// # use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let users = KeyedRateLimiters::<u64>::builder(RateLimiter::per_second(5.0)).max_keys(1).build()?;
    /// users.get(&1); // is full and held by nobody
    /// users.get(&2);
    /// assert_eq!(users.evicted(), 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// The limiters as they are now, without the overflow limiter.
    ///
    /// ```
    /// # use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let users = KeyedRateLimiters::<u64>::builder(RateLimiter::per_second(5.0)).build()?;
    /// users.get(&7);
    /// assert!(users.iter().all(|limiter| limiter.name() == "rate_limit[7]"));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn iter(&self) -> std::vec::IntoIter<RateLimiter> {
        self.read().slots.iter().cloned().collect::<Vec<_>>().into_iter()
    }

    /// How many keys have a limiter of their own.
    ///
    /// ```
    /// # use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let users = KeyedRateLimiters::<u64>::builder(RateLimiter::per_second(5.0)).build()?;
    /// users.get(&7);
    /// assert_eq!(users.len(), 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().slots.len()
    }

    /// Whether no key has one.
    ///
    /// ```
    /// # use trifuse::{KeyedRateLimiters, RateLimiter};
    /// assert!(KeyedRateLimiters::<u64>::builder(RateLimiter::per_second(5.0)).build()?.is_empty());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Another rate and capacity for every key, those to come too; see [`RateLimiter::set_rate`].
    ///
    /// # Errors
    /// A field that is out of its range, and then nothing is taken; the limiters are of another kind.
    ///
    /// ```
    /// use trifuse::{KeyedRateLimiters, RateLimiter, RateLimiterConfig};
    /// let users = KeyedRateLimiters::<u64>::builder(RateLimiter::per_second(5.0)).build()?;
    /// let ann = users.get(&1);
    /// users.set_rate(RateLimiterConfig::DEFAULT.with_rate(2.0))?;
    /// assert_eq!((ann.snapshot().rate, users.get(&2).snapshot().rate), (2.0, 2.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_rate(&self, config: RateLimiterConfig) -> Result<(), LimiterError> {
        let mut keys = self.write();
        self.overflow.set_rate(config)?; // refused, if anything is
        for limiter in keys.slots.iter() {
            limiter.set_rate(config)?;
        }
        keys.config = config;
        Ok(())
    }
}

impl<K: Hash + Eq + Clone + fmt::Display> KeyedRateLimiters<K> {
    /// The limiter of this key, made if it has none. Hold it while you use it: a limiter that somebody holds
    /// is not evicted.
    ///
    /// ```
    /// # use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let users = KeyedRateLimiters::<String>::builder(RateLimiter::per_second(5.0)).build()?;
    /// let ann = users.get("ann");
    /// assert!(users.get("ann").same_as(&ann) && !users.get("bob").same_as(&ann));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn get<Q>(&self, key: &Q) -> RateLimiter
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let found = self.read().slots.find(key).cloned();
        found.unwrap_or_else(|| self.place(key.to_owned()))
    }

    /// Takes a token of this key if one is there; as `get(key).try_acquire()`, but faster.
    ///
    /// # Errors
    /// There is none; the error tells when.
    ///
    /// ```
    /// # use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let users = KeyedRateLimiters::<String>::builder(RateLimiter::per_second(1.0)).build()?;
    /// assert!(users.try_acquire("ann").is_ok() && users.try_acquire("bob").is_ok());
    /// assert!(users.try_acquire("ann").is_err());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn try_acquire<Q>(&self, key: &Q) -> Result<(), RateLimited>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(limiter) = self.read().slots.find(key) {
            return limiter.try_acquire();
        }
        self.place(key.to_owned()).try_acquire()
    }

    /// Takes `n` tokens of this key if they are there, all or none; as `get(key).try_acquire_n(n)`, but faster.
    ///
    /// # Errors
    /// As [`RateLimiter::try_acquire_n`].
    ///
    /// ```
    /// # use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let users = KeyedRateLimiters::<String>::builder(RateLimiter::per_second(5.0)).build()?;
    /// assert!(users.try_acquire_n("ann", 5).is_ok() && users.try_acquire_n("ann", 1).is_err());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn try_acquire_n<Q>(&self, key: &Q, n: u64) -> Result<(), LimiterError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(limiter) = self.read().slots.find(key) {
            return limiter.try_acquire_n(n);
        }
        self.place(key.to_owned()).try_acquire_n(n)
    }

    /// Finds room for a new key. Its text is made without the lock: that may be foreign code.
    #[cold]
    fn place(&self, key: K) -> RateLimiter {
        let name = Name::from(format!("{}[{key}]", self.each.name));
        let mut keys = self.write();
        if let Some(limiter) = keys.slots.find(&key) {
            return limiter.clone();
        }
        let Some(place) = keys.slots.place(self.max_keys) else {
            drop(keys);
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            return self.overflow.clone();
        };
        let limiter = made(&self.each, name, keys.config).expect("the overflow limiter was made of the same");
        let old = keys.slots.put(place, key, limiter.clone());
        drop(keys);
        if old.is_some() {
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        limiter
    }
}

impl Kept for RateLimiter {
    /// Full, and held by nobody but its slot: who waits holds it.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.shared) == 1 && self.shared.is_full()
    }
}

impl<K> fmt::Debug for KeyedRateLimiters<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimiters").field("name", &self.each.name).finish_non_exhaustive()
    }
}
