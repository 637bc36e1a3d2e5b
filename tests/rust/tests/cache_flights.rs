// SPDX-License-Identifier: MIT OR Apache-2.0
//! Of the calls for one key at the same time a cache makes one.
use std::convert::Infallible;
use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;
use trifuse::Clock;
use trifuse::cache::{ResultCache, ResultCacheBuilder};

const SECOND: Duration = Duration::from_secs(1);
type Text = Arc<str>;

fn builder() -> ResultCacheBuilder<&'static str, Text> {
    ResultCache::builder("answers").time_to_live(60 * SECOND).clock(Clock::Tokio)
}

async fn give(text: &str) -> Result<Text, Infallible> {
    Ok(text.into())
}

async fn fail() -> Result<Text, &'static str> {
    Err("down")
}

#[tokio::test(start_paused = true)]
async fn of_many_calls_at_once_one_is_made_and_all_get_its_answer() {
    let (answers, calls) = (builder().build().unwrap(), AtomicUsize::new(0));
    let call = || async {
        calls.fetch_add(1, Ordering::Relaxed);
        sleep(SECOND).await;
        give("yhw").await
    };
    let all = futures::future::join_all((0..100).map(|_| answers.get_or_call("why", call))).await;
    let first = all[0].clone().unwrap();
    assert!(all.iter().all(|answer| Arc::ptr_eq(answer.as_ref().unwrap(), &first)));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let seen = answers.snapshot();
    assert_eq!((seen.stored, seen.shared, seen.in_flight), (1, 99, 0));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_get_the_error_and_the_next_call_is_made_anew() {
    let (answers, calls) = (builder().build().unwrap(), AtomicUsize::new(0));
    let call = || async {
        calls.fetch_add(1, Ordering::Relaxed);
        sleep(SECOND).await;
        fail().await
    };
    let all = futures::future::join_all((0..10).map(|_| answers.get_or_call("why", call))).await;
    assert!(all.iter().all(|answer| **answer.as_ref().unwrap_err() == "down"));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert!(answers.get_or_call("why", call).await.is_err());
    assert_eq!((calls.load(Ordering::Relaxed), answers.snapshot().stored), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_the_call_has_ended_makes_another_one_while_others_still_have_to_be_told() {
    let (answers, calls) = (builder().build().unwrap(), AtomicUsize::new(0));
    let call = || async {
        let number = calls.fetch_add(1, Ordering::Relaxed);
        sleep(SECOND).await;
        Err::<Text, _>(number)
    };
    let mut leader = std::pin::pin!(answers.get_or_call("why", call));
    let mut waiter = std::pin::pin!(answers.get_or_call("why", call));
    assert!(leader.as_mut().now_or_never().is_none() && waiter.as_mut().now_or_never().is_none());
    assert_eq!(*leader.await.unwrap_err(), 0);
    assert_eq!(*answers.get_or_call("why", call).await.unwrap_err(), 1);
    assert_eq!(*waiter.await.unwrap_err(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_who_waited_and_left_does_not_end_the_flight() {
    let (answers, calls) = (builder().build().unwrap(), AtomicUsize::new(0));
    let call = || async {
        calls.fetch_add(1, Ordering::Relaxed);
        sleep(SECOND).await;
        give("yhw").await
    };
    let mut leader = std::pin::pin!(answers.get_or_call("why", call));
    assert!(leader.as_mut().now_or_never().is_none());
    assert!(answers.get_or_call("why", call).now_or_never().is_none());
    let (first, second) = futures::future::join(leader, answers.get_or_call("why", call)).await;
    assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn where_the_one_that_calls_is_dropped_the_next_in_line_calls() {
    let answers = builder().build().unwrap();
    let (leading, began) = (answers.clone(), Arc::new(Notify::new()));
    let told = began.clone();
    let leader = tokio::spawn(async move {
        let hang = || async {
            told.notify_one();
            pending::<Result<Text, Infallible>>().await
        };
        leading.get_or_call("why", hang).await
    });
    began.notified().await;
    let waiting = answers.clone();
    let waiter = tokio::spawn(async move { waiting.get_or_call("why", || give("yhw")).await });
    sleep(SECOND).await;
    assert!(!waiter.is_finished());
    leader.abort();
    assert_eq!(waiter.await.unwrap().as_deref(), Ok("yhw"));
    assert_eq!(answers.snapshot().in_flight, 0);
}

#[tokio::test]
async fn a_call_that_is_dropped_or_panics_leaves_nothing_behind() {
    let answers = builder().build().unwrap();
    {
        let mut call = std::pin::pin!(answers.get_or_call("why", pending::<Result<Text, Infallible>>));
        assert!(call.as_mut().now_or_never().is_none());
        assert_eq!(answers.snapshot().in_flight, 1);
    }
    assert_eq!(answers.snapshot().in_flight, 0);
    let panicking = answers.clone();
    let task = tokio::spawn(async move {
        let call = || async { if true { panic!("on purpose") } else { give("").await } };
        panicking.get_or_call("why", call).await
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(answers.snapshot().in_flight, 0);
    assert_eq!(answers.get_or_call("why", || give("yhw")).await.as_deref(), Ok("yhw"));
}

#[tokio::test]
async fn calls_with_other_errors_for_one_key_do_not_wait_for_each_other() {
    let answers = builder().build().unwrap();
    let mut hanging = std::pin::pin!(answers.get_or_call("why", pending::<Result<Text, &'static str>>));
    assert!(hanging.as_mut().now_or_never().is_none());
    assert_eq!(answers.get_or_call("why", || give("yhw")).await.as_deref(), Ok("yhw"));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_on_many_threads_are_made_once_for_each_flight() {
    let answers = ResultCache::<u32, u32>::builder("answers").build().unwrap();
    let (calls, at_once) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        let (answers, calls, at_once) = (answers.clone(), calls.clone(), at_once.clone());
        tasks.spawn(async move {
            let call = || async {
                calls.fetch_add(1, Ordering::Relaxed);
                assert_eq!(at_once.fetch_add(1, Ordering::SeqCst), 0, "two calls for one key");
                tokio::task::yield_now().await;
                at_once.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Infallible>(n)
            };
            answers.get_or_call(7, call).await.unwrap()
        });
    }
    let given = tasks.join_all().await;
    assert!(given.iter().all(|value| *value == given[0]));
    assert_eq!((calls.load(Ordering::Relaxed), answers.snapshot().in_flight), (1, 0));
}

#[test]
fn the_futures_of_a_cache_can_be_sent() {
    fn sent(_: impl Future + Send) {}
    let answers = builder().build().unwrap();
    sent(answers.get_or_call("why", || give("yhw")));
    sent(answers.get_or_stale("why", || give("yhw")));
}
