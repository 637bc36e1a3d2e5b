// SPDX-License-Identifier: MIT OR Apache-2.0
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::axum::body::Body;
use ::axum::extract::Request;
use ::axum::response::{IntoResponse, Response};
use http::Method;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::axum::holding::Holding;
use crate::axum::layer::Limits;
use crate::axum::outcome::Judge;
use crate::axum::problem::too_many;
use crate::deadline::Deadline;
use crate::error::TimedOut;
use crate::future::Held as Permit;
use crate::http::GuardedBody;
use crate::limiter_future::Wait;
use crate::places::{Enter, Held as Place, Holder, Places};
use crate::scope::{Limit, Scope, Until};
use crate::text::Outcome;
use crate::text_refusal::TimeoutSetting;
use crate::timer::Timer;
use crate::tower::oneshot::Oneshot;

pin_project! {
    /// The future of [`ResilienceService`](crate::axum::ResilienceService).
    ///
    /// # Cancel safety
    /// Dropped, it gives back what it has and what it waits for; the call says nothing about the service,
    /// unless the circuit breaker's `cancelled_counts_after` says so.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResilienceFuture<S>
    where
        S: Service<Request>,
    {
        #[pin]
        call: Option<Oneshot<S, Request>>,
        #[pin]
        waiting: Waiting,
        #[pin]
        timer: Timer,
        scope: Option<Until>,
        state: State,
    }
}

pin_project! {
    #[project = WaitingProj]
    enum Waiting {
        None,
        Rate { #[pin] wait: Wait },
        Place { #[pin] enter: Enter<Arc<Places>>, places: Arc<Places> },
    }
}

enum Stage {
    Before,
    Rate,
    Place,
    Breaker,
    Called,
}

/// What is neither pinned nor a scope.
struct State {
    stage: Stage,
    limits: Limits,
    deadline: Option<Deadline>,
    limit: Option<Limit>,
    holding: Option<Holding>,
    judge: Judge,
    method: Method,
    /// What the timer will say.
    late: Option<TimedOut>,
}

impl<S: Service<Request>> ResilienceFuture<S> {
    pub(crate) fn new(
        call: Oneshot<S, Request>,
        limits: Limits,
        deadline: Option<Deadline>,
        judge: Judge,
        method: Method,
    ) -> Self {
        let (stage, holding) = (Stage::Before, Some(Holding::new()));
        let state = State { stage, limits, deadline, limit: None, holding, judge, method, late: None };
        Self { call: Some(call), waiting: Waiting::None, timer: Timer::default(), scope: None, state }
    }
}

impl<S> Future for ResilienceFuture<S>
where
    S: Service<Request, Response = Response>,
    S::Error: IntoResponse,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some((scope, limit)) = this.state.deadline.take().map(|deadline| deadline.entered()) {
            (*this.scope, this.state.limit) = (Some(scope), Some(limit));
        }
        let mut step = || {
            if let Err(response) = ready!(this.state.admit(this.waiting.as_mut(), cx)) {
                return Poll::Ready(response);
            }
            let call = this.call.as_mut().as_pin_mut().expect("polled after its end");
            this.state.run(call, this.timer.as_mut(), cx)
        };
        let response = ready!(match this.scope {
            Some(scope) => scope.run(&mut step),
            None => step(),
        });
        this.call.set(None);
        this.timer.disarm();
        Poll::Ready(Ok(this.state.answered(response)))
    }
}

impl State {
    fn holding(&mut self) -> &mut Holding {
        self.holding.as_mut().expect("there until the answer")
    }

