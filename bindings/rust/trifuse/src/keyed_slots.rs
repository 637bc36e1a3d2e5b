// SPDX-License-Identifier: MIT OR Apache-2.0
//! Policies by key, at most so many; who makes place is found by a clock hand.
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};

/// Slots that were not asked for lately, but are in use: how many a search looks at. It looks with the lock
/// taken, and a key that finds none has the overflow.
const LOOKED_AT: usize = 16;

/// What can be kept by key.
pub(crate) trait Kept {
    /// Whether it can be forgotten without a difference: in its first state, and nobody else holds it.
    fn is_idle(&self) -> bool;
}

pub(crate) struct Slots<K, P> {
    index: HashMap<K, usize>,
    slots: Vec<Slot<K, P>>,
    /// Where the search for a place goes on: a clock hand that clears `asked` as it passes.
    hand: usize,
}

struct Slot<K, P> {
    key: K,
    policy: P,
    asked: AtomicBool,
}

impl<K, P> Default for Slots<K, P> {
    fn default() -> Self {
        Self { index: HashMap::new(), slots: Vec::new(), hand: 0 }
    }
}

impl<K, P> Slots<K, P> {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &P> {
        self.slots.iter().map(|slot| &slot.policy)
    }
}

impl<K: Hash + Eq + Clone, P: Kept> Slots<K, P> {
    pub(crate) fn find<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&P>
    where
        K: Borrow<Q>,
    {
        let slot = &self.slots[*self.index.get(key)?];
        if !slot.asked.load(Ordering::Relaxed) {
            slot.asked.store(true, Ordering::Relaxed);
        }
        Some(&slot.policy)
    }

    /// A slot that is new or may be taken. Each step beyond the counted ones clears what a call had set.
    pub(crate) fn place(&mut self, capacity: usize) -> Option<usize> {
        if self.slots.len() < capacity {
            return Some(self.slots.len());
        }
        let mut looked_at = 0;
        for _ in 0..2 * self.slots.len() {
            let at = self.hand;
            self.hand = (at + 1) % self.slots.len();
            let slot = &self.slots[at];
            if slot.asked.swap(false, Ordering::Relaxed) {
                continue;
            }
            if slot.policy.is_idle() {
                return Some(at);
            }
            looked_at += 1;
            if looked_at == LOOKED_AT {
                break;
            }
        }
        None
    }

    /// Puts a policy there; the one that had to go.
    pub(crate) fn put(&mut self, place: usize, key: K, policy: P) -> Option<P> {
        self.index.insert(key.clone(), place);
        let slot = Slot { key, policy, asked: AtomicBool::new(true) };
        if place == self.slots.len() {
            self.slots.push(slot);
            return None;
        }
        let old = std::mem::replace(&mut self.slots[place], slot);
        self.index.remove(&old.key);
        Some(old.policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Busy(bool);

    impl Kept for Busy {
        fn is_idle(&self) -> bool {
            !self.0
        }
    }

    fn full(slots: usize, idle: usize) -> Slots<usize, Busy> {
        let mut all = Slots::default();
        for key in 0..slots {
            all.put(key, key, Busy(key != idle));
        }
        all
    }

    #[test]
    fn a_search_looks_at_few_that_are_in_use_and_goes_on_from_there() {
        let mut slots = full(4 * LOOKED_AT, 2 * LOOKED_AT + 1);
        assert_eq!((slots.place(4 * LOOKED_AT), slots.hand), (None, LOOKED_AT));
        assert_eq!((slots.place(4 * LOOKED_AT), slots.hand), (None, 2 * LOOKED_AT));
        assert_eq!(slots.place(4 * LOOKED_AT), Some(2 * LOOKED_AT + 1));
    }

    #[test]
    fn a_search_passes_all_that_were_asked_for_to_find_the_one_that_is_idle() {
        let mut slots = full(LOOKED_AT, LOOKED_AT - 1);
        assert_eq!(slots.place(LOOKED_AT), Some(LOOKED_AT - 1));
        assert!(slots.find(&3).is_some() && slots.find(&LOOKED_AT).is_none());
    }
}
