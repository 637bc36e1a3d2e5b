// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calls in flight, by key and by what they return.
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

type Erased = Arc<dyn Any + Send + Sync>;
type ByKey<K> = HashMap<(K, TypeId), Erased>;

pub(crate) struct Flights<K>(Mutex<ByKey<K>>);

impl<K> Default for Flights<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// A place in a flight. The cell lets one of those who hold it make the call; where that one leaves, the next.
pub(crate) struct Seat<'a, K: Hash + Eq, R: Send + Sync + 'static> {
    flights: &'a Flights<K>,
    key: Option<(K, TypeId)>,
    flight: Arc<OnceCell<R>>,
}

impl<K: Hash + Eq + Clone> Flights<K> {
    pub(crate) fn board<R: Send + Sync + 'static>(&self, key: K) -> Seat<'_, K, R> {
        let key = (key, TypeId::of::<R>());
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flight = match flights.entry(key.clone()) {
            Entry::Occupied(there) => there.get().clone(),
            Entry::Vacant(place) => place.insert(Arc::new(OnceCell::<R>::new())).clone(),
        };
        let flight = flight.downcast().expect("a flight of this type by its key");
        Seat { flights: self, key: Some(key), flight }
    }
}

impl<K> Flights<K> {
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl<K: Hash + Eq, R: Send + Sync + 'static> Seat<'_, K, R> {
    pub(crate) fn flight(&self) -> &OnceCell<R> {
        &self.flight
    }

    /// The call has ended: who comes now makes the next one.
    pub(crate) fn land(&self) {
        if let Some(key) = &self.key {
            self.forget(key, |_| true);
        }
    }

    fn forget(&self, key: &(K, TypeId), when: impl FnOnce(&Erased) -> bool) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = |flight: &Erased| std::ptr::addr_eq(Arc::as_ptr(flight), Arc::as_ptr(&self.flight));
        if flights.get(key).is_some_and(|flight| ours(flight) && when(flight)) {
            let gone = flights.remove_entry(key);
            drop(flights);
            drop(gone);
        }
    }
}

impl<K: Hash + Eq, R: Send + Sync + 'static> Drop for Seat<'_, K, R> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            // Nobody but the map and this seat has it.
            self.forget(&key, |flight| Arc::strong_count(flight) == 2);
        }
    }
}
