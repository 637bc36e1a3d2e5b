// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory of 100,000 limiters by key, each library's in a process of its own: how much the resident size
//! grows (Linux). The keys are strings of eleven letters, which the limiters own.
use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::process::Command;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter as Governor};
use trifuse::{KeyedRateLimiters, LimiterKind, RateLimiter};

const KEYS: usize = 100_000;
const MINUTE: Duration = Duration::from_secs(60);
const PERMITS: u32 = 100;

/// Makes a limiter for each key and takes a token of each.
type Fill = fn(&dyn Fn(usize) -> String);

const SUBJECTS: [(&str, Fill); 7] = [
    ("trifuse, token bucket", |key| ours(LimiterKind::TokenBucket, key)),
    ("trifuse, sliding counter", |key| ours(LimiterKind::SlidingCounter, key)),
    ("trifuse, sliding log of 100", |key| ours(LimiterKind::SlidingLog, key)),
    ("governor, its own map", governed),
    ("ratelimit, in a HashMap", |key| each(key, ratelimit, |one| one.try_wait().is_ok())),
    ("leaky-bucket, in a HashMap", |key| each(key, leaky, |one| one.try_acquire(1))),
    ("the keys alone, in a HashMap", |key| each(key, || (), |()| true)),
];

fn ours(kind: LimiterKind, key: &dyn Fn(usize) -> String) {
    let each = RateLimiter::per(u64::from(PERMITS), MINUTE).kind(kind).name("users");
    let users = KeyedRateLimiters::<String>::builder(each).max_keys(KEYS).build().expect("legal");
    for n in 0..KEYS {
        assert!(users.try_acquire(key(n).as_str()).is_ok());
    }
    assert_eq!(users.len(), KEYS);
    grown(users);
}

fn governed(key: &dyn Fn(usize) -> String) {
    let quota = Quota::per_minute(NonZeroU32::new(PERMITS).expect("not 0"));
    let users: DefaultKeyedRateLimiter<String> = Governor::keyed(quota);
    for n in 0..KEYS {
        assert!(users.check_key(&key(n)).is_ok());
    }
    grown(users);
}

fn ratelimit() -> ratelimit::Ratelimiter {
    let permits = u64::from(PERMITS);
    ratelimit::Ratelimiter::builder(permits).period(MINUTE).initial_available(permits).build().expect("legal")
}

fn leaky() -> leaky_bucket::RateLimiter {
    let permits = PERMITS as usize;
    leaky_bucket::RateLimiter::builder().max(permits).initial(permits).refill(1).interval(MINUTE).build()
}

fn each<L>(key: &dyn Fn(usize) -> String, make: impl Fn() -> L, take: impl Fn(&L) -> bool) {
    let mut users = HashMap::new();
    for n in 0..KEYS {
        assert!(take(users.entry(key(n)).or_insert_with(&make)));
    }
    grown(users);
}

/// The resident size in bytes.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}

/// Prints the resident size while all of it is there.
fn grown<T>(all: T) {
    println!("{}", resident().unwrap_or(0));
    drop(black_box(all));
}

/// Bytes a key, measured in another process.
fn measured(subject: usize) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program).env("TRIFUSE_BENCH_SUBJECT", subject.to_string()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let sizes: Vec<usize> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let [before, after] = sizes[..] else { return None };
    Some((after - before) as f64 / KEYS as f64)
}

fn main() {
    if let Ok(subject) = std::env::var("TRIFUSE_BENCH_SUBJECT") {
        let (_, fill) = SUBJECTS[subject.parse::<usize>().expect("a number")];
        println!("{}", resident().unwrap_or(0));
        fill(&|n| format!("user-{n:06}"));
        return;
    }
    if resident().is_none() {
        println!("memory of limiters by key: not measured, this system has no /proc/self/status");
        return;
    }
    println!("memory of {KEYS} limiters by key (bytes a key, the key with it)");
    for (subject, (name, _)) in SUBJECTS.iter().enumerate() {
        match measured(subject) {
            Some(bytes) => println!("  {name:45} {bytes:8.0}"),
            None => println!("  {name:45} not measured"),
        }
    }
}
