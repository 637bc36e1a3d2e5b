// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rate limiter for each key, on a clock that the test moves.
use std::time::Duration;

use trifuse::{KeyedRateLimiters, LimiterError, LimiterKind, ManualClock, RateLimiter, RateLimiterConfig};

const SECOND: Duration = Duration::from_secs(1);

fn users(max_keys: usize) -> (KeyedRateLimiters<u32>, ManualClock) {
    let clock = ManualClock::new();
    let each = RateLimiter::per(2, SECOND).name("users").clock(clock.clone());
    (KeyedRateLimiters::builder(each).max_keys(max_keys).build().unwrap(), clock)
}

#[test]
fn each_key_has_its_own_tokens_and_its_name_is_in_the_refusal() {
    let (users, clock) = users(10);
    users.try_acquire_n(&1, 2).unwrap();
    let limited = users.try_acquire(&1).unwrap_err();
    assert_eq!((limited.name.as_str(), limited.retry_after), ("users[1]", Some(SECOND / 2)));
    assert!(users.try_acquire(&2).is_ok());
    clock.advance(SECOND / 2);
    assert!(users.try_acquire(&1).is_ok());
    assert!(matches!(users.try_acquire_n(&1, 3), Err(LimiterError::OverCapacity { .. })));
    assert!(matches!(users.try_acquire_n(&1, 0), Err(LimiterError::Argument(_))));
    assert_eq!((users.len(), users.iter().count(), users.overflowed()), (2, 2, 0));
}

#[test]
fn a_limiter_that_owes_its_key_something_is_never_forgotten() {
    let (users, clock) = users(2);
    users.try_acquire(&1).unwrap();
    users.try_acquire(&2).unwrap();
    for _ in 0..2 {
        users.try_acquire(&3).unwrap(); // no place: the overflow's two tokens
    }
    assert_eq!(users.try_acquire(&4).unwrap_err().name, "users[overflow]");
    assert_eq!((users.evicted(), users.overflowed(), users.len()), (0, 3, 2));
    clock.advance(SECOND); // all are full again
    users.try_acquire_n(&4, 2).unwrap();
    assert_eq!((users.evicted(), users.overflowed(), users.len()), (1, 3, 2));
    assert_eq!(users.try_acquire(&4).unwrap_err().name, "users[4]");
    assert_eq!(users.overflow().snapshot().granted, 2);
}

#[test]
fn a_limiter_that_somebody_holds_is_not_evicted() {
    let (users, _clock) = users(1);
    let held = users.get(&1);
    assert!(users.get(&2).same_as(users.overflow()));
    drop(held);
    assert!(!users.get(&2).same_as(users.overflow()));
    assert_eq!((users.evicted(), users.overflowed()), (1, 1));
}

#[test]
fn keys_without_end_take_as_many_places_as_there_are() {
    let (users, clock) = users(100);
    for key in 0..20_000 {
        users.try_acquire(&key).unwrap();
        clock.advance(SECOND);
    }
    assert_eq!((users.len(), users.evicted(), users.overflowed()), (100, 19_900, 0));
}

#[test]
fn a_window_that_still_remembers_is_not_full() {
    let clock = ManualClock::new();
    for kind in [LimiterKind::SlidingLog, LimiterKind::SlidingCounter, LimiterKind::FixedWindow] {
        let each = RateLimiter::per(2, SECOND).kind(kind).clock(clock.clone());
        let users = KeyedRateLimiters::<&str>::builder(each).max_keys(1).build().unwrap();
        users.try_acquire(&"ann").unwrap();
        users.get(&"bob");
        assert_eq!((users.evicted(), users.overflowed()), (0, 1), "{kind}");
        clock.advance(3 * SECOND);
        users.get(&"bob");
        assert_eq!((users.evicted(), users.overflowed()), (1, 1), "{kind}");
    }
}

#[test]
fn another_rate_is_one_for_every_key_and_what_was_taken_stays() {
    let (users, _clock) = users(2);
    users.try_acquire_n(&1, 2).unwrap();
    let (_held, _overflow) = (users.get(&2), users.get(&3));
    users.set_rate(RateLimiterConfig::DEFAULT.with_permits(4).with_period(SECOND)).unwrap();
    assert_eq!(users.try_acquire(&1).unwrap_err().retry_after, Some(SECOND / 4));
    assert_eq!((users.get(&2).snapshot().capacity, users.overflow().snapshot().capacity), (4, 4));
    let bad = users.set_rate(RateLimiterConfig::DEFAULT.with_permits(0)).unwrap_err();
    assert!(bad.to_string().starts_with("permits = 0 is not allowed"), "{bad}");
    assert_eq!(users.get(&1).snapshot().permits, 4);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_key_keeps_its_limiter() {
    let each = RateLimiter::per(1, SECOND).name("users").clock(trifuse::Clock::Tokio);
    let users = KeyedRateLimiters::<String>::builder(each).max_keys(1).build().unwrap();
    users.try_acquire("ann").unwrap();
    let waiting = tokio::spawn(users.get("ann").acquire());
    tokio::task::yield_now().await;
    tokio::time::advance(SECOND / 2).await;
    assert!(users.get("bob").same_as(users.overflow()));
    waiting.await.unwrap().unwrap();
    assert_eq!(users.try_acquire("ann").unwrap_err().name, "users[ann]");
}

#[test]
fn threads_that_use_many_keys_are_granted_what_each_key_has() {
    let clock = ManualClock::new();
    let each = RateLimiter::per(10, SECOND).clock(clock.clone());
    let users = KeyedRateLimiters::<usize>::builder(each).max_keys(500).build().unwrap();
    let granted = |_: usize| (0..500 * 8).filter(|n| users.try_acquire(&(n % 500)).is_ok()).count();
    let all: usize = std::thread::scope(|scope| {
        let threads = [0, 1].map(|thread| scope.spawn(move || granted(thread)));
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((all, users.len(), users.evicted()), (5_000, 500, 0));
}
