// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting in line, attacked: wakers, orders of dropping, threads beside tasks.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use trifuse::{Bulkhead, BulkheadPermit, Clock, LimiterKind, RateLimiter};

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

impl Counted {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn poll_with<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// A fixed order that is none.
fn shuffled(number: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..number).collect();
    let mut state = 7u64;
    for last in (1..number).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(last, (state >> 33) as usize % (last + 1));
    }
    order
}

/// Fails, rather than hangs, if `work` never ends.
fn in_time(work: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        work();
        done.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(20)).expect("it hangs, or has failed");
}

#[test]
fn a_waker_that_comes_back_to_the_line_when_it_is_dropped_finds_it_open() {
    struct Holds(#[allow(dead_code)] Mutex<Option<BulkheadPermit<'static>>>);
    impl Wake for Holds {
        fn wake(self: Arc<Self>) {}
    }
    let waker = |bulkhead: &Bulkhead| {
        Waker::from(Arc::new(Holds(Mutex::new(Some(bulkhead.try_acquire_owned().unwrap())))))
    };
    // Dropped with the waiter, and replaced by another.
    in_time(move || {
        let bulkhead = bulkhead(1, 5);
        let holds = waker(&bulkhead);
        let mut waiter = Box::pin(bulkhead.acquire_owned());
        assert!(poll_with(waiter.as_mut(), &holds).is_pending());
        drop(holds);
        drop(waiter);
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
        let holds = waker(&bulkhead);
        let mut waiter = Box::pin(bulkhead.acquire_owned());
        assert!(poll_with(waiter.as_mut(), &holds).is_pending());
        drop(holds);
        let _ = poll_with(waiter.as_mut(), Waker::noop());
        assert!(poll_with(waiter.as_mut(), Waker::noop()).is_ready());
    });
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let bulkhead = bulkhead(1, 5);
    let held = bulkhead.try_acquire().unwrap();
    let wakers = [Arc::new(Counted::default()), Arc::new(Counted::default())];
    let mut waiter = pin!(bulkhead.acquire());
    for waker in &wakers {
        assert!(poll_with(waiter.as_mut(), &Waker::from(waker.clone())).is_pending());
    }
    drop(held);
    assert_eq!((wakers[0].count(), wakers[1].count()), (0, 1));
    assert!(poll_with(waiter.as_mut(), Waker::noop()).is_ready());
}

// CONC-QUEUE-01
#[test]
fn ten_thousand_waiters_dropped_in_any_order_leave_nothing_and_wake_one_for_each_place() {
    let bulkhead = bulkhead(1, 10_000);
    let held = bulkhead.try_acquire().unwrap();
    let counted = Arc::new(Counted::default());
    let waker = Waker::from(counted.clone());
    let mut waiters: Vec<_> = (0..10_000).map(|_| Some(Box::pin(bulkhead.acquire()))).collect();
    for waiter in waiters.iter_mut().flatten() {
        assert!(poll_with(waiter.as_mut(), &waker).is_pending());
    }
    assert_eq!((bulkhead.waiting(), Arc::strong_count(&counted)), (10_000, 10_002));
    for number in &shuffled(10_000)[..5_000] {
        waiters[*number] = None;
    }
    assert_eq!((bulkhead.waiting(), Arc::strong_count(&counted)), (5_000, 5_002));
    drop(held);
    let mut served = 0;
    for waiter in waiters.iter_mut().flatten() {
        served += 1;
        assert_eq!(counted.count(), served, "one wake-up for each place");
        assert!(poll_with(waiter.as_mut(), &waker).is_ready(), "first come, first served");
    }
    assert_eq!((served, bulkhead.waiting(), bulkhead.in_flight()), (5_000, 0, 0));
    drop(waiters);
    drop(waker);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn waiters_that_are_woken_and_dropped_unpolled_pass_every_place_on() {
    for order in [(0..100).collect(), (0..100).rev().collect(), shuffled(100)] {
        let order: Vec<usize> = order;
        let bulkhead = bulkhead(3, 101);
        let held: Vec<_> = (0..3).map(|_| bulkhead.try_acquire().unwrap()).collect();
        let mut waiters: Vec<_> = (0..101).map(|_| Some(Box::pin(bulkhead.acquire()))).collect();
        for waiter in waiters.iter_mut().flatten() {
            assert!(poll_with(waiter.as_mut(), Waker::noop()).is_pending());
        }
        drop(held);
        for number in order {
            waiters[number] = None;
        }
        let last = waiters[100].as_mut().unwrap();
        assert!(poll_with(last.as_mut(), Waker::noop()).is_ready());
        drop(waiters);
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    }
}

#[test]
fn a_limit_that_moves_while_they_wait_lets_in_as_many_as_it_says() {
    let bulkhead = bulkhead(2, 10);
    let held: Vec<_> = (0..2).map(|_| bulkhead.try_acquire().unwrap()).collect();
    let counts: Vec<_> = (0..6).map(|_| Arc::new(Counted::default())).collect();
    let mut waiters: Vec<_> = counts.iter().map(|_| Box::pin(bulkhead.acquire())).collect();
    for (waiter, count) in waiters.iter_mut().zip(&counts) {
        assert!(poll_with(waiter.as_mut(), &Waker::from(count.clone())).is_pending());
    }
    let woken = || counts.iter().map(|count| count.count()).sum::<usize>();
    bulkhead.set_limit(1).unwrap();
    assert_eq!((woken(), bulkhead.in_flight()), (0, 2));
    bulkhead.set_limit(5).unwrap();
    assert_eq!((woken(), bulkhead.in_flight(), bulkhead.waiting()), (3, 5, 3));
    bulkhead.set_limit(4).unwrap();
    drop(held);
    assert_eq!((woken(), bulkhead.in_flight(), bulkhead.waiting()), (4, 4, 2));
    drop(waiters);
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

#[test]
fn a_waiter_whose_task_panics_passes_its_place_on() {
    let bulkhead = bulkhead(1, 10);
    let held = bulkhead.try_acquire().unwrap();
    let mut next = Box::pin(bulkhead.acquire());
    let panics = catch_unwind(AssertUnwindSafe(|| {
        let mut waiter = Box::pin(bulkhead.acquire());
        assert!(poll_with(waiter.as_mut(), Waker::noop()).is_pending());
        assert!(poll_with(next.as_mut(), Waker::noop()).is_pending());
        drop(held);
        panic!("on purpose");
    }));
    assert!(panics.is_err());
    assert!(poll_with(next.as_mut(), Waker::noop()).is_ready());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_and_tasks_wait_in_one_line_and_no_place_is_lost() {
    let bulkhead = bulkhead(2, 1000);
    let together = Arc::new(AtomicUsize::new(0));
    let work = |bulkhead: &Bulkhead, together: &AtomicUsize| {
        assert!(together.fetch_add(1, Ordering::SeqCst) < 2);
        assert!(bulkhead.in_flight() <= 2);
        together.fetch_sub(1, Ordering::SeqCst);
    };
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (bulkhead, together) = (bulkhead.clone(), together.clone());
            std::thread::spawn(move || {
                for _ in 0..500 {
                    let permit = bulkhead.acquire_blocking().unwrap();
                    work(&bulkhead, &together);
                    permit.success();
                }
            })
        })
        .collect();
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let (bulkhead, together) = (bulkhead.clone(), together.clone());
            tokio::spawn(async move {
                for round in 0..5 {
                    let mut waiter = pin!(bulkhead.acquire());
                    // Every third is dropped after one poll, in the line or with its place.
                    if (number + round) % 3 == 0 {
                        let poll =
                            std::future::poll_fn(|cx| Poll::Ready(waiter.as_mut().poll(cx).is_ready()));
                        poll.await;
                        continue;
                    }
                    let permit = waiter.await.unwrap();
                    work(&bulkhead, &together);
                    permit.success();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| thread.join().unwrap()))
        .await
        .unwrap();
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn of_those_who_wait_for_a_window_one_at_a_time_is_woken() {
    let limiter = RateLimiter::per(1, Duration::from_secs(1)).kind(LimiterKind::SlidingLog);
    let limiter = limiter.clock(Clock::Tokio).build().unwrap();
    limiter.try_acquire().unwrap();
    let counted = Arc::new(Counted::default());
    let waker = Waker::from(counted.clone());
    let mut waiters: Vec<_> = (0..1000).map(|_| Box::pin(limiter.acquire())).collect();
    for waiter in &mut waiters {
        assert!(poll_with(waiter.as_mut(), &waker).is_pending());
    }
    let said = limiter.try_acquire().unwrap_err().to_string();
    assert!(said.ends_with("the call was not made; others wait in line before it"), "{said}");
    for woken in [1, 2] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(poll_with(waiters[0].as_mut(), &waker).is_ready());
        drop(waiters.remove(0));
        // Its timer, and the turn of the next.
        assert_eq!(counted.count(), 2 * woken);
        assert!(poll_with(waiters[0].as_mut(), &waker).is_pending());
    }
    for number in shuffled(998) {
        drop(std::mem::replace(&mut waiters[number], Box::pin(limiter.acquire())));
    }
    assert_eq!(Arc::strong_count(&counted), 2, "a waiter that left is forgotten");
    tokio::time::sleep(Duration::from_secs(1)).await;
    limiter.try_acquire().unwrap();
}

#[test]
fn who_is_let_in_at_once_is_in_nobodys_way() {
    for &kind in LimiterKind::ALL {
        let limiter = RateLimiter::per(1_000_000, Duration::from_secs(3600)).kind(kind).build().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..20_000).for_each(|_| limiter.acquire_blocking(1, None).unwrap()));
            scope.spawn(|| (0..20_000).for_each(|_| limiter.try_acquire().unwrap()));
        });
        assert_eq!((limiter.snapshot().granted, limiter.snapshot().refused), (40_000, 0));
    }
}

#[test]
fn a_place_that_comes_in_the_moment_of_giving_up_is_not_lost() {
    let bulkhead =
        Bulkhead::builder("search").limit(1).max_queue(9).max_wait(Duration::ZERO).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..300_000).for_each(|_| drop(bulkhead.acquire_blocking())));
        }
    });
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    bulkhead.try_acquire().unwrap().success();
}
