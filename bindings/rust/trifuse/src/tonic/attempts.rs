// SPDX-License-Identifier: MIT OR Apache-2.0
//! A call on its way through the policies: attempts, retries, and their time.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::bytes::Bytes;
use ::http::{Request, Response};
use ::tonic::Status;
use ::tonic::body::Body;
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tower_service::Service;

use crate::client::{Obtain, SharedHost, Ticket, Total, Verdict, too_late};
use crate::retry::RetryCall;
use crate::scope::{self, Limit, Retrying, Scope as _};
use crate::text::Outcome;
use crate::tonic::body::GuardedBody;
use crate::tonic::guard::Guard;
use crate::tonic::replay::{Keeping, Outgoing};
use crate::tonic::status::{BoxError, of_error, of_head, of_refusal, of_timeout};
use crate::tonic::timeout::tell;
use crate::tower::readied::Readied;

pin_project! {
    pub(crate) struct Attempts<S>
    where
        S: Service<Request<Body>>,
    {
        service: Readied<S>,
        #[pin]
        step: Step<S::Future>,
        // Of the attempt in progress: from asking the service to the head of its answer.
        #[pin]
        sleep: Option<Sleep>,
        state: State,
    }
}

struct State {
    guard: Arc<Guard>,
    host: SharedHost,
    total: Option<Total>,
    outer: Option<Limit>,
    outgoing: Outgoing,
    retry: Option<(RetryCall, Retrying)>,
    ticket: Option<Ticket>,
    own_limit: Option<Duration>,
}

