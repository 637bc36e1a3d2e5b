// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for tokens as a future.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use trifuse_sys::trifuse_reservation;

use crate::error_limits::LimiterError;
use crate::limiter::{LimiterShared, RateLimiter};
use crate::line::InLine;
use crate::scope;
use crate::text_policy::LimiterKind;
use crate::timer::Timer;

/// Takes `n` tokens, waiting at most `max_wait` for them; what is asked is asked at the first poll.
pub(crate) struct Wait {
    /// Pinned.
    pub(crate) timer: Timer,
    pub(crate) state: WaitState,
}

/// What is not pinned. Dropped on its way it gives back what it has: a reservation, its place in the line,
/// its turn.
pub(crate) struct WaitState {
    shared: Arc<LimiterShared>,
    n: u64,
    max_wait: Option<Duration>,
    stage: Stage,
}

enum Stage {
    Before,
    /// The tokens are taken, the time has not come.
    Reserved(trifuse_reservation),
    /// In line before the right to ask; until when it may wait.
    Lined(InLine<Arc<LimiterShared>>, Option<u64>),
    /// It has the right to ask.
    Turn(Option<u64>),
    Over,
}

/// What comes next: the tokens are there, or so long a wait.
enum Next {
    Granted,
    Sleep(Duration),
    InLine,
}

impl Wait {
    pub(crate) fn new(shared: Arc<LimiterShared>, n: u64, max_wait: Option<Duration>) -> Self {
        Self { timer: Timer::default(), state: WaitState { shared, n, max_wait, stage: Stage::Before } }
    }
}

impl WaitState {
    fn begin(&mut self) -> Result<Next, LimiterError> {
        let (shared, wait) = (&self.shared, scope::cut(self.max_wait));
        self.stage = Stage::Over;
        if shared.kind == LimiterKind::TokenBucket {
            let taken = shared.reserve(self.n, wait)?;
            if taken.wait_ns == 0 {
                return Ok(Next::Granted);
            }
            self.stage = Stage::Reserved(taken);
            return Ok(Next::Sleep(Duration::from_nanos(taken.wait_ns)));
        }
        let until = shared.until(wait);
        if shared.let_in(self.n, until)? {
            return Ok(Next::Granted);
        }
        self.stage = Stage::Lined(InLine::new(shared.clone()), until);
        Ok(Next::InLine)
    }

    /// Its turn: looks once.
    fn look(&mut self, until: Option<u64>) -> Result<Next, LimiterError> {
        self.stage = Stage::Turn(until);
        match self.shared.look(self.n, until)? {
            Some(wait) => Ok(Next::Sleep(wait)),
            None => Ok(Next::Granted),
        }
    }

    /// Whether it was its turn after all, at the end of what it may wait.
    fn leave(&mut self) -> bool {
        if let Stage::Lined(line, _) = &mut self.stage { line.leave() } else { false }
    }

    fn end(&mut self) {
        if let Stage::Turn(_) = std::mem::replace(&mut self.stage, Stage::Over) {
            crate::line::Served::give_back(&*self.shared);
        }
    }
}

impl Drop for WaitState {
    fn drop(&mut self) {
        match &self.stage {
            Stage::Reserved(taken) => drop(self.shared.raw.cancel(taken, self.shared.clock.stamp())),
            _ => self.end(),
        }
    }
}

impl Future for Wait {
    type Output = Result<(), LimiterError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut timer, state) = self.project();
        loop {
            let next = match &mut state.stage {
                Stage::Before => state.begin(),
                Stage::Reserved(_) => {
                    ready!(timer.as_mut().poll(cx));
                    Ok(Next::Granted)
                }
                Stage::Lined(line, until) => {
                    let until = *until;
                    let served = match Pin::new(line).poll(cx) {
                        Poll::Ready(served) => served.is_ok(),
                        Poll::Pending => {
                            ready!(timer.as_mut().poll(cx));
                            state.leave()
                        }
                    };
                    timer.as_mut().disarm();
                    if served { state.look(until) } else { Err(state.shared.in_vain(state.n)) }
                }
                Stage::Turn(until) => {
                    let until = *until;
                    ready!(timer.as_mut().poll(cx));
                    state.look(until)
                }
                Stage::Over => panic!("polled after its end"),
            };
            match next {
                Ok(Next::Granted) => {
                    timer.as_mut().disarm();
                    state.end();
                    return Poll::Ready(Ok(()));
                }
                Ok(Next::Sleep(wait)) => timer.as_mut().arm_surely(wait),
                Ok(Next::InLine) => {
                    if let Some(wait) = scope::cut(state.max_wait) {
                        timer.as_mut().arm_surely(wait);
                    }
                }
                Err(error) => {
                    state.end();
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl RateLimiter {
    /// Admits as it is configured: at once or never, or within `max_wait`.
    pub(crate) async fn admit(&self, n: u64) -> Result<(), LimiterError> {
        match self.shared.max_wait {
            None => self.try_acquire_n(n),
            Some(wait) => Wait::new(self.shared.clone(), n, Some(wait)).await,
        }
    }
}
