// SPDX-License-Identifier: MIT OR Apache-2.0
//! Health reports.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::time::{Instant, sleep};
use trifuse::health::{Checked, Component, Health, HealthBuilder, HealthReport, Status};
use trifuse::{CircuitBreaker, Config, Registry};

const SECOND: Duration = Duration::from_secs(1);

fn alone() -> HealthBuilder {
    Health::builder().without_breakers()
}

fn told(report: &HealthReport) -> Vec<String> {
    report.checks.iter().map(ToString::to_string).collect()
}

// SEED-22
#[tokio::test(start_paused = true)]
async fn a_report_is_written_as_the_documents_say() {
    let health = alone()
        .version("1.4.2")
        .check("database", || async {})
        .component(Component::new("mail", || async { (Status::Degraded, "the queue is long") }).optional())
        .build()
        .unwrap();
    sleep(Duration::from_millis(1234)).await;
    let written = serde_json::to_value(health.report().await).unwrap();
    let expected = serde_json::json!({
        "status": "degraded",
        "version": "1.4.2",
        "uptime_seconds": 1.234,
        "checks": [
            {"name": "database", "status": "healthy", "message": ""},
            {"name": "mail", "status": "degraded", "message": "the queue is long"},
        ],
    });
    assert_eq!(written, expected);
}

#[tokio::test]
async fn a_check_may_return_many_things() {
    let health = alone()
        .check("nothing", || async {})
        .check("true", || async { true })
        .check("false", || async { false })
        .check("status", || async { Status::Degraded })
        .check("ok", || async { Ok::<_, std::fmt::Error>((Status::Degraded, format!("{} left", 3))) })
        .check("error", || async { Err::<(), _>(std::io::Error::other("password of admin@10.0.0.7")) })
        .check("text", || async { Err::<(), _>("password of admin@10.0.0.7") })
        .check("own", || async { Checked::failed("no broker", std::fmt::Error) })
        .build()
        .unwrap();
    let report = health.report().await;
    assert_eq!(report.status, Status::Unhealthy);
    let expected = [
        "nothing: healthy",
        "true: healthy",
        "false: unhealthy (the check said no)",
        "status: degraded",
        "ok: degraded (3 left)",
        "error: unhealthy (std::io::error::Error)",
        "text: unhealthy (the check failed)",
        "own: unhealthy (no broker)",
    ];
    assert_eq!(told(&report), expected);
}

#[tokio::test]
async fn the_text_of_an_error_is_for_the_listener_alone() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = heard.clone();
    let health = alone()
        .check("database", || async { Err::<(), _>(std::io::Error::other("password of admin")) })
        .on_error(|_, _| panic!("on purpose"))
        .on_error(move |name, error| log.lock().unwrap().push(format!("{name}: {error}")))
        .build()
        .unwrap();
    let written = serde_json::to_string(&health.report().await).unwrap();
    assert!(!written.contains("password"), "{written}");
    assert_eq!(*heard.lock().unwrap(), ["database: password of admin"]);
}

#[tokio::test(start_paused = true)]
async fn checks_run_side_by_side_and_each_has_its_time() {
    let together = Arc::new(Barrier::new(2));
    let meeting = || {
        let together = together.clone();
        move || {
            let together = together.clone();
            async move {
                together.wait().await;
            }
        }
    };
    let health = alone()
        .timeout(2 * SECOND)
        .check("one", meeting())
        .check("other", meeting())
        .check("hangs", std::future::pending::<()>)
        .component(Component::new("short", std::future::pending::<()>).timeout(Duration::from_millis(500)))
        .build()
        .unwrap();
    let began = Instant::now();
    let report = health.report().await;
    assert_eq!(began.elapsed(), 2 * SECOND);
    let expected = [
        "one: healthy",
        "other: healthy",
        "hangs: unhealthy (did not answer within 2 s)",
        "short: unhealthy (did not answer within 0.5 s)",
    ];
    assert_eq!(told(&report), expected);
}

#[tokio::test]
async fn a_check_that_panics_is_unhealthy_and_the_others_are_told() {
    let health = alone()
        .check("broken", || async {
            if true {
                panic!("on purpose")
            }
        })
        .check("well", || async {})
        .build()
        .unwrap();
    let expected = ["broken: unhealthy (the check panicked)", "well: healthy"];
    assert_eq!(told(&health.report().await), expected);
}

