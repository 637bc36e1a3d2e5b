// SPDX-License-Identifier: MIT OR Apache-2.0
//! A request on its way through the policies of its host: attempts, retries, and their time.
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::reqwest::{Request, Response};

use crate::client::{Hosts, Obtain, SharedHost, Ticket, Total, Verdict, too_late};
use crate::error::CallError;
use crate::layer::{Describe, PolicyDescription};
use crate::name::Name;
use crate::reqwest::body::{guarded, is_empty};
use crate::reqwest::origin::{may_repeat, origin};
use crate::reqwest::upload::Upload;
use crate::reqwest::verdict::of_answer;
use crate::retry::Retry;
use crate::scope::{Retrying, Scoped};
use crate::text::Outcome;

pub(crate) type KeyOf = dyn Fn(&Request) -> String + Send + Sync;
pub(crate) type FailureIf = dyn Fn(&Response) -> bool + Send + Sync;

/// What sends one attempt.
pub(crate) trait Sends: Send {
    type Error: Send;

    fn send(&mut self, request: Request) -> impl Future<Output = Result<Response, Self::Error>> + Send;

    fn verdict(error: &Self::Error) -> Verdict;
}

/// The policies of a client.
pub(crate) struct Guard {
    pub(crate) name: Name,
    pub(crate) hosts: Hosts,
    pub(crate) retry: Option<Retry>,
    pub(crate) key: Option<Arc<KeyOf>>,
    pub(crate) failure_if: Option<Arc<FailureIf>>,
    pub(crate) respect_retry_after: bool,
}

/// An answer whose head was judged, and what the request still holds. The answer is dropped first.
struct Exchange {
    response: Response,
    ticket: Ticket,
    verdict: Verdict,
}

/// An attempt without an answer.
struct Failed<E> {
    error: CallError<E>,
    verdict: Verdict,
}

impl<E> Failed<E> {
    fn new(error: impl Into<CallError<E>>, outcome: Outcome, again: bool) -> Self {
        Self { error: error.into(), verdict: Verdict::new(outcome, again) }
    }
}

impl Guard {
    pub(crate) fn key_of(&self, request: &Request) -> String {
        self.key.as_ref().map_or_else(|| origin(request.url()), |key| key(request))
    }

    /// Sends a request through the policies of its host.
    pub(crate) async fn run<S: Sends>(
        &self,
        request: Request,
        sender: S,
    ) -> Result<Response, CallError<S::Error>> {
        let host = self.hosts.get(self.key_of(&request));
        let Some(total) = host.total_timeout else {
            return self.attempts(host, request, sender, None).await;
        };
        let total = Total::begins(&self.hosts.clock, &self.name, total);
        let scope = total.scope();
        Scoped::new(scope, || self.attempts(host, request, sender, Some(total))).await
    }

    async fn attempts<S: Sends>(
        &self,
        host: SharedHost,
        mut request: Request,
        mut sender: S,
        total: Option<Total>,
    ) -> Result<Response, CallError<S::Error>> {
        let upload = Upload::watch(&mut request);
        let again = host.retries && may_repeat(&request);
        let Some(mut call) = self.retry.as_ref().filter(|_| again).map(Retry::begin) else {
            let sent = self.attempt(host, request, &mut sender, total.as_ref(), &upload).await;
            return sent.map(|exchange| exchange.into_answer(total)).map_err(|failed| failed.error);
        };
        loop {
            let sent = request.try_clone().expect("its body is no stream");
            let attempt = || self.attempt(host.clone(), sent, &mut sender, total.as_ref(), &upload);
            let attempt = Scoped::new(Retrying::new(), attempt).await;
            let verdict = match &attempt {
                Ok(exchange) => exchange.verdict,
                Err(failed) => failed.verdict,
            };
            let delay = verdict.again.then(|| call.next(verdict.retry_after).ok()).flatten();
            let Some(delay) = delay else {
                call.settle(attempt.is_ok() && !verdict.failed());
                return match attempt {
                    Ok(exchange) => Ok(exchange.into_answer(total)),
                    Err(failed) => Err(failed.error),
                };
            };
            drop(attempt);
            pause(delay).await;
        }
    }

    async fn attempt<S: Sends>(
        &self,
        host: SharedHost,
        request: Request,
        sender: &mut S,
        total: Option<&Total>,
        upload: &Upload,
    ) -> Result<Exchange, Failed<S::Error>> {
        let refused = |refused| Failed::new(CallError::Refused(refused), Outcome::Ignored, false);
        let mut ticket = Obtain::new(host).await.map_err(refused)?;
        let (own, left) = (ticket.request_timeout(), total.map(Total::left));
        let limit = [own, left].into_iter().flatten().min();
        let sending = async {
            let mut sending = pin!(sender.send(request));
            poll_fn(|cx| ticket.watched(|| sending.as_mut().poll(cx))).await
        };
        let Some(sent) = within(limit, sending).await else {
            return Err(match (own, total) {
                (Some(own), _) if limit == Some(own) => {
                    Failed::new(ticket.time_out(own), Outcome::Timeout, true)
                }
                (_, limit) => {
                    ticket.judge(Outcome::Timeout);
                    Failed::new(too_late(limit.expect("it ended the attempt")), Outcome::Timeout, false)
                }
            });
        };
        match sent {
            Ok(response) => Ok(self.answered(response, ticket)),
            Err(error) => {
                let broken = upload.is_broken();
                let verdict = if broken { Verdict::new(Outcome::Ignored, false) } else { S::verdict(&error) };
                ticket.judge(verdict.outcome);
                Err(Failed { error: CallError::Operation(error), verdict })
            }
        }
    }

    /// Judges the head of an answer; what a good one was is told by the end of its body.
    fn answered(&self, response: Response, mut ticket: Ticket) -> Exchange {
        let verdict = match &self.failure_if {
            None => of_answer(&response),
            Some(failure_if) if ticket.watched(|| failure_if(&response)) => {
                Verdict { outcome: Outcome::Failure, again: true, ..of_answer(&response) }
            }
            Some(_) => Verdict::new(Outcome::Success, false),
        };
        if verdict.outcome != Outcome::Success || is_empty(&response) {
            let wait = verdict.retry_after.filter(|_| self.respect_retry_after);
            ticket.judge_until(verdict.outcome, wait);
        }
        Exchange { response, ticket, verdict }
    }
}

impl Exchange {
    fn into_answer(self, total: Option<Total>) -> Response {
        let Self { response, ticket, .. } = self;
        let held = !ticket.is_judged() || ticket.has_place() || total.is_some();
        if !held || is_empty(&response) {
            return response;
        }
        guarded(response, ticket, total)
    }
}

/// `None`: it took longer, and was dropped.
async fn within<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    match limit {
        None => Some(future.await),
        Some(limit) => tokio::time::timeout(limit, future).await.ok(),
    }
}

async fn pause(delay: Duration) {
    if delay.is_zero() {
        tokio::task::yield_now().await; // others run first, and may end it
    } else {
        tokio::time::sleep(delay).await;
    }
}

impl Guard {
    pub(crate) fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        self.retry.describe_into(all);
        self.hosts.overflow.describe_into(all);
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        let mut all = Vec::new();
        self.describe_into(&mut all);
        for policy in all {
            write!(f, "{policy} > ")?;
        }
        f.write_str("request")
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("name", &self.name).finish_non_exhaustive()
    }
}
