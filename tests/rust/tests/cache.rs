// SPDX-License-Identifier: MIT OR Apache-2.0
//! Caches of results.
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use trifuse::cache::{ResultCache, ResultCacheBuilder};
use trifuse::{CallError, Clock, Fallback, ResilientService, last_fallback};

const SECOND: Duration = Duration::from_secs(1);
type Text = Arc<str>;
type Answers = ResultCache<&'static str, Text>;

fn builder() -> ResultCacheBuilder<&'static str, Text> {
    Answers::builder("answers").time_to_live(60 * SECOND).stale_if_error(600 * SECOND).clock(Clock::Tokio)
}

async fn give(text: &str) -> Result<Text, Infallible> {
    Ok(text.into())
}

async fn fail() -> Result<Text, &'static str> {
    Err("down")
}

// SEED-30
#[tokio::test(flavor = "multi_thread")]
async fn many_read_and_write_and_nobody_copies() {
    let answers = ResultCache::<u32, Arc<Vec<u8>>>::builder("answers").build().unwrap();
    let value = Arc::new(vec![7; 1 << 20]);
    answers.insert(0, value.clone()).await;
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let (answers, value) = (answers.clone(), value.clone());
        tasks.spawn(async move {
            for round in 0..200 {
                let found = answers.get(&0).await.expect("it is never away while others write");
                assert!(Arc::ptr_eq(&found, &value));
                answers.insert(1 + (task * 200 + round) % 100, value.clone()).await;
            }
        });
    }
    tasks.join_all().await;
    assert_eq!((answers.snapshot().fresh, answers.snapshot().missed), (3200, 0));
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_fresh_then_stale_then_gone() {
    let answers = builder().build().unwrap();
    answers.insert("why", "yhw".into()).await;
    let nanosecond = Duration::from_nanos(1);
    sleep(60 * SECOND - Duration::from_millis(1)).await;
    assert_eq!(answers.get(&"why").await.as_deref(), Some("yhw"));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(answers.get(&"why").await, None);
    let found = answers.lookup(&"why").await.unwrap();
    assert!(found.stale && found.age >= 60 * SECOND && found.age < 60 * SECOND + SECOND);
    sleep(600 * SECOND + nanosecond).await;
    assert_eq!(answers.lookup(&"why").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stale_entry_is_given_only_where_the_call_fails() {
    let answers = builder().build().unwrap();
    answers.insert("why", "old".into()).await;
    let fresh = answers.get_or_stale("why", fail).await.unwrap();
    assert_eq!((&*fresh.value, fresh.stale), ("old", false));
    sleep(100 * SECOND).await;
    let stale = answers.get_or_stale("why", fail).await.unwrap();
    assert_eq!((&*stale.value, stale.stale), ("old", true));
    let new = answers.get_or_stale("why", || give("new")).await.unwrap();
    assert_eq!((&*new.value, new.stale, new.age), ("new", false, Duration::ZERO));
    assert_eq!(*answers.get_or_stale("how", fail).await.unwrap_err(), "down");
}

fn friendly() -> Fallback<Text, &'static str> {
    Fallback::new("friendly").value(Text::from("Sorry."))
}

async fn with_fallback(down: bool) -> Result<Text, CallError<&'static str>> {
    friendly().call_async(async { if down { Err("down") } else { Ok("yhw".into()) } }).await
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_a_fallback_is_given_and_not_kept() {
    let answers = builder().build().unwrap();
    let sorry = answers.get_or_call("why", || with_fallback(true)).await.unwrap();
    assert_eq!((&*sorry, last_fallback().unwrap().fallback), ("Sorry.", "value"));
    assert_eq!((answers.snapshot().degraded, answers.snapshot().stored), (1, 0));
    assert_eq!(&*answers.get_or_call("why", || with_fallback(false)).await.unwrap(), "yhw");
    assert_eq!(answers.snapshot().stored, 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_made_with_the_help_of_a_fallback_is_not_kept() {
    let answers = builder().build().unwrap();
    let call = || async {
        let help = with_fallback(true).await?;
        sleep(SECOND).await;
        with_fallback(false).await?;
        Ok::<_, CallError<&'static str>>(Text::from(format!("an answer from {help}")))
    };
    let both =
        futures::future::join(answers.get_or_call("why", call), answers.get_or_call("why", call)).await;
    assert_eq!(both.0.as_deref().unwrap(), "an answer from Sorry.");
    assert_eq!(both.1.as_deref().unwrap(), "an answer from Sorry.");
    assert_eq!((answers.snapshot().degraded, answers.snapshot().stored), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_of_one_cache_is_not_kept_by_another() {
    let (inner, outer) = (builder().build().unwrap(), builder().build().unwrap());
    inner.insert("why", "old".into()).await;
    sleep(100 * SECOND).await;
    let through = || async { inner.get_or_stale("why", fail).await.map(|found| found.value) };
    assert_eq!(&*outer.get_or_call("why", through).await.unwrap(), "old");
    assert_eq!((outer.snapshot().degraded, outer.snapshot().stored), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_a_degraded_answer_knows_that_it_is_one() {
    let (shared, outer) = (builder().build().unwrap(), builder().build().unwrap());
    let slow = || async {
        sleep(SECOND).await;
        with_fallback(true).await
    };
    let leading = shared.clone();
    let leader = tokio::spawn(async move { leading.get_or_call("why", slow).await.map(drop) });
    tokio::task::yield_now().await;
    let waited = outer.get_or_call("why", || shared.get_or_call("why", slow)).await.unwrap();
    leader.await.unwrap().unwrap();
    assert_eq!((&*waited, shared.snapshot().shared), ("Sorry.", 1));
    assert_eq!((outer.snapshot().degraded, outer.snapshot().stored), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_fallback_answered_before_the_call_or_beside_it_is_no_matter() {
    let answers = builder().build().unwrap();
    with_fallback(true).await.unwrap();
    let beside = async {
        for _ in 0..10 {
            with_fallback(true).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let call = || async {
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        give("yhw").await
    };
    let (answer, ()) = futures::future::join(answers.get_or_call("why", call), beside).await;
    assert_eq!((answer.as_deref(), answers.snapshot().stored), (Ok("yhw"), 1));
}

// SEED-9, SEED-30
#[tokio::test(start_paused = true)]
async fn a_cache_is_a_level_of_a_fallback_around_a_service() {
    let answers = builder().build().unwrap();
    let service = ResilientService::builder("model").clock(Clock::Tokio).build().unwrap();
    let ask = async |key: &'static str, down: bool| {
        let operation = || async move { if down { Err("down") } else { Ok(Text::from("yhw")) } };
        let call = answers.get_or_call(key, || service.call_async(operation));
        let fallback =
            Fallback::new("model").level_async("cache", answers.level(key)).value(Text::from("Sorry."));
        fallback.call_async(call).await.unwrap()
    };
    assert_eq!(&*ask("why", false).await, "yhw");
    sleep(100 * SECOND).await;
    assert_eq!(&*ask("why", true).await, "yhw");
    assert_eq!(last_fallback().unwrap().fallback, "cache");
    assert_eq!(&*ask("how", true).await, "Sorry.");
    assert_eq!(last_fallback().unwrap().fallback, "value");
    assert_eq!(answers.snapshot().stored, 1);
}

#[tokio::test]
async fn the_number_of_entries_is_bounded() {
    let answers = ResultCache::<u32, u32>::builder("answers").capacity(100).build().unwrap();
    for n in 0..10_000 {
        answers.insert(n, n).await;
    }
    let mut kept = 0;
    for n in 0..10_000 {
        kept += usize::from(answers.get(&n).await.is_some());
    }
    // Writes are weighed in batches.
    assert!(kept <= 612, "{kept}");
}

#[tokio::test]
async fn the_bytes_of_entries_are_bounded_by_their_weight() {
    let bytes = |_: &u32, value: &Vec<u8>| u32::try_from(value.len()).unwrap_or(u32::MAX);
    let answers = ResultCache::builder("answers").capacity(1000).weigh(bytes).build().unwrap();
    answers.insert(1, vec![0; 2000]).await;
    answers.insert(2, vec![0; 900]).await;
    assert_eq!(answers.get(&2).await.map(|value| value.len()), Some(900));
    while answers.get(&1).await.is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn only_answers_worth_it_are_kept() {
    let answers = builder().keep_if(|text| !text.is_empty()).build().unwrap();
    answers.get_or_call("why", || give("")).await.unwrap();
    assert_eq!(answers.snapshot().stored, 0);
    answers.get_or_call("why", || give("yhw")).await.unwrap();
    assert_eq!(answers.remove(&"why").await.as_deref(), Some("yhw"));
    assert_eq!(answers.get(&"why").await, None);
}

#[test]
fn bad_settings_are_refused_by_name() {
    let refused = |builder: ResultCacheBuilder<&'static str, Text>| builder.build().unwrap_err().field;
    assert_eq!(refused(Answers::builder("")), "name");
    assert_eq!(refused(builder().capacity(0)), "capacity");
    assert_eq!(refused(builder().time_to_live(Duration::ZERO)), "time_to_live");
    assert_eq!(refused(builder().stale_if_error(366 * 86_400 * SECOND)), "stale_if_error");
}