#[tokio::test]
async fn a_component_that_is_not_critical_only_degrades() {
    let health = alone().component(Component::new("mail", || async { false }).optional()).build().unwrap();
    let report = health.report().await;
    assert_eq!((report.status, report.is_healthy()), (Status::Degraded, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_check_that_hangs_holds_one_thread() {
    let (runs, (gate, closed)) = (Arc::new(AtomicUsize::new(0)), std::sync::mpsc::channel::<()>());
    let (counted, closed) = (runs.clone(), Mutex::new(closed));
    let disk = Component::blocking("disk", move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let _ = closed.lock().unwrap().recv();
    });
    let health = alone().component(disk.timeout(Duration::from_millis(20))).build().unwrap();
    let first = told(&health.report().await);
    let second = told(&health.report().await);
    drop(gate);
    assert_eq!(first, ["disk: unhealthy (did not answer within 0.02 s)"]);
    assert_eq!(second, ["disk: unhealthy (has not answered for 0 s)"]);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    while told(&health.report().await) != ["disk: healthy"] {
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_report_that_nobody_waits_for_drops_its_checks() {
    struct Gone(Arc<AtomicUsize>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let counted = dropped.clone();
    let hang = move || {
        let held = Gone(counted.clone());
        async move {
            let _held = held;
            std::future::pending::<()>().await;
        }
    };
    let health = alone().check("hangs", hang).build().unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(5), health.report()).await;
    assert!(given_up.is_err());
    while dropped.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn breakers_are_components() {
    let registry = Arc::new(Registry::new());
    let health =
        Health::builder().breakers(registry.clone()).critical_breakers(["payments"]).build().unwrap();
    let report = health.report().await;
    assert_eq!(
        (report.status, told(&report)),
        (Status::Healthy, vec!["circuit_breaker:payments: healthy (not used yet)".to_owned()])
    );

    let make = |name: &'static str| registry.breaker(name, Config::DEFAULT).unwrap();
    let (payments, search) = (make("payments"), make("search"));
    make("disabled").disable();
    make("watching").metrics_only();
    search.trip(None);
    let report = health.report().await;
    assert_eq!(report.status, Status::Degraded);
    let expected = [
        "circuit_breaker:disabled: healthy (disabled: nothing is guarded)",
        "circuit_breaker:payments: healthy (closed)",
        "circuit_breaker:search: degraded (open)",
        "circuit_breaker:watching: healthy (only watching: never opens)",
    ];
    assert_eq!(told(&report), expected);

    payments.force_open();
    let report = health.report().await;
    assert_eq!(report.status, Status::Unhealthy);
    assert_eq!(report.checks[1].to_string(), "circuit_breaker:payments: unhealthy (forced open)");
}

#[tokio::test]
async fn a_critical_breaker_that_is_being_tried_only_degrades() {
    let clock = trifuse::ManualClock::new();
    let breaker = CircuitBreaker::builder("payments").clock(clock.clone()).build().unwrap();
    let health = Health::builder().breakers(breaker.clone()).critical_breakers(["payments"]).build().unwrap();
    breaker.trip(SECOND);
    clock.advance(SECOND);
    let _probe = breaker.try_acquire().unwrap();
    let report = health.report().await;
    assert_eq!((report.status, &*report.checks[0].message), (Status::Degraded, "half-open"));
}

#[tokio::test]
async fn of_many_breakers_only_those_that_are_cut_off_are_told() {
    let registry = Arc::new(Registry::new());
    for n in 0..250 {
        let breaker = registry.breaker(format!("tenant-{n:03}"), Config::DEFAULT).unwrap();
        if n >= 120 {
            breaker.force_open();
        }
    }
    let health =
        Health::builder().breakers(registry.clone()).critical_breakers(["tenant-249"]).build().unwrap();
    let report = health.report().await;
    assert_eq!((report.status, report.checks.len()), (Status::Unhealthy, 101));
    assert_eq!(&*report.checks[0].name, "circuit_breaker:tenant-249"); // the critical one first
    let last = report.checks.last().unwrap();
    assert_eq!(last.to_string(), "circuit_breakers: degraded (130 of 250 are not closed)");
}

#[tokio::test]
async fn without_a_word_the_breakers_are_those_of_the_process() {
    let breaker = Registry::global().breaker("health-of-the-process", Config::DEFAULT).unwrap();
    let health = Health::builder().build().unwrap();
    assert!(health.breakers().iter().any(|known| known.same_as(&breaker)));
    assert!(
        told(&health.report().await)
            .contains(&"circuit_breaker:health-of-the-process: healthy (closed)".into())
    );
}

#[test]
fn bad_settings_are_refused_by_name() {
    let refused = |builder: HealthBuilder| builder.build().unwrap_err().field;
    assert_eq!(refused(alone().check("", || async {})), "name");
    assert_eq!(refused(alone().check("a", || async {}).check("a", || async {})), "name");
    assert_eq!(refused(alone().timeout(Duration::ZERO)), "timeout");
    assert_eq!(
        refused(alone().component(Component::new("a", || async {}).timeout(3601 * SECOND))),
        "timeout"
    );
    let many = (0..1001).fold(alone(), |all, n| all.check(n.to_string(), || async {}));
    assert_eq!(refused(many), "checks");
}
