// SPDX-License-Identifier: MIT OR Apache-2.0
//! The monitor, in tokio's paused time.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, advance, sleep};
use trifuse::monitor::{AlertKind, Monitor, MonitorBuilder};
use trifuse::{CircuitBreaker, Clock, Config, Registry, State};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn breaker() -> CircuitBreaker {
    CircuitBreaker::builder("payments").clock(Clock::Tokio).build().unwrap()
}

type Log = Arc<Mutex<Vec<String>>>;

fn logged(builder: MonitorBuilder, log: &Log) -> MonitorBuilder {
    let (log, began) = (log.clone(), Instant::now());
    builder.on_alert(move |alert| {
        let what = if alert.kind == AlertKind::Raised { "raised" } else { "cleared" };
        let at = began.elapsed().as_secs();
        log.lock().unwrap().push(format!(
            "{at} {what} {} after {}",
            alert.breaker.name,
            alert.lasted.as_secs()
        ));
    })
}

// SEED-31
#[tokio::test(start_paused = true)]
async fn it_looks_every_2_ms_also_at_breakers_made_later() {
    let (registry, seen) = (Arc::new(Registry::new()), Arc::new(Mutex::new(Vec::new())));
    let heard = seen.clone();
    let monitor = Monitor::builder(registry.clone())
        .period(2 * MS)
        .on_sample(move |sample| {
            let states: Vec<_> =
                sample.breakers.iter().map(|one| (one.name.to_string(), one.state)).collect();
            heard.lock().unwrap().push((Instant::now(), sample.number, sample.missed, states));
        })
        .start()
        .unwrap();
    let began = Instant::now();
    sleep(MS).await;
    registry.breaker("search", Config::DEFAULT).unwrap().force_open();
    sleep(200 * MS).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 101);
    for (n, (at, number, missed, states)) in seen.iter().enumerate() {
        assert_eq!((*number, *missed), (n as u64 + 1, 0));
        assert!(*at - began >= 2 * MS * n as u32 && *at - began <= 2 * MS * n as u32 + MS);
        assert_eq!(states.len(), usize::from(n > 0));
    }
    assert_eq!(seen[1].3, [("search".to_owned(), State::ForcedOpen)]);
    drop(monitor);
}

#[tokio::test(start_paused = true)]
async fn looks_that_come_late_do_not_pile_up() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = seen.clone();
    let _monitor = Monitor::builder(breaker())
        .period(2 * MS)
        .on_sample(move |sample| heard.lock().unwrap().push(sample.missed))
        .start()
        .unwrap();
    sleep(MS).await;
    advance(100 * MS).await;
    sleep(MS).await;
    assert_eq!(seen.lock().unwrap().len(), 2, "one look for all that were due");
    sleep(10 * MS).await;
    let seen = seen.lock().unwrap();
    assert!(seen.len() >= 6, "{seen:?}");
    let left_out: u64 = seen.iter().sum();
    assert!((48..=50).contains(&left_out), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_raised_once_a_breaker_has_been_open_for_so_long() {
    let (log, breaker) = (Log::default(), breaker());
    let builder = Monitor::builder(breaker.clone()).alert_after(60 * SECOND).clear_after(30 * SECOND);
    let _monitor = logged(builder, &log).start().unwrap();
    sleep(MS).await;
    breaker.force_open();
    sleep(50 * SECOND).await;
    breaker.reset();
    sleep(40 * SECOND).await; // well for 30 s: forgotten
    breaker.force_open();
    sleep(59 * SECOND).await;
    assert!(log.lock().unwrap().is_empty());
    sleep(120 * SECOND).await;
    breaker.reset();
    sleep(60 * SECOND).await;
    assert_eq!(*log.lock().unwrap(), ["151 raised payments after 60", "300 cleared payments after 179"]);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_flaps_is_one_alert() {
    let (log, breaker) = (Log::default(), breaker());
    let builder = Monitor::builder(breaker.clone()).alert_after(60 * SECOND).clear_after(30 * SECOND);
    let _monitor = logged(builder, &log).start().unwrap();
    sleep(MS).await;
    for _ in 0..20 {
        breaker.trip(8 * SECOND);
        sleep(8 * SECOND + MS).await;
        breaker.call(|| Ok::<_, ()>(())).unwrap(); // half-open, then closed
        sleep(2 * SECOND).await;
    }
    sleep(60 * SECOND).await;
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(
        log[0].contains("raised payments after 6") && log[1].contains("cleared payments after 19"),
        "{log:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_gone_clears_its_alert() {
    let (log, registry) = (Log::default(), Arc::new(Registry::new()));
    registry.breaker("payments", Config::DEFAULT).unwrap().force_open();
    let _monitor = logged(Monitor::builder(registry.clone()), &log).start().unwrap();
    sleep(10 * SECOND + MS).await;
    registry.remove("payments");
    sleep(2 * SECOND).await;
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!((&*log[0], &log[1][3..]), ("0 raised payments after 0", "cleared payments after 11"));
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_breaks_nothing() {
    let (looks, breaker) = (Arc::new(AtomicU64::new(0)), breaker());
    breaker.force_open();
    let (counted, alerts) = (looks.clone(), Log::default());
    let builder = Monitor::builder(breaker)
        .on_sample(|_| panic!("on purpose"))
        .on_sample(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .on_alert(|_| panic!("on purpose"));
    let _monitor = logged(builder, &alerts).start().unwrap();
    sleep(10 * SECOND + MS).await;
    assert_eq!((looks.load(Ordering::Relaxed), alerts.lock().unwrap().len()), (11, 1));
}

#[tokio::test(start_paused = true)]
async fn stopped_or_dropped_it_ends_and_lets_go_of_all() {
    for stop in [true, false] {
        let (held, looks) = (Arc::new(()), Arc::new(AtomicU64::new(0)));
        let (kept, counted) = (held.clone(), looks.clone());
        let monitor = Monitor::builder(breaker())
            .on_sample(move |_| {
                let _kept = &kept;
                counted.fetch_add(1, Ordering::Relaxed);
            })
            .start()
            .unwrap();
        sleep(3 * SECOND + MS).await;
        assert!(monitor.is_running());
        if stop {
            monitor.stop().await;
        } else {
            drop(monitor);
            sleep(MS).await;
        }
        assert_eq!(Arc::strong_count(&held), 1, "the task is gone");
        sleep(10 * SECOND).await;
        assert_eq!(looks.load(Ordering::Relaxed), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hook_runs_any_more_once_it_has_stopped() {
    for _ in 0..50 {
        let within = Arc::new(AtomicU64::new(0));
        let counted = within.clone();
        let monitor = Monitor::builder(breaker())
            .period(MS)
            .on_sample(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_micros(500));
                counted.fetch_sub(1, Ordering::SeqCst);
            })
            .start()
            .unwrap();
        sleep(2 * MS).await;
        monitor.stop().await;
        assert_eq!(within.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_period_too_short_or_too_long_is_refused() {
    for period in [Duration::ZERO, Duration::from_micros(999), 86_401 * SECOND] {
        assert_eq!(Monitor::builder(breaker()).period(period).start().unwrap_err().field, "period");
    }
}
