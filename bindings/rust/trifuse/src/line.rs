// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lining up for what is given back one day: as a future and as a parked thread.
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::queue::{Joined, Queue, thread_waker};

/// What has places to wait for.
pub(crate) trait Served {
    fn queue(&self) -> &Queue;
    /// How many may wait.
    fn most(&self) -> usize;
    /// Takes a place if one is free.
    fn take(&self) -> bool;
    /// Gives a place back, to the first in line if there is one.
    fn give_back(&self);
}

/// Waits for a place. Dropped, it leaves the line; a place it was given meanwhile goes to the next.
pub(crate) struct InLine<H>
where
    H: Deref<Target: Served> + Unpin,
{
    shared: H,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Before,
    Waiting(u64),
    Over,
}

/// As many wait as may.
#[derive(Debug)]
pub(crate) struct LineFull;

impl<H: Deref<Target: Served> + Unpin> InLine<H> {
    pub(crate) fn new(shared: H) -> Self {
        Self { shared, stage: Stage::Before }
    }

    fn step(&mut self, waker: &std::task::Waker) -> Poll<Result<(), LineFull>> {
        let shared = &*self.shared;
        let (stage, result) = match self.stage {
            Stage::Before => match shared.queue().join(shared.most(), waker, || shared.take()) {
                Joined::Taken => (Stage::Over, Poll::Ready(Ok(()))),
                Joined::Full => (Stage::Over, Poll::Ready(Err(LineFull))),
                Joined::Waiting(ticket) => (Stage::Waiting(ticket), Poll::Pending),
            },
            Stage::Waiting(ticket) if shared.queue().is_served(ticket, waker) => {
                (Stage::Over, Poll::Ready(Ok(())))
            }
            Stage::Waiting(ticket) => (Stage::Waiting(ticket), Poll::Pending),
            Stage::Over => panic!("polled after its end"),
        };
        self.stage = stage;
        result
    }

    /// Leaves the line for good; `true`: a place had been given, and is the caller's.
    pub(crate) fn leave(&mut self) -> bool {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Waiting(ticket) => !self.shared.queue().leave(ticket),
            Stage::Before | Stage::Over => false,
        }
    }

    /// Parks the thread until it has a place, at most so long; `Ok(false)`: in vain.
    pub(crate) fn block(mut self, wait: Option<Duration>) -> Result<bool, LineFull> {
        let waker = thread_waker();
        let until = wait.and_then(|wait| Instant::now().checked_add(wait));
        loop {
            if let Poll::Ready(result) = self.step(&waker) {
                return result.map(|()| true);
            }
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => std::thread::park(),
                Some(Duration::ZERO) => return Ok(self.leave()),
                Some(left) => std::thread::park_timeout(left),
            }
        }
    }
}

impl<H: Deref<Target: Served> + Unpin> Future for InLine<H> {
    type Output = Result<(), LineFull>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().step(cx.waker())
    }
}

impl<H: Deref<Target: Served> + Unpin> Drop for InLine<H> {
    fn drop(&mut self) {
        if self.leave() {
            self.shared.give_back();
        }
    }
}
