// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bulkheads and adaptive limits: places, the line before them, cancellation.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::time::Instant;
use trifuse::{AdaptiveLimit, Bulkhead, Clock, Deadline, ManualClock, Outcome, RefusalReason};

const SECOND: Duration = Duration::from_secs(1);

fn bulkhead(limit: u32, queue: usize) -> Bulkhead {
    Bulkhead::builder("search").limit(limit).max_queue(queue).build().unwrap()
}

#[derive(Default)]
struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll_with<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

// CONC-BULK-01, PIPE-03
#[test]
fn one_more_than_the_limit_is_refused_with_the_reason_and_without_a_time() {
    let bulkhead = bulkhead(2, 0);
    let held = [bulkhead.try_acquire().unwrap(), bulkhead.try_acquire().unwrap()];
    let refused = bulkhead.try_acquire().unwrap_err();
    assert_eq!((&*refused.name, refused.reason), ("search", RefusalReason::BulkheadFull));
    assert_eq!((refused.policy.as_str(), refused.retry_after), ("bulkhead", None));
    drop(held);
    assert_eq!((bulkhead.in_flight(), bulkhead.snapshot().refused), (0, 1));
}

// CONC-QUEUE-01
#[tokio::test]
async fn a_thousand_tasks_are_let_in_in_order_and_never_more_than_the_limit() {
    let (bulkhead, order) = (bulkhead(10, 1000), Arc::new(Mutex::new(Vec::new())));
    let most = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..1000)
        .map(|number| {
            let (bulkhead, order, most) = (bulkhead.clone(), order.clone(), most.clone());
            tokio::spawn(async move {
                let permit = bulkhead.acquire().await.unwrap();
                order.lock().unwrap().push(number);
                most.fetch_max(bulkhead.in_flight() as usize, Ordering::Relaxed);
                tokio::task::yield_now().await;
                permit.success();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..1000).collect::<Vec<_>>());
    assert_eq!((most.load(Ordering::Relaxed), bulkhead.in_flight(), bulkhead.waiting()), (10, 0, 0));
    assert_eq!((bulkhead.snapshot().admitted, bulkhead.snapshot().refused), (1000, 0));
}

#[test]
fn a_place_that_comes_back_wakes_the_first_in_line_and_nobody_else() {
    let bulkhead = bulkhead(1, 10);
    let held = bulkhead.try_acquire().unwrap();
    let counts: Vec<_> = (0..10).map(|_| Arc::new(Counted::default())).collect();
    let mut waiters: Vec<_> = counts.iter().map(|_| Box::pin(bulkhead.acquire())).collect();
    for (waiter, count) in waiters.iter_mut().zip(&counts) {
        assert!(poll_with(waiter.as_mut(), &Waker::from(count.clone())).is_pending());
    }
    drop(held);
    let woken: Vec<_> = counts.iter().map(|count| count.0.load(Ordering::Relaxed)).collect();
    assert_eq!(woken, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(bulkhead.try_acquire().is_err(), "the place is the first waiter's");
    assert!(poll_once(waiters[0].as_mut()).is_ready());
}

// CONC-QUEUE-01
#[test]
fn a_waiter_that_is_dropped_leaves_the_line_and_its_place_goes_to_the_next() {
    let bulkhead = bulkhead(1, 10);
    let held = bulkhead.try_acquire().unwrap();
    let mut waiters: Vec<_> = (0..4).map(|_| Box::pin(bulkhead.acquire())).collect();
    for waiter in &mut waiters {
        assert!(poll_once(waiter.as_mut()).is_pending());
    }
    drop(waiters.remove(1));
    assert_eq!(bulkhead.waiting(), 3);
    drop(held);
    // The first has been given the place, but does not know it yet.
    drop(waiters.remove(0));
    let Poll::Ready(Ok(permit)) = poll_once(waiters[0].as_mut()) else { panic!("the place was lost") };
    assert!(poll_once(waiters[1].as_mut()).is_pending());
    drop(permit);
    assert!(poll_once(waiters[1].as_mut()).is_ready());
    drop(waiters);
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

#[test]
fn a_full_line_is_refused_at_once() {
    let bulkhead = bulkhead(1, 1);
    let held = bulkhead.try_acquire().unwrap();
    let mut first = pin!(bulkhead.acquire());
    assert!(poll_once(first.as_mut()).is_pending());
    let Poll::Ready(Err(refused)) = poll_once(pin!(bulkhead.acquire())) else { panic!("let in") };
    assert_eq!(refused.reason, RefusalReason::BulkheadFull);
    assert_eq!(bulkhead.snapshot().refused, 1);
    drop(held);
    assert!(poll_once(first.as_mut()).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_after_max_wait_and_at_a_deadline() {
    let bulkhead = Bulkhead::builder("search").limit(1).max_queue(5).max_wait(SECOND).build().unwrap();
    let _held = bulkhead.try_acquire().unwrap();
    let began = Instant::now();
    assert!(bulkhead.acquire().await.is_err());
    assert!(began.elapsed() >= SECOND && began.elapsed() < SECOND + Duration::from_millis(2));
    assert_eq!((bulkhead.waiting(), bulkhead.in_flight(), bulkhead.snapshot().refused), (0, 1, 1));
    let began = Instant::now();
    let deadline = Deadline::after(SECOND / 4).clock(Clock::Tokio);
    let late = deadline.call_async(async { Ok::<_, ()>(bulkhead.acquire().await.map(drop)) }).await;
    assert!(late.is_err() || late.unwrap().is_err());
    assert!(began.elapsed() <= SECOND / 4 + Duration::from_millis(2));
    assert_eq!(bulkhead.waiting(), 0);
}

// CONC-BULK-03
#[test]
fn a_limit_that_grows_lets_those_in_who_wait_and_one_that_shrinks_throws_nobody_out() {
    let bulkhead = bulkhead(2, 10);
    let held = [bulkhead.try_acquire().unwrap(), bulkhead.try_acquire().unwrap()];
    let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(bulkhead.acquire())).collect();
    for waiter in &mut waiters {
        assert!(poll_once(waiter.as_mut()).is_pending());
    }
    bulkhead.set_limit(4).unwrap();
    let ready: Vec<_> = waiters.iter_mut().map(|waiter| poll_once(waiter.as_mut())).collect();
    assert_eq!(ready.iter().map(Poll::is_ready).collect::<Vec<_>>(), [true, true, false]);
    bulkhead.set_limit(1).unwrap();
    assert_eq!(bulkhead.in_flight(), 4);
    drop((held, ready));
    assert!(poll_once(waiters[2].as_mut()).is_ready());
}

#[test]
fn threads_wait_in_line_and_no_place_is_lost() {
    let bulkhead = bulkhead(3, 100);
    let most = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let permit = bulkhead.acquire_blocking().unwrap();
                    most.fetch_max(bulkhead.in_flight() as usize, Ordering::Relaxed);
                    permit.success();
                }
            });
        }
    });
    assert!(most.load(Ordering::Relaxed) <= 3);
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting(), bulkhead.snapshot().admitted), (0, 0, 4000));
}

