// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fallbacks of several levels, at once and awaited.
use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;
use trifuse::{CallError, Deadline, Fallback, MayWait, Pipeline, Retry, RetryConfig, Timeout, last_fallback};

type Seen = Arc<Mutex<Vec<String>>>;

fn answered() -> Option<(usize, &'static str)> {
    last_fallback().map(|answered| (answered.level, answered.fallback))
}

fn down() -> Result<usize, String> {
    Err("down".to_owned())
}

/// Levels that tell when they are asked, and of which error; the one at `answers` (from 1 on) has an answer.
fn chain(seen: &Seen, answers: usize) -> Fallback<usize, String, MayWait> {
    let tell = |level: usize| {
        let seen = seen.clone();
        move |error: &CallError<String>| {
            seen.lock().unwrap().push(format!("{level}: {error}"));
            (level == answers).then_some(level)
        }
    };
    let spare = tell(2);
    Fallback::new("search")
        .level("cache", tell(1))
        .level_async("spare", move |error| {
            let answer = spare(error);
            async move {
                sleep(Duration::from_secs(1)).await;
                answer
            }
        })
        .level("rule", tell(3))
}

// SEED-09
#[tokio::test(start_paused = true)]
async fn levels_are_asked_in_turn_until_one_answers_and_all_see_the_error_of_the_call() {
    for level in 1..=3 {
        let seen = Seen::default();
        let fallback = chain(&seen, level);
        assert_eq!(fallback.call_async(async { down() }).await, Ok(level));
        assert_eq!(answered(), Some((level, ["cache", "spare", "rule"][level - 1])));
        let asked: Vec<_> = (1..=level).map(|level| format!("{level}: down")).collect();
        assert_eq!(*seen.lock().unwrap(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_level_has_an_answer_the_error_of_the_call_is_kept() {
    let seen = Seen::default();
    let fallback = chain(&seen, 0);
    assert_eq!(fallback.call_async(async { down() }).await, Err(CallError::Operation("down".to_owned())));
    assert_eq!((seen.lock().unwrap().len(), last_fallback()), (3, None));
    assert_eq!(fallback.answers(), [("cache", 0), ("spare", 0), ("rule", 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_succeeds_asks_no_level() {
    let seen = Seen::default();
    assert_eq!(chain(&seen, 1).call_async(async { down() }).await, Ok(1));
    assert_eq!(chain(&seen, 1).call_async(async { Ok(9) }).await, Ok(9));
    assert_eq!((seen.lock().unwrap().len(), last_fallback()), (1, None));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_drops_the_level_that_waits() {
    struct Dropped(Arc<AtomicU32>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let drops = Arc::new(AtomicU32::new(0));
    let counter = drops.clone();
    let fallback = Fallback::<(), ()>::new("search").level_async("spare", move |_| {
        let held = Dropped(counter.clone());
        async move {
            let _held = held;
            pending().await
        }
    });
    let call = fallback.call_async(async { Err(()) });
    assert!(tokio::time::timeout(Duration::from_secs(5), call).await.is_err());
    assert_eq!((drops.load(Ordering::Relaxed), fallback.answers()), (1, vec![("spare", 0)]));
}

#[tokio::test(start_paused = true)]
async fn in_a_pipeline_the_spare_answers_after_the_retries_and_within_what_is_around() {
    let retry =
        Retry::builder("search").with_config(RetryConfig::DEFAULT.with_max_retries(2)).build().unwrap();
    let seen = Seen::default();
    let search = Pipeline::builder("search").fallback(chain(&seen, 2)).retry(retry).build();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let call = search.call_async(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async { down() }
    });
    // The whole is `Send`: it can be spawned.
    let joined = tokio::spawn(async move { (call.await, answered()) }).await.unwrap();
    assert_eq!(joined, (Ok(2), Some((2, "spare"))));
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    let late = Pipeline::builder("search")
        .timeout(Timeout::after(Duration::from_millis(500)))
        .fallback(chain(&seen, 2))
        .build();
    let late = late.call_async(|| async { down() }).await;
    assert!(matches!(late, Err(CallError::TimedOut(_))), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_passed_down_to_a_level_that_waits() {
    let left = Arc::new(Mutex::new(None));
    let seen = left.clone();
    let fallback = Fallback::<u8, ()>::new("search").level_async("spare", move |_| {
        let seen = seen.clone();
        async move {
            *seen.lock().unwrap() = Deadline::time_left();
            Some(1)
        }
    });
    let call = fallback.call_async(async { Err(()) });
    let call = async { Ok::<_, ()>(call.await) };
    assert_eq!(Deadline::after(Duration::from_secs(5)).call_async(call).await, Ok(Ok(1)));
    assert!(left.lock().unwrap().is_some_and(|left| left <= Duration::from_secs(5)));
}

#[test]
fn clones_share_the_counts_and_listeners_hear_the_level() {
    let heard = Seen::default();
    let told = heard.clone();
    let fallback = Fallback::new("search")
        .level("cache", |error: &CallError<u16>| (error == &CallError::Operation(503)).then_some("cached"))
        .value("later")
        .on(|error| error != &CallError::Operation(404))
        .on_answer(|_, _| panic!("on purpose"))
        .on_answer(move |level, error| told.lock().unwrap().push(format!("{level}: {error:?}")));
    let clone = fallback.clone();
    assert_eq!((fallback.call(|| Err(503)), clone.call(|| Err(500))), (Ok("cached"), Ok("later")));
    assert_eq!(last_fallback().map(|answered| answered.name.to_string()), Some("search".to_owned()));
    assert_eq!(clone.call(|| Err(404)), Err(CallError::Operation(404)));
    assert_eq!(last_fallback(), None);
    assert_eq!(fallback.answers(), [("cache", 1), ("value", 1)]);
    assert_eq!(*heard.lock().unwrap(), ["cache: Operation(503)", "value: Operation(500)"]);
}

#[test]
fn what_answered_is_known_to_the_thread_of_the_call_only() {
    let fallback = Fallback::<u8, ()>::new("search").value(7);
    assert_eq!(fallback.call(|| Err(())), Ok(7));
    assert_eq!(std::thread::spawn(last_fallback).join().unwrap(), None);
    assert_eq!(answered(), Some((1, "value")));
}
