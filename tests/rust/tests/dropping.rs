// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every asynchronous form is polled k times and dropped, for each k: whatever the moment, nothing stays
//! taken, nobody is forgotten, and nothing leaks to who is polled next on the same thread.
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use trifuse::{
    AdaptiveLimit, Bulkhead, CallError, CircuitBreaker, Clock, Deadline, Fallback, Hedge, HedgeBudget,
    Jitter, LimiterKind, Outcome, Pipeline, RateLimiter, ResilientService, Retry, RetryBudget, Throttle,
    Timeout,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// An operation that counts how many of it run now.
struct Work {
    running: Cell<usize>,
    made: Cell<usize>,
}

struct Running<'a>(&'a Work);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
    }
}

impl Work {
    fn new() -> Self {
        Self { running: Cell::new(0), made: Cell::new(0) }
    }

    /// Pending three times; every other one fails.
    async fn run(&self) -> Result<u32, &'static str> {
        self.made.set(self.made.get() + 1);
        self.running.set(self.running.get() + 1);
        let _running = Running(self);
        let fails = self.made.get() % 2 == 1;
        for _ in 0..3 {
            tokio::time::sleep(7 * MS).await;
        }
        if fails { Err("down") } else { Ok(1) }
    }
}

/// Polls `make()` k times, with time that passes in between, and drops it, for every k until it is ready.
async fn at_every_moment<F: Future>(make: impl Fn() -> F, check: impl Fn(usize)) {
    for polls in 0..500 {
        let mut future = Box::pin(make());
        let mut ready = false;
        for _ in 0..polls {
            ready = poll(future.as_mut()).is_ready();
            assert_eq!(Deadline::time_left(), None, "after {polls} polls");
            if ready {
                break;
            }
            tokio::time::advance(3 * MS).await;
        }
        drop(future);
        check(polls);
        if ready {
            return;
        }
    }
    panic!("never ready");
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_is_dropped_in_any_moment_holds_nothing() {
    let work = Work::new();
    let bulkhead = Bulkhead::builder("search").limit(1).max_queue(3).max_wait(SECOND).build().unwrap();
    let adaptive = AdaptiveLimit::aimd("search").limit(1).max_queue(3).build().unwrap();
    let budget = HedgeBudget::builder("search").share(1.0).build().unwrap();
    let limiter = RateLimiter::per(1, 20 * MS).max_wait(SECOND).clock(Clock::Tokio);
    let limiter = limiter.kind(LimiterKind::SlidingLog).build().unwrap();
    let breaker = CircuitBreaker::builder("search").clock(Clock::Tokio).build().unwrap();
    let pipeline = Pipeline::builder("search")
        .timeout(Timeout::after(10 * SECOND).clock(Clock::Tokio))
        .retry(Retry::builder("search").delay(10 * MS).clock(Clock::Tokio).build().unwrap())
        .circuit_breaker(breaker.clone())
        .rate_limit(limiter.clone())
        .hedge(Hedge::after("search", 10 * MS).budget(&budget).build().unwrap())
        .bulkhead(bulkhead.clone())
        .adaptive_limit(adaptive.clone())
        .throttle(Throttle::builder("search").build().unwrap())
        .timeout(Timeout::after(SECOND).clock(Clock::Tokio))
        .build();
    at_every_moment(
        || pipeline.call_async(|| work.run()),
        |polls| {
            let held = (work.running.get(), bulkhead.in_flight(), adaptive.in_flight());
            assert_eq!(held, (0, 0, 0), "after {polls} polls");
            assert_eq!((bulkhead.waiting(), adaptive.waiting()), (0, 0), "after {polls} polls");
            breaker.reset();
        },
    )
    .await;
    tokio::time::timeout(SECOND, limiter.acquire()).await.expect("somebody still has the turn").unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_policy_that_is_dropped_in_any_moment_drops_the_operation() {
    let work = Work::new();
    let idle = |polls: usize| assert_eq!(work.running.get(), 0, "after {polls} polls");
    let timeout = Timeout::after(10 * MS);
    at_every_moment(|| timeout.call_async(work.run()), idle).await;
    let deadline = Deadline::after(10 * MS);
    at_every_moment(|| deadline.call_async(work.run()), idle).await;
    let fallback = Fallback::new("search").value(0);
    at_every_moment(|| fallback.call_async(work.run()), idle).await;
    let budget = HedgeBudget::builder("search").share(1.0).build().unwrap();
    let hedge = Hedge::after("search", 10 * MS).budget(&budget).build().unwrap();
    at_every_moment(|| hedge.call_async(|| work.run()), idle).await;
    let retry = Retry::builder("search").delay(10 * MS).build().unwrap();
    at_every_moment(|| retry.call_async(|| work.run()), idle).await;
    let service = ResilientService::builder("search").build().unwrap();
    at_every_moment(|| service.call_async(|| work.run()), idle).await;
    let throttle = Throttle::builder("search").build().unwrap();
    at_every_moment(|| throttle.call_async(work.run()), idle).await;
    let limiter = RateLimiter::per(1, 20 * MS).max_wait(SECOND).clock(Clock::Tokio).build().unwrap();
    at_every_moment(|| limiter.call_async(work.run()), idle).await;
    assert!(limiter.snapshot().debt <= 1, "{:?}", limiter.snapshot());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_for_a_window_that_is_dropped_in_any_moment_leaves_its_turn() {
    for &kind in LimiterKind::ALL {
        let limiter = RateLimiter::per(2, 20 * MS).kind(kind).clock(Clock::Tokio).build().unwrap();
        at_every_moment(
            || {
                while limiter.try_acquire().is_ok() {}
                limiter.acquire_n(2, SECOND)
            },
            |_| assert!(limiter.reserve(1, None).is_ok() == (kind == LimiterKind::TokenBucket)),
        )
        .await;
        let after = tokio::time::timeout(10 * SECOND, limiter.acquire_n(2, None)).await;
        after.expect("nobody else waits").unwrap();
    }
}

#[test]
fn a_panic_within_gives_back_all_and_leaks_no_deadline_and_no_retry() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let bulkhead = Bulkhead::builder("search").limit(1).build().unwrap();
    let adaptive = AdaptiveLimit::aimd("search").build().unwrap();
    let retry = Retry::builder("search").delay(Duration::ZERO).build().unwrap();
    let pipeline = Pipeline::builder("search")
        .timeout(Timeout::after(SECOND))
        .retry(retry.clone())
        .bulkhead(bulkhead.clone())
        .adaptive_limit(adaptive.clone())
        .build();
    let check = || {
        assert_eq!((bulkhead.in_flight(), adaptive.in_flight(), Deadline::time_left()), (0, 0, None));
        let before = retry.snapshot().retries;
        assert_eq!(retry.call(|| Err::<(), _>("down")), Err("down"));
        assert_eq!(retry.snapshot().retries - before, 3, "what panicked is not retried any more");
    };
    let blocking = || pipeline.call(|| -> Result<(), ()> { panic!("on purpose") });
    assert!(catch_unwind(AssertUnwindSafe(blocking)).is_err());
    check();
    let mut call =
        pin!(pipeline.call_async(|| async { if true { panic!("on purpose") } else { Ok::<(), ()>(()) } }));
    let polled = AssertUnwindSafe(|| poll::<dyn Future<Output = Result<(), CallError<()>>>>(call.as_mut()));
    assert!(catch_unwind(polled).is_err());
    check();
    assert_eq!(adaptive.snapshot().failures, 2);
    let verdict = |_: &Result<(), ()>| -> Outcome { panic!("on purpose") };
    let judged = Pipeline::builder("search").classify(verdict).bulkhead(bulkhead.clone()).build();
    assert!(catch_unwind(AssertUnwindSafe(|| judged.call(|| Ok(())))).is_err());
    check();
}

// DEADLINE-01, RETRY-WRAP-03
#[tokio::test(start_paused = true)]
async fn what_is_polled_beside_a_call_is_not_within_it() {
    let retry =
        Retry::builder("search").jitter(Jitter::None).delay(10 * MS).clock(Clock::Tokio).build().unwrap();
    let deadline = Deadline::after(SECOND).clock(Clock::Tokio);
    let within = deadline.call_async(retry.call_async(|| async {
        for _ in 0..5 {
            assert!(Deadline::time_left().is_some());
            tokio::time::sleep(3 * MS).await;
        }
        Err::<(), _>("down")
    }));
    let beside = async {
        let alone = Retry::builder("alone").delay(MS).clock(Clock::Tokio).build().unwrap();
        for _ in 0..20 {
            assert_eq!(Deadline::time_left(), None);
            let made = Cell::new(0);
            let call = alone.call_async(|| async {
                made.set(made.get() + 1);
                tokio::task::yield_now().await;
                Err::<(), _>(())
            });
            assert_eq!((call.await, made.get()), (Err(()), 4));
        }
    };
    let mut within = Box::pin(within);
    let mut beside = Box::pin(beside);
    tokio::select! {
        _ = within.as_mut() => (),
        () = beside.as_mut() => (),
    }
    assert_eq!(Deadline::time_left(), None);
    // Dropped halfway or done: the other goes on as if alone.
    drop(within);
    let spawned = tokio::spawn(async { Deadline::time_left() });
    assert_eq!(spawned.await.unwrap(), None);
    let left =
        deadline.call_async(async { Ok::<_, ()>(tokio::spawn(async { Deadline::time_left() }).await) });
    assert_eq!(left.await.unwrap().unwrap(), None, "what is spawned is on its own");
}

#[tokio::test]
async fn policies_and_what_they_give_are_sent_shared_and_kept() {
    fn handle<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    fn value<T: Send + Sync + std::fmt::Debug + 'static>() {}
    fn error<T: std::error::Error + Clone + PartialEq + Send + Sync + 'static>() {}
    handle::<RateLimiter>();
    handle::<Bulkhead>();
    handle::<AdaptiveLimit>();
    handle::<Throttle>();
    handle::<Retry>();
    handle::<RetryBudget>();
    handle::<Hedge>();
    handle::<HedgeBudget>();
    handle::<Timeout>();
    handle::<Deadline>();
    handle::<ResilientService>();
    handle::<Fallback<Cell<u8>, Cell<u8>>>();
    handle::<trifuse::LatencyHistogram>();
    value::<trifuse::BulkheadPermit<'static>>();
    value::<trifuse::Reservation>();
    value::<trifuse::RetryCall>();
    error::<trifuse::Refused>();
    error::<trifuse::TimedOut>();
    error::<trifuse::RateLimited>();
    error::<trifuse::LimiterError>();
    error::<CallError<trifuse::ConfigError>>();
    error::<trifuse::RetriesExhausted<trifuse::ConfigError>>();
    // `Send` where the operation is, also when what it gives is not `Sync`.
    let give = || async { Ok::<_, Cell<u8>>(Cell::new(7)) };
    let service = ResilientService::builder("search").build().unwrap();
    assert_eq!(tokio::spawn(service.call_async(give)).await.unwrap().unwrap().get(), 7);
    let hedge = Hedge::after("search", SECOND).build().unwrap();
    assert_eq!(tokio::spawn(hedge.call_async(give)).await.unwrap().unwrap().get(), 7);
    let retry = Retry::builder("search").build().unwrap();
    assert_eq!(tokio::spawn(retry.call_async(give)).await.unwrap().unwrap().get(), 7);
    let bulkhead = Bulkhead::builder("search").max_queue(1).build().unwrap();
    assert_eq!(tokio::spawn(bulkhead.call_async(give())).await.unwrap().unwrap().get(), 7);
    drop(tokio::spawn(bulkhead.acquire_owned()).await.unwrap().unwrap());
}
