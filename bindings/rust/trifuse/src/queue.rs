// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting in line, first come first served: what gives a place back wakes the one who gets it, and
//! nobody else.
//!
//! A waiter is a ticket and a waker. Who is no longer in the line has been given a place; a waiter that
//! leaves learns whether it still was. Whoever gives back first gives back, then looks whether somebody
//! waits; whoever waits first lines up, then tries once more: with a fence between the two steps on both
//! sides one of them sees the other, so no wake-up is lost.
//!
//! Wakers are woken and dropped with the lock free: the last clone of a waker may drop a task, and that
//! task may hold a place, or wait here.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

#[derive(Default)]
pub(crate) struct Queue {
    line: Mutex<Line>,
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Line {
    next: u64,
    waiters: BTreeMap<u64, Waker>,
}

/// What became of lining up.
pub(crate) enum Joined {
    /// A place was there after all.
    Taken,
    Waiting(u64),
    /// As many wait as may.
    Full,
}

impl Queue {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, line: &Line) {
        self.waiting.store(line.waiters.len(), Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Lines up behind at most `most - 1` others; `take` tries to get a place.
    pub(crate) fn join(&self, most: usize, waker: &Waker, take: impl Fn() -> bool) -> Joined {
        let mut line = self.lock();
        if line.waiters.len() >= most {
            return if line.waiters.is_empty() && take() { Joined::Taken } else { Joined::Full };
        }
        let ticket = line.next;
        line.next += 1;
        line.waiters.insert(ticket, waker.clone());
        self.publish(&line);
        let first = line.waiters.len() == 1;
        if first && take() {
            let left = line.waiters.remove(&ticket);
            self.publish(&line);
            drop(line);
            drop(left);
            return Joined::Taken;
        }
        Joined::Waiting(ticket)
    }

    /// Whether the ticket's turn has come; else `waker` is the one to wake.
    pub(crate) fn is_served(&self, ticket: u64, waker: &Waker) -> bool {
        let mut line = self.lock();
        let Some(kept) = line.waiters.get_mut(&ticket) else { return true };
        if !kept.will_wake(waker) {
            let earlier = std::mem::replace(kept, waker.clone());
            drop(line);
            drop(earlier);
        }
        false
    }

    /// Leaves the line; `false`: it was served already, and the place is the caller's.
    pub(crate) fn leave(&self, ticket: u64) -> bool {
        let mut line = self.lock();
        let left = line.waiters.remove(&ticket);
        self.publish(&line);
        drop(line);
        left.is_some()
    }

    /// After a place was given back: serves the first ones as long as `take` gets a place.
    #[inline]
    pub(crate) fn serve(&self, take: impl Fn() -> bool) {
        fence(Ordering::SeqCst);
        if !self.is_empty() {
            self.serve_line(take);
        }
    }

    #[cold]
    fn serve_line(&self, take: impl Fn() -> bool) {
        while let Some(waker) = self.pop(&take) {
            waker.wake();
        }
    }

    fn pop(&self, take: impl Fn() -> bool) -> Option<Waker> {
        let mut line = self.lock();
        if line.waiters.is_empty() || !take() {
            return None;
        }
        let first = line.waiters.pop_first();
        self.publish(&line);
        first.map(|(_, waker)| waker)
    }

    /// Gives a place that the caller holds to the first in line; `false`: nobody waits.
    pub(crate) fn hand_over(&self) -> bool {
        let first = self.pop(|| true);
        let handed = first.is_some();
        if let Some(waker) = first {
            waker.wake();
        }
        handed
    }
}

/// Wakes a thread that is parked.
pub(crate) fn thread_waker() -> Waker {
    struct Unpark(std::thread::Thread);

    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }

    Waker::from(std::sync::Arc::new(Unpark(std::thread::current())))
}
