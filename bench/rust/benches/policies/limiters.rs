// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rate limiters that grant every call, and ones that grant none.
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock, QuantaClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter as Governor};
use trifuse::{KeyedRateLimiters, LimiterKind, RateLimiter};

use crate::Subject;

/// More than anybody can ask for.
const MANY: u64 = 1_000_000_000;
const DAY: Duration = Duration::from_secs(86_400);

fn ours(limiter: RateLimiter) -> impl Fn() -> bool + Sync {
    move || limiter.try_acquire().is_ok()
}

fn governed<C>(quota: Quota, clock: C) -> impl Fn() -> bool + Sync
where
    C: Clock + Sync + Send,
    C::Instant: Sync + Send,
{
    let limiter =
        Governor::<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>::direct_with_clock(quota, clock);
    move || limiter.check().is_ok()
}

fn kind(kind: LimiterKind) -> RateLimiter {
    let permits = if kind == LimiterKind::SlidingLog { 1_000 } else { MANY };
    // A log of 1000 in a microsecond is never full either.
    let period =
        if kind == LimiterKind::SlidingLog { Duration::from_micros(1) } else { Duration::from_secs(1) };
    RateLimiter::per(permits, period).kind(kind).build().expect("legal")
}

pub fn generous() -> Vec<Subject> {
    let quota = Quota::per_second(NonZeroU32::MAX);
    let leaky = leaky_bucket::RateLimiter::builder()
        .max(1 << 40)
        .initial(1 << 40)
        .refill(1 << 30)
        .interval(Duration::from_millis(100))
        .build();
    let ratelimit = ratelimit::Ratelimiter::builder(MANY).initial_available(MANY).build().expect("legal");
    vec![
        Subject::new("trifuse, token bucket", ours(kind(LimiterKind::TokenBucket))),
        Subject::new("trifuse, sliding log", ours(kind(LimiterKind::SlidingLog))),
        Subject::new("trifuse, sliding counter", ours(kind(LimiterKind::SlidingCounter))),
        Subject::new("trifuse, fixed window", ours(kind(LimiterKind::FixedWindow))),
        Subject::new("governor, standard clock", governed(quota, MonotonicClock)),
        Subject::new("governor, quanta clock", governed(quota, QuantaClock::default())),
        Subject::new("ratelimit", move || ratelimit.try_wait().is_ok()),
        Subject::new("leaky-bucket", move || leaky.try_acquire(1)),
    ]
}

/// One of a thousand keys, each of which has all it can ask for.
pub fn keyed() -> Vec<Subject> {
    const KEY: &str = "user-000500";
    let name = |n: usize| format!("user-{n:06}");
    let each = RateLimiter::per(MANY, Duration::from_secs(1));
    let ours = KeyedRateLimiters::<String>::builder(each).build().expect("legal");
    let quota = Quota::per_second(NonZeroU32::MAX);
    let governed = Governor::dashmap_with_clock(quota, MonotonicClock);
    for n in 0..1000 {
        assert!(ours.try_acquire(name(n).as_str()).is_ok() && governed.check_key(&name(n)).is_ok());
    }
    let key = KEY.to_owned(); // governor asks for an owned key
    vec![
        Subject::new("trifuse, token bucket", move || ours.try_acquire(KEY).is_ok()),
        Subject::new("governor, standard clock", move || governed.check_key(&key).is_ok()),
    ]
}

pub fn spent() -> Vec<Subject> {
    let quota = Quota::with_period(DAY).expect("a period");
    let leaky = leaky_bucket::RateLimiter::builder().max(1).initial(0).refill(1).interval(DAY).build();
    let ratelimit = ratelimit::Ratelimiter::builder(1)
        .period(DAY)
        .max_tokens(1)
        .initial_available(0)
        .build()
        .expect("legal");
    let bucket = RateLimiter::per(1, DAY).build().expect("legal");
    let log = RateLimiter::per(1, DAY).kind(LimiterKind::SlidingLog).build().expect("legal");
    let all = vec![
        Subject::new("trifuse, token bucket", ours(bucket)),
        Subject::new("trifuse, sliding log", ours(log)),
        Subject::new("governor, standard clock", governed(quota, MonotonicClock)),
        Subject::new("governor, quanta clock", governed(quota, QuantaClock::default())),
        Subject::new("ratelimit", move || ratelimit.try_wait().is_ok()),
        Subject::new("leaky-bucket", move || leaky.try_acquire(1)),
    ];
    for subject in &all {
        (subject.call)();
    }
    all
}
