// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a bulkhead and an adaptive limit share: places, the line before them, and the permit.
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::clock::Clock;
use crate::line::{InLine, LineFull, Served};
use crate::name::Name;
use crate::queue::Queue;
use crate::raw::limits::RawConcurrency;
use crate::refused::Refused;
use crate::scope;
use crate::text::Outcome;
use crate::text_refusal::{PolicyKind, RefusalReason};
use crate::timer::Timer;

/// Aligned so that the counters of the `Arc` share no cache line with what calls read.
#[repr(align(128))]
pub(crate) struct Places {
    pub(crate) raw: RawConcurrency,
    pub(crate) clock: Clock,
    pub(crate) name: Name,
    pub(crate) policy: PolicyKind,
    /// Durations and outcomes matter.
    pub(crate) adaptive: bool,
    pub(crate) line: Queue,
    pub(crate) max_queue: usize,
    pub(crate) max_wait: Option<Duration>,
}

impl Places {
    #[cold]
    pub(crate) fn full(&self) -> Refused {
        Refused::new(self.policy, self.name.clone(), RefusalReason::BulkheadFull, None)
    }

    /// Takes a place that is free and that nobody waits for. Ours, got by chance while somebody waits, is
    /// theirs.
    #[inline]
    pub(crate) fn try_take(&self) -> Result<(), Refused> {
        if self.raw.try_acquire() && (self.line.is_empty() || !self.line.hand_over()) {
            Ok(())
        } else {
            Err(self.full())
        }
    }

    #[inline]
    pub(crate) fn release(&self, outcome: Outcome, duration: u64) {
        self.raw.release(outcome as u32, duration);
        self.line.serve(|| self.take());
    }

    /// 0 where durations do not matter.
    #[inline]
    pub(crate) fn started(&self) -> u64 {
        if self.adaptive { self.clock.now() } else { 0 }
    }

    /// When the wait was in vain: a last look, which also counts the refusal.
    pub(crate) fn entered(&self, waited: Result<bool, LineFull>) -> Result<(), Refused> {
        match waited {
            Ok(true) => Ok(()),
            Ok(false) | Err(LineFull) => self.try_take(),
        }
    }

    /// Lets in who waits, where the limit has grown.
    pub(crate) fn let_in(&self) {
        self.line.serve(|| self.take());
    }

    pub(crate) fn take_blocking(&self) -> Result<(), Refused> {
        let quick = self.line.is_empty() && self.take();
        if quick { Ok(()) } else { self.entered(InLine::new(self).block(scope::cut(self.max_wait))) }
    }
}

impl Served for Places {
    fn queue(&self) -> &Queue {
        &self.line
    }

    fn most(&self) -> usize {
        self.max_queue
    }

    /// Looks before it asks, so that waiting is not counted as being refused.
    fn take(&self) -> bool {
        self.raw.in_flight() < u64::from(self.raw.limit()) && self.raw.try_acquire()
    }

    fn give_back(&self) {
        self.release(Outcome::Ignored, 0);
    }
}

/// Waits for a place; with the feature `tokio` at most `max_wait`.
pub(crate) struct Enter<H>
where
    H: Deref<Target = Places> + Clone + Unpin,
{
    /// Pinned.
    pub(crate) timer: Timer,
    pub(crate) state: EnterState<H>,
}

/// What is not pinned.
pub(crate) struct EnterState<H>
where
    H: Deref<Target = Places> + Clone + Unpin,
{
    places: H,
    line: Option<InLine<H>>,
}

impl<H: Deref<Target = Places> + Clone + Unpin> Enter<H> {
    pub(crate) fn new(places: H) -> Self {
        Self { timer: Timer::default(), state: EnterState { places, line: None } }
    }
}

impl<H: Deref<Target = Places> + Clone + Unpin> Future for Enter<H> {
    type Output = Result<(), Refused>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut timer, EnterState { places, line }) = self.project();
        let first = line.is_none();
        if first && places.line.is_empty() && places.take() {
            return Poll::Ready(Ok(()));
        }
        let line = line.get_or_insert_with(|| InLine::new(places.clone()));
        if let Poll::Ready(served) = Pin::new(&mut *line).poll(cx) {
            timer.disarm();
            return Poll::Ready(places.entered(served.map(|()| true)));
        }
        #[cfg(feature = "tokio")]
        if let Some(wait) = scope::cut(places.max_wait).filter(|_| first) {
            timer.as_mut().arm_surely(wait);
        }
        ready!(timer.as_mut().poll(cx));
        timer.disarm();
        Poll::Ready(places.entered(Ok(line.leave())))
    }
}

/// Borrowed for the short way, owned to be sent anywhere.
pub(crate) enum Holder<'a> {
    Borrowed(&'a Places),
    Owned(Arc<Places>),
}

impl Deref for Holder<'_> {
    type Target = Places;

    #[inline]
    fn deref(&self) -> &Places {
        match self {
            Self::Borrowed(places) => places,
            Self::Owned(places) => places,
        }
    }
}

/// A place that was taken. Dropped by a panic that began after it, the call has failed; else what was
/// last said of it counts.
pub(crate) struct Held<'a> {
    places: Holder<'a>,
    started: u64,
    panicking: bool,
    outcome: Outcome,
}

impl<'a> Held<'a> {
    #[inline]
    pub(crate) fn new(places: Holder<'a>) -> Self {
        let started = places.started();
        Self { places, started, panicking: std::thread::panicking(), outcome: Outcome::Ignored }
    }

    /// Gives the place back with what became of the call.
    #[inline]
    pub(crate) fn report(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        let run = if self.started == 0 { 0 } else { self.places.clock.now().saturating_sub(self.started) };
        let panics = !self.panicking && std::thread::panicking();
        self.places.release(if panics { Outcome::Failure } else { self.outcome }, run);
    }
}