pin_project! {
    #[project = Steps]
    enum Step<F> {
        Begin { request: Option<Request<Body>> },
        Keep { keeping: Keeping },
        Ask { #[pin] obtain: Obtain },
        Ready,
        Send { #[pin] future: F },
        Pause { #[pin] sleep: Sleep },
    }
}

/// How an attempt has ended.
type Ended<B> = (Result<Response<B>, Status>, Verdict);

impl<S: Service<Request<Body>>> Attempts<S> {
    pub(crate) fn new(
        service: Readied<S>,
        guard: Arc<Guard>,
        host: SharedHost,
        request: Request<Body>,
        total: Option<Total>,
        outer: Option<Limit>,
    ) -> Self {
        let outgoing = Outgoing::Once(None);
        let (retry, ticket, own_limit) = (None, None, None);
        let state = State { guard, host, total, outer, outgoing, retry, ticket, own_limit };
        Self { service, step: Step::Begin { request: Some(request) }, sleep: None, state }
    }
}

impl State {
    fn asking<F>(&self) -> Step<F> {
        Step::Ask { obtain: Obtain::new(self.host.clone()) }
    }

    /// Within this call's retry, if it has one.
    fn within<R>(&mut self, step: impl FnOnce(&mut Self) -> R) -> R {
        let Some((call, mut scope)) = self.retry.take() else { return step(self) };
        let done = scope.run(|| step(self));
        self.retry = Some((call, scope));
        done
    }

    /// A step of the attempt; a panic of it is a failure.
    fn watched<R>(&mut self, step: impl FnOnce() -> R) -> R {
        self.within(|state| match &mut state.ticket {
            Some(ticket) => ticket.watched(step),
            None => step(),
        })
    }

    fn request(&mut self) -> Request<Body> {
        let mut request = self.outgoing.next();
        if let Some(left) = scope::time_left() {
            tell(request.headers_mut(), left);
        }
        request
    }

    /// The time of the attempt is over.
    fn time_out<B>(&mut self) -> Ended<B> {
        let (mut ticket, own) = (self.ticket.take().expect("it is being made"), self.own_limit);
        match (own, &self.total) {
            (None, Some(total)) => {
                ticket.judge(Outcome::Timeout);
                (Err(of_timeout(too_late(total))), Verdict::new(Outcome::Timeout, false))
            }
            (own, _) => {
                let late = ticket.time_out(own.unwrap_or_default());
                (Err(of_timeout(late)), Verdict::new(Outcome::Timeout, true))
            }
        }
    }

    fn failed<B>(&mut self, error: BoxError) -> Ended<B> {
        let (status, verdict) = of_error(error);
        let verdict = self.mine(verdict);
        let wait = verdict.retry_after.filter(|_| self.guard.respect_retry_after);
        if let Some(mut ticket) = self.ticket.take() {
            ticket.judge_until(verdict.outcome, wait);
        }
        (Err(status), verdict)
    }

    fn answered<B>(&mut self, response: Response<B>) -> Ended<B> {
        let Some(verdict) = of_head(response.status(), response.headers()) else {
            return (Ok(response), Verdict::new(Outcome::Success, false));
        };
        let verdict = self.mine(verdict);
        let wait = verdict.retry_after.filter(|_| self.guard.respect_retry_after);
        if let Some(ticket) = &mut self.ticket {
            ticket.judge_until(verdict.outcome, wait);
        }
        (Ok(response), verdict)
    }

    /// The end of a deadline of the caller's says nothing about the service.
    fn mine(&self, verdict: Verdict) -> Verdict {
        let over = self.outer.as_ref().is_some_and(|outer| outer.left().is_zero());
        match verdict.outcome {
            Outcome::Timeout if over => Verdict::new(Outcome::Ignored, false),
            _ => verdict,
        }
    }

    fn again(&mut self, verdict: Verdict) -> Option<Duration> {
        let (call, _) = self.retry.as_mut().filter(|_| verdict.again)?;
        call.next(verdict.retry_after).ok()
    }

    fn end<B>(&mut self, (answer, verdict): Ended<B>) -> Result<Response<GuardedBody<B>>, Status>
    where
        B: ::http_body::Body,
        B::Error: Into<BoxError>,
    {
        if let Some((call, _)) = self.retry.take() {
            call.settle(answer.is_ok() && !verdict.failed());
        }
        let ticket = self.ticket.take().filter(|ticket| !ticket.is_judged() || ticket.has_place());
        let (total, respect) = (self.total.take(), self.guard.respect_retry_after);
        Ok(answer?.map(|body| GuardedBody::new(body, ticket, total, respect)))
    }
}

impl<S, B> Future for Attempts<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
    S::Error: Into<BoxError>,
    B: ::http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<GuardedBody<B>>, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let state = this.state;
        let ended = loop {
            match this.step.as_mut().project() {
                Steps::Begin { request } => {
                    let request = request.take().expect("it begins once");
                    let again = state.host.retries && state.guard.may_repeat(request.uri().path());
                    let next = match state.guard.retry.as_ref().filter(|_| again) {
                        Some(_) => Step::Keep { keeping: Keeping::new(request, state.guard.most_kept) },
                        None => {
                            state.outgoing = Outgoing::Once(Some(request));
                            state.asking()
                        }
                    };
                    this.step.set(next);
                }
                Steps::Keep { keeping } => {
                    state.outgoing = ready!(keeping.poll(cx))?;
                    if matches!(state.outgoing, Outgoing::Again(_)) {
                        let begun = state.guard.retry.as_ref().map(crate::retry::Retry::begin);
                        state.retry = begun.map(|call| (call, Retrying::new()));
                    }
                    this.step.set(state.asking());
                }
                Steps::Ask { obtain } => match ready!(state.within(|_| obtain.poll(cx))) {
                    Ok(ticket) => {
                        let (own, left) = (ticket.request_timeout(), state.total.as_ref().map(Total::left));
                        let limit = [own, left].into_iter().flatten().min();
                        state.own_limit = own.filter(|own| limit == Some(*own));
                        this.sleep.set(limit.map(tokio::time::sleep));
                        state.ticket = Some(ticket);
                        this.step.set(Step::Ready);
                    }
                    Err(refused) => break (Err(of_refusal(refused)), Verdict::new(Outcome::Failure, false)),
                },
                Steps::Ready => match state.watched(|| this.service.until_ready(cx)) {
                    Poll::Ready(Ok(())) => {
                        let request = state.request();
                        let future = state.watched(|| this.service.call(request));
                        this.step.set(Step::Send { future });
                    }
                    Poll::Ready(Err(error)) => break state.failed(error.into()),
                    Poll::Pending => {
                        ready!(over(this.sleep.as_mut(), cx));
                        break state.time_out();
                    }
                },
                Steps::Send { future } => {
                    let ended = match state.watched(|| future.poll(cx)) {
                        Poll::Ready(Ok(response)) => state.answered(response),
                        Poll::Ready(Err(error)) => state.failed(error.into()),
                        Poll::Pending => {
                            ready!(over(this.sleep.as_mut(), cx));
                            state.time_out()
                        }
                    };
                    this.sleep.set(None);
                    let Some(delay) = state.again(ended.1) else { break ended };
                    drop(ended);
                    this.step.set(Step::Pause { sleep: tokio::time::sleep(delay) });
                    state.ticket = None;
                }
                Steps::Pause { sleep } => {
                    ready!(sleep.poll(cx));
                    this.step.set(state.asking());
                }
            }
        };
        // What was being sent ends here, before its place goes to another.
        this.step.set(Step::Ready);
        this.sleep.set(None);
        Poll::Ready(state.end(ended))
    }
}

fn over(sleep: Pin<&mut Option<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    sleep.as_pin_mut().map_or(Poll::Pending, |sleep| sleep.poll(cx))
}
