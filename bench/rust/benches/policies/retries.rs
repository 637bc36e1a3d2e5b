// SPDX-License-Identifier: MIT OR Apache-2.0
//! A call that succeeds at once, retried by nobody; and what it costs to go through several policies.
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use backon::{BlockingRetryable as _, ExponentialBuilder, Retryable as _};
use tower::retry::budget::{Budget, TpsBudget};
use tower::{Layer, Service};
use trifuse::{
    Bulkhead, CircuitBreaker, Config, Pipeline, RateLimiter, Retry, RetryBudget, Throttle, Timeout,
};

use crate::Subject;

#[inline(never)]
fn operation() -> Result<u64, ()> {
    Ok(black_box(1))
}

/// Polls a future that is ready.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing waits here"),
    }
}

fn policy() -> Retry {
    Retry::builder("bench").build().expect("legal")
}

pub fn bare() -> Vec<Subject> {
    let (blocking, asynchronous) = (policy(), policy());
    vec![
        Subject::new("bare call", || operation().is_ok()),
        Subject::new("trifuse", move || blocking.call(operation).is_ok()),
        Subject::new("trifuse, future", move || now(asynchronous.call_async(|| ready(operation()))).is_ok()),
        Subject::new("backon", || operation.retry(ExponentialBuilder::default()).call().is_ok()),
        Subject::new("backon, future", || {
            let call = (|| ready(operation())).retry(ExponentialBuilder::default());
            now(std::future::IntoFuture::into_future(call)).is_ok()
        }),
        tower("tower Retry, future", None),
    ]
}

pub fn with_budget() -> Vec<Subject> {
    let budget = RetryBudget::builder("bench").build().expect("legal");
    let retry = |budget| Retry::builder("bench").budget(budget).build().expect("legal");
    let (blocking, asynchronous) = (retry(&budget), retry(&budget));
    let tps = Arc::new(TpsBudget::new(Duration::from_secs(10), 10, 0.2));
    vec![
        Subject::new("trifuse", move || blocking.call(operation).is_ok()),
        Subject::new("trifuse, future", move || now(asynchronous.call_async(|| ready(operation()))).is_ok()),
        tower("tower Retry, future", Some(tps)),
    ]
}

#[derive(Clone)]
struct Policy(Option<Arc<TpsBudget>>);

impl tower::retry::Policy<(), u64, ()> for Policy {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut (), result: &mut Result<u64, ()>) -> Option<Ready<()>> {
        let budget = self.0.as_ref();
        if result.is_ok() {
            budget.inspect(|budget| budget.deposit());
            return None;
        }
        budget.is_none_or(|budget| budget.withdraw()).then(|| ready(()))
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}

#[derive(Clone)]
struct Work;

impl Service<()> for Work {
    type Response = u64;
    type Error = ();
    type Future = Ready<Result<u64, ()>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(operation())
    }
}

fn tower(name: &'static str, budget: Option<Arc<TpsBudget>>) -> Subject {
    let service = tower::retry::RetryLayer::new(Policy(budget)).layer(Work);
    Subject::new(name, move || now(service.clone().call(())).is_ok())
}

/// The parts one by one in one row, and the same as a pipeline, blocking.
pub fn pipelines() -> Vec<Subject> {
    let breaker = || CircuitBreaker::builder("bench").with_config(Config::DEFAULT).build().expect("legal");
    let limiter = || RateLimiter::per(1_000_000_000, Duration::from_secs(1)).build().expect("legal");
    let bulkhead = || Bulkhead::builder("bench").build().expect("legal");
    let throttle = || Throttle::builder("bench").build().expect("legal");
    let one = Pipeline::builder("bench").retry(policy()).build();
    let two = Pipeline::builder("bench").retry(policy()).circuit_breaker(breaker()).build();
    let four = Pipeline::builder("bench").retry(policy()).circuit_breaker(breaker()).rate_limit(limiter());
    let (four, six) = (four.clone().bulkhead(bulkhead()).build(), four.bulkhead(bulkhead()));
    let six = six.throttle(throttle()).timeout(Timeout::default()).build();
    let (r, b, l, k) = (policy(), breaker(), limiter(), bulkhead());
    vec![
        Subject::new("pipeline of 1", move || one.call(operation).is_ok()),
        Subject::new("pipeline of 2", move || two.call(operation).is_ok()),
        Subject::new("pipeline of 4", move || four.call(operation).is_ok()),
        Subject::new("pipeline of 6", move || six.call(operation).is_ok()),
        Subject::new("its first 4 one after the other", move || {
            r.call(operation).is_ok()
                && b.call(operation).is_ok()
                && l.call(operation).is_ok()
                && k.call(operation).is_ok()
        }),
    ]
}
