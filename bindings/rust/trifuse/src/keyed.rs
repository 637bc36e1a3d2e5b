// SPDX-License-Identifier: MIT OR Apache-2.0
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::breaker::CircuitBreaker;
use crate::clock::Clock;
use crate::config::Config;
use crate::event::Listeners;
use crate::keyed_builder::KeyedBuilder;
use crate::keyed_slots::{Kept, Slots};
use crate::name::Name;
use crate::text::State;

/// A breaker for each key (a region, a host, a tenant), at most so many.
///
/// When it is full, a new key takes the place of one that has not been asked for lately, is closed,
/// has no call in flight and is held by nobody; with none such within reach, it shares an overflow breaker
/// with others that found none.
///
/// ```
/// use trifuse::KeyedBreakers;
///
/// let regions = KeyedBreakers::<String>::builder("orders").capacity(100).build()?;
/// let eu = regions.get("eu");
/// assert_eq!(eu.name(), "orders[eu]");
/// assert!(regions.get("eu").same_as(&eu));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct KeyedBreakers<K> {
    pub(crate) name: Name,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) listeners: Listeners,
    pub(crate) capacity: usize,
    pub(crate) slots: RwLock<Slots<K, CircuitBreaker>>,
    pub(crate) overflow: CircuitBreaker,
    pub(crate) overflowed: AtomicU64,
    pub(crate) evicted: AtomicU64,
}

impl<K> KeyedBreakers<K> {
    /// Starts a family of breakers with the defaults, for 1,000 keys.
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").build()?;
    /// assert!(hosts.is_empty());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> KeyedBuilder<K> {
        KeyedBuilder::new(name.into())
    }

    /// The breaker that keys share when there is no place for them.
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").build()?;
    /// assert_eq!(hosts.overflow().name(), "http[overflow]");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn overflow(&self) -> &CircuitBreaker {
        &self.overflow
    }

    /// How often a key was given the overflow breaker.
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").build()?;
    /// assert_eq!(hosts.overflowed(), 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// How many breakers have made place for others.
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").build()?;
    /// assert_eq!(hosts.evicted(), 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// The breakers as they are now, without the overflow breaker.
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").build()?;
    /// hosts.get("example.org");
    /// assert_eq!(hosts.iter().count(), 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn iter(&self) -> std::vec::IntoIter<CircuitBreaker> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.iter().cloned().collect::<Vec<_>>().into_iter()
    }

    /// How many keys have a breaker of their own.
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").build()?;
    /// assert_eq!(hosts.len(), 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no key has one.
    ///
    /// ```
    /// let hosts = trifuse::KeyedBreakers::<String>::builder("http").build()?;
    /// assert!(hosts.is_empty());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq + Clone + fmt::Display> KeyedBreakers<K> {
    /// The breaker of this key, made if it has none. Hold it while you use it: a breaker that somebody
    /// holds is not evicted.
    ///
    /// ```
    /// let shards = trifuse::KeyedBreakers::<u32>::builder("db").build()?;
    /// assert_eq!(shards.get(&7).name(), "db[7]");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn get<Q>(&self, key: &Q) -> CircuitBreaker
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(breaker) = self.slots.read().unwrap_or_else(PoisonError::into_inner).find(key) {
            return breaker.clone();
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = slots.find(key) {
            return breaker.clone();
        }
        let Some(place) = slots.place(self.capacity) else {
            drop(slots);
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            return self.overflow.clone();
        };
        let key = key.to_owned();
        let breaker = self.make(&key);
        if slots.put(place, key, breaker.clone()).is_some() {
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        breaker
    }

    fn make(&self, key: &K) -> CircuitBreaker {
        let mut builder = CircuitBreaker::builder(format!("{}[{key}]", self.name)).with_config(self.config);
        builder.clock = self.clock.clone();
        builder.listeners = self.listeners.clone();
        builder.build().expect("the overflow breaker was made of the same configuration")
    }
}

impl Kept for CircuitBreaker {
    /// Closed, and held by nobody but its slot: calls in flight hold their breaker.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.shared) == 1 && self.state() == State::Closed
    }
}

impl<K> fmt::Debug for KeyedBreakers<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBreakers").field("name", &self.name).finish_non_exhaustive()
    }
}