    /// Asks the policies in their order. `Err` is the answer to the request.
    fn admit(&mut self, mut waiting: Pin<&mut Waiting>, cx: &mut Context<'_>) -> Poll<Result<(), Response>> {
        loop {
            match (&self.stage, waiting.as_mut().project()) {
                (Stage::Rate, WaitingProj::Rate { wait }) => {
                    if let Err(error) = ready!(wait.poll(cx)) {
                        return Poll::Ready(Err(too_many(error)));
                    }
                    self.stage = Stage::Place;
                }
                (Stage::Place, WaitingProj::Place { enter, places }) => {
                    if let Err(refused) = ready!(enter.poll(cx)) {
                        return Poll::Ready(Err(refused.into_response()));
                    }
                    self.holding().place = Some(Place::new(Holder::Owned(places.clone())));
                    waiting.set(Waiting::None);
                    self.stage = Stage::Breaker;
                }
                (Stage::Before, _) => {
                    self.stage = Stage::Place;
                    let Some(limiter) = self.limits.rate.take() else { continue };
                    match limiter.shared.max_wait {
                        Some(most) => {
                            let wait = Wait::new(limiter.shared.clone(), 1, Some(most));
                            waiting.set(Waiting::Rate { wait });
                            self.stage = Stage::Rate;
                        }
                        None => {
                            if let Err(limited) = limiter.try_acquire() {
                                return Poll::Ready(Err(too_many(limited.into())));
                            }
                        }
                    }
                }
                (Stage::Place, _) => match self.limits.concurrency.take() {
                    Some(limit) => {
                        let enter = Enter::new(limit.0.clone());
                        waiting.set(Waiting::Place { enter, places: limit.0 });
                    }
                    None => {
                        waiting.set(Waiting::None);
                        self.stage = Stage::Breaker;
                    }
                },
                (Stage::Breaker | Stage::Rate, _) => {
                    self.stage = Stage::Called;
                    let Some(mut permit) = self.limits.breaker.take().map(Permit::new) else { continue };
                    if let Err(refused) = permit.ask() {
                        return Poll::Ready(Err(refused.into_response()));
                    }
                    self.holding().permit = Some(permit);
                }
                (Stage::Called, _) => return Poll::Ready(Ok(())),
            }
        }
    }

    fn run<F, E>(
        &mut self,
        call: Pin<&mut F>,
        mut timer: Pin<&mut Timer>,
        cx: &mut Context<'_>,
    ) -> Poll<Response>
    where
        F: Future<Output = Result<Response, E>>,
        E: IntoResponse,
    {
        if let Poll::Ready(result) = self.holding().watched(|| call.poll(cx)) {
            return Poll::Ready(result.unwrap_or_else(IntoResponse::into_response));
        }
        if self.late.is_none() {
            if let Some((left, late)) = self.nearest() {
                timer.as_mut().arm_surely(left);
                self.late = Some(late);
            }
        }
        ready!(timer.poll(cx));
        self.holding().settle(Outcome::Timeout, Outcome::Timeout);
        Poll::Ready(self.late.take().expect("armed").into_response())
    }

    /// The limit in time that comes first.
    fn nearest(&self) -> Option<(Duration, TimedOut)> {
        let deadline = self.limit.as_ref().map(|limit| {
            let Limit { name, setting, duration, .. } = limit;
            (limit.left(), TimedOut { name: name.clone(), setting: *setting, limit: *duration })
        });
        let permit = self.holding.as_ref().and_then(|holding| holding.permit.as_ref());
        let request = permit.and_then(|permit| {
            let (name, limit) = (permit.breaker().shared.name.clone(), permit.request_timeout());
            let late = TimedOut { name, setting: TimeoutSetting::RequestTimeout, limit };
            Some((permit.time_left()?, late))
        });
        deadline.into_iter().chain(request).min_by_key(|(left, _)| *left)
    }

    /// What is held is held until the body ends, where there is one that will be read.
    fn answered(&mut self, response: Response) -> Response {
        let mut holding = match self.holding.take() {
            Some(holding) if !holding.is_empty() => holding,
            _ => return response,
        };
        let (seen, outcome) = self.judge.judge(&response);
        if self.method == Method::HEAD {
            holding.settle(seen, outcome); // its body is thrown away
            return response;
        }
        holding.head(seen, outcome);
        GuardedBody::of_response(response, holding).map(Body::new)
    }
}

impl<S: Service<Request>> fmt::Debug for ResilienceFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResilienceFuture").finish_non_exhaustive()
    }
}