#[test]
fn a_thread_gives_up_when_its_time_is_over() {
    let bulkhead =
        Bulkhead::builder("search").limit(1).max_queue(5).max_wait(Duration::ZERO).build().unwrap();
    let _held = bulkhead.try_acquire().unwrap();
    assert!(bulkhead.acquire_blocking().is_err());
    assert_eq!((bulkhead.waiting(), bulkhead.in_flight()), (0, 1));
}

// WRAP-PERMIT-01
#[test]
fn a_place_comes_back_on_every_path() {
    let bulkhead = bulkhead(1, 0);
    assert_eq!(bulkhead.call(|| Ok::<_, ()>(1)), Ok(1));
    assert!(bulkhead.call(|| Err::<(), _>(1)).is_err());
    let panics = AssertUnwindSafe(|| bulkhead.call(|| -> Result<(), ()> { panic!("on purpose") }));
    assert!(catch_unwind(panics).is_err());
    {
        let mut call = pin!(bulkhead.call_async(std::future::pending::<Result<(), ()>>()));
        assert!(poll_once(call.as_mut()).is_pending());
        assert_eq!(bulkhead.in_flight(), 1);
    }
    let picture = bulkhead.snapshot();
    assert_eq!((picture.in_flight, picture.released, picture.failures), (0, 4, 2));
}

// CONC-AIMD-01, CONC-AIMD-02, CONC-ADAPT-03
#[test]
fn an_adaptive_limit_moves_by_what_becomes_of_its_calls() {
    let clock = ManualClock::new();
    let limit = AdaptiveLimit::aimd("search").limit(10).timeout(SECOND).clock(clock.clone()).build().unwrap();
    limit.try_acquire().unwrap().failure();
    assert_eq!(limit.limit(), 9);
    let panics = AssertUnwindSafe(|| limit.call(|| -> Result<(), ()> { panic!("on purpose") }));
    assert!(catch_unwind(panics).is_err());
    assert_eq!(limit.limit(), 8);
    drop(limit.try_acquire().unwrap());
    limit.try_acquire().unwrap().report(Outcome::Ignored);
    assert_eq!(limit.limit(), 8);
    let _ = limit.call(|| {
        clock.advance(2 * SECOND);
        Ok::<_, ()>(())
    });
    assert_eq!((limit.limit(), limit.snapshot().failures), (7, 3));
    let full: Vec<_> = (0..7).map(|_| limit.try_acquire().unwrap()).collect();
    assert_eq!(limit.try_acquire().unwrap_err().policy.as_str(), "adaptive_limit");
    full.into_iter().for_each(trifuse::BulkheadPermit::success);
    assert!(limit.limit() > 7);
}

#[test]
fn a_fixed_algorithm_is_no_adaptive_limit() {
    let error = AdaptiveLimit::gradient2("search").algorithm(trifuse::Algorithm::Fixed).build().unwrap_err();
    assert_eq!(error.field, "algorithm");
}

// CONC-QUEUE-01
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_are_aborted_in_any_moment_lose_no_place() {
    let bulkhead = bulkhead(3, 2000);
    for round in 0..5 {
        let tasks: Vec<_> = (0..400)
            .map(|_| {
                let bulkhead = bulkhead.clone();
                tokio::spawn(async move {
                    let permit = bulkhead.acquire_owned().await.unwrap();
                    tokio::task::yield_now().await;
                    permit.success();
                })
            })
            .collect();
        for (number, task) in tasks.iter().enumerate() {
            if (number + round) % 2 == 0 {
                task.abort();
            }
        }
        for task in tasks {
            assert!(task.await.map_or_else(|error| error.is_cancelled(), |()| true));
        }
    }
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}
