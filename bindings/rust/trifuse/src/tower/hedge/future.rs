// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::hedge::Hedge;
use crate::timer::Timer;
use crate::tower::hedge::race::Race;
use crate::tower::macros::opaque;
use crate::tower::readied::Readied;
use crate::tower::{CloneRequest, Cloned};

pin_project! {
    /// The future of [`HedgeService`](crate::tower::HedgeService). Both attempts are made by the one service
    /// that was polled ready; the second waits for it to be so again.
    ///
    /// # Cancel safety
    /// Dropped, both attempts are dropped.
    ///
    /// # Panics
    /// When it has to wait outside of a tokio runtime with its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct HedgeFuture<S, R, P = Cloned, C = ErrIsFailure>
    where
        S: Service<R>,
    {
        #[pin]
        first: Option<S::Future>,
        #[pin]
        second: Option<S::Future>,
        #[pin]
        timer: Timer,
        stage: Stage,
        service: Readied<S>,
        request: Option<R>,
        race: Race<S::Response, S::Error>,
        cloning: P,
        classifier: C,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    /// The service is waited for.
    Begun,
    /// The first attempt runs, and may be hedged.
    First,
    /// The first attempt runs to its end.
    Alone,
    /// The service is waited for, for the second attempt.
    Hedging,
    Both,
    Over,
}

opaque! { HedgeFuture<S, R, P, C> where S: Service<R> }

impl<S: Service<R>, R, P, C> HedgeFuture<S, R, P, C> {
    pub(crate) fn new(hedge: Hedge, (cloning, classifier): (P, C), service: Readied<S>, request: R) -> Self {
        Self {
            first: None,
            second: None,
            timer: Timer::default(),
            stage: Stage::Before,
            service,
            request: Some(request),
            race: Race::new(hedge),
            cloning,
            classifier,
        }
    }
}

impl<S, R, P, C, E> Future for HedgeFuture<S, R, P, C>
where
    S: Service<R, Error = CallError<E>>,
    P: CloneRequest<R>,
    C: Classifier<S::Response, E>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.as_mut().poll_race(cx));
        let mut this = self.project();
        *this.stage = Stage::Over;
        this.first.set(None);
        this.second.set(None);
        this.timer.disarm();
        Poll::Ready(result)
    }
}

impl<S, R, P, C, E> HedgeFuture<S, R, P, C>
where
    S: Service<R, Error = CallError<E>>,
    P: CloneRequest<R>,
    C: Classifier<S::Response, E>,
{
    fn poll_race(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<S::Response, CallError<E>>> {
        ready!(self.as_mut().begin(cx))?;
        loop {
            let mut this = self.as_mut().project();
            if let Some(Poll::Ready(result)) = this.first.as_mut().as_pin_mut().map(|call| call.poll(cx)) {
                this.first.set(None);
                let alone = matches!(this.stage, Stage::First | Stage::Alone) || {
                    *this.stage == Stage::Both && this.second.is_none()
                };
                if let Some(result) = this.race.ended(0, alone, this.classifier, result) {
                    return Poll::Ready(result);
                }
            }
            if let Some(Poll::Ready(result)) = this.second.as_mut().as_pin_mut().map(|call| call.poll(cx)) {
                this.second.set(None);
                let alone = this.first.is_none();
                if let Some(result) = this.race.ended(1, alone, this.classifier, result) {
                    return Poll::Ready(result);
                }
            }
            if let Some(result) = ready!(self.as_mut().advance(cx)) {
                return Poll::Ready(result);
            }
        }
    }

    /// Makes the first call.
    fn begin(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), CallError<E>>> {
        let mut this = self.project();
        assert!(*this.stage != Stage::Over, "polled after its end");
        if *this.stage == Stage::Before {
            this.race.hedge().budget().deposit();
            *this.stage = Stage::Begun;
        }
        if *this.stage == Stage::Begun {
            ready!(this.service.until_ready(cx))?;
            let request = this.request.take().expect("called once");
            *this.request = this.cloning.clone_request(&request);
            this.race.begin(0);
            this.first.set(Some(this.service.call(request)));
            *this.stage = if this.request.is_some() { Stage::First } else { Stage::Alone };
        }
        Poll::Ready(Ok(()))
    }

    /// What is next while attempts run: pending, or a new attempt to be polled, or the end.
    #[allow(clippy::type_complexity)]
    fn advance(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<S::Response, CallError<E>>>> {
        let mut this = self.project();
        if *this.stage == Stage::First {
            if !this.timer.is_armed() {
                match this.race.hedge().delay() {
                    Some(delay) => this.timer.as_mut().arm_surely(delay),
                    None => *this.stage = Stage::Alone,
                }
            }
            ready!(this.timer.as_mut().poll(cx));
            this.timer.disarm();
            let paid = this.race.hedge().budget().try_withdraw();
            *this.stage = if paid { Stage::Hedging } else { Stage::Alone };
        }
        if *this.stage != Stage::Hedging {
            return Poll::Pending;
        }
        let ready = ready!(this.service.until_ready(cx));
        *this.stage = Stage::Both;
        if let Err(error) = ready {
            let alone = this.first.is_none();
            return Poll::Ready(this.race.ended(1, alone, this.classifier, Err(error)));
        }
        this.race.begin(1);
        let request = this.request.take().expect("it can be made again");
        this.second.set(Some(this.service.call(request)));
        Poll::Ready(None)
    }
}
