// SPDX-License-Identifier: MIT OR Apache-2.0
//! The levels of a fallback, and which one answered last.
#[cfg(feature = "cache")]
use std::cell::Cell;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::CallError;
use crate::name::Name;

/// Of a [`Fallback`](crate::Fallback): no level waits, so it can guard blocking calls too.
///
/// ```
/// use trifuse::{AtOnce, Fallback};
/// let fallback: Fallback<u8, (), AtOnce> = Fallback::new("search").value(7);
/// # let _ = fallback;
/// ```
#[derive(Clone, Copy, Debug)]
pub enum AtOnce {}

/// Of a [`Fallback`](crate::Fallback): a level may wait, so it guards asynchronous calls only.
///
/// ```
/// use trifuse::{Fallback, MayWait};
/// let spare = |_: &_| async { Some(7) };
/// let fallback: Fallback<u8, (), MayWait> = Fallback::new("search").level_async("spare", spare);
/// # let _ = fallback;
/// ```
#[derive(Clone, Copy, Debug)]
pub enum MayWait {}

/// An answer to come. Boxed, and only made when a call has failed.
pub(crate) type Later<T> = Pin<Box<dyn Future<Output = Option<T>> + Send>>;

type OfError<R, E> = Arc<dyn Fn(&CallError<E>) -> R + Send + Sync>;

pub(crate) enum Answer<T, E> {
    Now(OfError<Option<T>, E>),
    Later(OfError<Later<T>, E>),
}

pub(crate) struct Level<T, E> {
    pub(crate) name: &'static str,
    pub(crate) answer: Answer<T, E>,
    /// How often it has answered; clones share it.
    pub(crate) answers: Arc<AtomicU64>,
}

impl<T, E> Level<T, E> {
    pub(crate) fn new(name: &'static str, answer: Answer<T, E>) -> Self {
        Self { name, answer, answers: Arc::default() }
    }

    pub(crate) fn count(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }
}

impl<T, E> Clone for Level<T, E> {
    fn clone(&self) -> Self {
        let answer = match &self.answer {
            Answer::Now(answer) => Answer::Now(answer.clone()),
            Answer::Later(answer) => Answer::Later(answer.clone()),
        };
        Self { name: self.name, answer, answers: self.answers.clone() }
    }
}

/// Which level of which fallback answered; see [`last_fallback`].
///
/// ```
/// use trifuse::{Fallback, last_fallback};
/// let fallback = Fallback::new("search").level("cache", |_| None).value(7);
/// assert_eq!(fallback.call(|| Err(())), Ok(7));
/// let answered = last_fallback().unwrap();
/// assert_eq!((answered.name.as_str(), answered.level, answered.fallback), ("search", 2, "value"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// The name of the [`Fallback`](crate::Fallback).
    pub name: Name,
    /// The number of the level, from 1 on.
    pub level: usize,
    /// The name of the level.
    pub fallback: &'static str,
}

thread_local! {
    static LAST: RefCell<Option<Answered>> = const { RefCell::new(None) };
}

/// Which level answered the last call that went through a [`Fallback`](crate::Fallback) and ended on this
/// thread; `None`: the call itself did, or nobody.
///
/// An asynchronous call ends on the thread that goes on after its `.await`, so look before the next one.
///
/// ```
/// use trifuse::{Fallback, last_fallback};
/// let fallback = Fallback::new("search").value(7);
/// assert_eq!(fallback.call(|| Err(())), Ok(7));
/// assert_eq!(last_fallback().unwrap().fallback, "value");
/// assert_eq!(fallback.call(|| Ok::<_, ()>(7)), Ok(7));
/// assert_eq!(last_fallback(), None);
/// ```
#[must_use]
pub fn last_fallback() -> Option<Answered> {
    LAST.try_with(|last| last.borrow().clone()).unwrap_or(None)
}

/// A thread that ends may have dropped it already: then nobody can ask either.
pub(crate) fn remember(answered: Option<Answered>) {
    #[cfg(feature = "cache")]
    if answered.is_some() {
        degrade();
    }
    let _ = LAST.try_with(|last| last.replace(answered));
}

#[cfg(feature = "cache")]
thread_local! {
    static DEGRADED: Cell<u64> = const { Cell::new(0) };
}

/// An answer on this thread was not a real one.
#[cfg(feature = "cache")]
pub(crate) fn degrade() {
    DEGRADED.set(DEGRADED.get().wrapping_add(1));
}

/// How many answers on this thread were not real ones: what has run between two looks was degraded if it grew.
#[cfg(feature = "cache")]
pub(crate) fn degraded() -> u64 {
    DEGRADED.get()
}
