// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use crate::bulkhead::{AdaptiveLimit, Bulkhead};
use crate::error::{ConfigError, ConfigValue};
use crate::keyed_slots::{Kept, Slots};
use crate::line::Served;
use crate::places::Places;

/// How many requests are worked at: a [`Bulkhead`] or an [`AdaptiveLimit`].
///
/// ```
/// use trifuse::Bulkhead;
/// use trifuse::axum::Concurrency;
/// let limit = Concurrency::from(Bulkhead::builder("inbound").limit(200).build()?);
/// # let _ = limit;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Concurrency(pub(crate) Arc<Places>);

impl From<Bulkhead> for Concurrency {
    fn from(bulkhead: Bulkhead) -> Self {
        Self(bulkhead.shared)
    }
}

impl From<AdaptiveLimit> for Concurrency {
    fn from(limit: AdaptiveLimit) -> Self {
        Self(limit.shared)
    }
}

impl fmt::Debug for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Concurrency").field(&self.0.name).finish()
    }
}

impl Kept for Concurrency {
    /// Nobody is in or waits, and nobody but its slot holds it.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) == 1 && self.0.raw.in_flight() == 0 && self.0.queue().is_empty()
    }
}

/// A [`Bulkhead`] or [`AdaptiveLimit`] for each key, at most so many.
///
/// When it is full, a new key takes the place of one that is idle and was not asked for lately; with none
/// such within reach, it shares an overflow limit with others that found none.
///
/// ```
/// use std::net::IpAddr;
/// use trifuse::Bulkhead;
/// use trifuse::axum::KeyedConcurrency;
///
/// let peers = KeyedConcurrency::<IpAddr>::new(10_000, || Bulkhead::builder("peers").limit(8).build())?;
/// assert!(peers.is_empty());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct KeyedConcurrency<K> {
    make: Box<dyn Fn() -> Result<Concurrency, ConfigError> + Send + Sync>,
    max_keys: usize,
    slots: Mutex<Slots<K, Concurrency>>,
    overflow: Concurrency,
}

impl<K> KeyedConcurrency<K> {
    /// With a function that makes the limit of a key.
    ///
    /// # Errors
    /// What the function refuses; `max_keys` is 0.
    ///
    /// ```
    /// use trifuse::AdaptiveLimit;
    /// use trifuse::axum::KeyedConcurrency;
    /// let none = KeyedConcurrency::<String>::new(0, || AdaptiveLimit::aimd("tenants").build());
    /// assert_eq!(none.unwrap_err().to_string(), "max_keys = 0 is not allowed: at least 1");
    /// ```
    pub fn new<L: Into<Concurrency>>(
        max_keys: usize,
        make: impl Fn() -> Result<L, ConfigError> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        if max_keys == 0 {
            return Err(ConfigError::new("max_keys", ConfigValue::Integer(0), "at least 1"));
        }
        let overflow = make()?.into();
        let make = Box::new(move || make().map(Into::into));
        Ok(Self { make, max_keys, slots: Mutex::default(), overflow })
    }

    /// How many keys have a limit of their own.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no key has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq + Clone> KeyedConcurrency<K> {
    pub(crate) fn get(&self, key: &K) -> Concurrency {
        if let Some(known) = self.slots.lock().unwrap_or_else(PoisonError::into_inner).find(key) {
            return known.clone();
        }
        // Made without the lock: that is foreign code. What it refuses this time is the overflow's.
        let Ok(made) = (self.make)() else { return self.overflow.clone() };
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = slots.find(key) {
            return known.clone();
        }
        let Some(place) = slots.place(self.max_keys) else { return self.overflow.clone() };
        let old = slots.put(place, key.clone(), made.clone());
        drop(slots);
        drop(old);
        made
    }
}

impl<K> fmt::Debug for KeyedConcurrency<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedConcurrency").field("max_keys", &self.max_keys).finish_non_exhaustive()
    }
}
