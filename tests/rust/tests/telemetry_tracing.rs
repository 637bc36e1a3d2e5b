// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events and spans of tracing.
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry as Spans_};
use trifuse::health::Health;
use trifuse::telemetry::Observed;
use trifuse::telemetry::tracing::{self as told, Spans, TARGET};
use trifuse::{
    BreakerBuilder, CallError, CircuitBreaker, End, Fallback, ManualClock, Outcome, Pipeline, Registry, Retry,
};

type Fields = BTreeMap<String, String>;

#[derive(Clone, Debug)]
struct Seen {
    name: String,
    target: String,
    level: Level,
    parent: Option<String>,
    fields: Fields,
}

/// Ended spans and events, in their order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Seen>>>);

struct Read<'a>(&'a mut Fields);

impl Visit for Read<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Read(&mut fields));
        cx.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        let span = cx.span(id).unwrap();
        values.record(&mut Read(span.extensions_mut().get_mut().unwrap()));
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Read(&mut fields));
        let metadata = event.metadata();
        let parent = cx.event_span(event).map(|span| span.name().to_owned());
        self.push("event", metadata, parent, fields);
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        let span = cx.span(&id).unwrap();
        let fields = span.extensions_mut().remove::<Fields>().unwrap();
        let parent = span.parent().map(|parent| parent.name().to_owned());
        self.push(span.name(), span.metadata(), parent, fields);
    }
}

impl Log {
    fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let guard = set_default(Spans_::default().with(log.clone()));
        (log, guard)
    }

    fn push(&self, name: &str, metadata: &tracing::Metadata<'_>, parent: Option<String>, fields: Fields) {
        let (target, level) = (metadata.target().to_owned(), *metadata.level());
        self.0.lock().unwrap().push(Seen { name: name.to_owned(), target, level, parent, fields });
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn of<'a>(seen: &'a Seen, field: &str) -> &'a str {
    seen.fields.get(field).map_or("", String::as_str)
}

fn builder(clock: &ManualClock) -> BreakerBuilder {
    CircuitBreaker::builder("payments").consecutive_failures(2).clock(clock.clone())
}

type Guarded = Pipeline<trifuse::Chain<Observed<CircuitBreaker, Spans>, End>>;

fn guarded(breaker: &CircuitBreaker) -> Guarded {
    Pipeline::builder("payments").policy(Observed::new(breaker.clone(), Spans)).build()
}

/// action, result, state, failure rate, total
fn shown(span: &Seen) -> [&str; 5] {
    ["action", "result", "state", "failure_rate", "total_requests"].map(|field| match field {
        "action" => of(span, "circuit_breaker.action"),
        "result" => of(span, "circuit_breaker.result"),
        "state" => of(span, "circuit_breaker.state"),
        "failure_rate" => of(span, "circuit_breaker.failure_rate"),
        _ => of(span, "circuit_breaker.total_requests"),
    })
}

// SEED-24
#[test]
fn each_call_has_a_span_with_what_it_met_and_what_became_of_it() {
    let (log, _on) = Log::start();
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().unwrap();
    let payments = guarded(&breaker);
    let fail = || Err::<(), _>("down");
    payments.call(|| Ok::<_, ()>(())).unwrap();
    assert!(payments.call(fail).is_err());
    assert!(payments.call(fail).is_err());
    assert!(matches!(payments.call(fail), Err(CallError::Refused(_))));
    clock.advance(Duration::from_secs(30));
    payments.call(|| Ok::<_, ()>(())).unwrap();
    let spans = log.take();
    let expected = [
        ["", "success", "closed", "0.0", "0"],
        ["", "failure", "closed", "0.0", "1"],
        ["", "failure", "closed", "0.5", "2"],
        ["rejected", "rejected", "open", "0.6666666666666666", "3"],
        ["half_open_test", "success", "open", "0.6666666666666666", "4"],
    ];
    assert_eq!(spans.iter().map(shown).collect::<Vec<_>>(), expected);
    for span in &spans {
        assert_eq!((&*span.name, &*span.target, span.level), ("circuit_breaker.call", TARGET, Level::INFO));
        assert_eq!(of(span, "circuit_breaker.name"), "payments");
    }
}

#[tokio::test(start_paused = true)]
async fn the_span_is_current_while_the_call_is_polled_and_only_then() {
    let (log, _on) = Log::start();
    let payments = guarded(&builder(&ManualClock::new()).build().unwrap());
    let outer = tracing::info_span!("request");
    let call = payments.call_async(|| async {
        tracing::info!("before");
        tokio::task::yield_now().await;
        tracing::info!("after");
        Ok::<_, ()>(())
    });
    let beside = async {
        tracing::info!("beside");
    };
    let call = tracing::Instrument::instrument(call, outer);
    let (done, ()) = futures::future::join(call, beside).await;
    done.unwrap();
    let seen = log.take();
    let parents: Vec<_> = seen.iter().map(|one| (of(one, "message"), one.parent.as_deref())).collect();
    let within = Some("circuit_breaker.call");
    assert_eq!(parents[..3], [("before", within), ("beside", None), ("after", within)]);
    assert_eq!((&*seen[3].name, seen[3].parent.as_deref()), ("circuit_breaker.call", Some("request")));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_panics_or_takes_too_long_has_its_span_too() {
    let (log, _on) = Log::start();
    let breaker = CircuitBreaker::builder("payments").clock(trifuse::Clock::Tokio).build().unwrap();
    let payments = guarded(&breaker);
    let hang = std::future::pending::<Result<(), ()>>;
    assert!(tokio::time::timeout(Duration::from_secs(1), payments.call_async(hang)).await.is_err());
    assert!(matches!(payments.call_async(hang).await, Err(CallError::TimedOut(_))));
    let panicking =
        std::panic::AssertUnwindSafe(|| payments.call(|| -> Result<(), ()> { panic!("on purpose") }));
    assert!(std::panic::catch_unwind(panicking).is_err());
    let ignored = Pipeline::builder("payments").classify(|_: &Result<(), ()>| Outcome::Ignored);
    let ignored = ignored.policy(Observed::new(breaker, Spans)).build();
    assert!(ignored.call(|| Err(())).is_err());
    let results: Vec<_> =
        log.take().iter().map(|span| of(span, "circuit_breaker.result").to_owned()).collect();
    assert_eq!(results, ["cancelled", "timeout", "failure", "ignored"]);
}

#[tokio::test(start_paused = true)]
async fn within_a_retry_each_attempt_has_its_span() {
    let (log, _on) = Log::start();
    let breaker = builder(&ManualClock::new()).build().unwrap();
    let retry = Retry::builder("payments").max_retries(2).build().unwrap();
    let payments = Pipeline::builder("payments").retry(retry).policy(Observed::new(breaker, Spans)).build();
    assert!(payments.call_async(|| async { Err::<(), _>("down") }).await.is_err());
    let results: Vec<_> =
        log.take().iter().map(|span| of(span, "circuit_breaker.result").to_owned()).collect();
    assert_eq!(results, ["failure", "failure", "rejected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_watched_can_be_spawned() {
    let payments = guarded(&builder(&ManualClock::new()).build().unwrap());
    let call = tokio::spawn(payments.call_async(|| async { Ok::<_, ()>(7) }));
    assert_eq!(call.await.unwrap(), Ok(7));
}

// SEED-27
#[test]
fn each_change_of_state_is_an_event_with_name_rate_and_counts() {
    let (log, _on) = Log::start();
    let clock = ManualClock::new();
    let registry = Registry::builder().on_transition(told::transition).on_refused(told::refused).build();
    let breaker = builder(&clock).build_in(&registry).unwrap();
    let fail = || breaker.call(|| Err::<(), _>(()));
    breaker.call(|| Ok::<_, ()>(())).unwrap();
    (0..3).for_each(|_| assert!(fail().is_err()));
    clock.advance(Duration::from_secs(30));
    assert!(fail().is_err());
    clock.advance(Duration::from_secs(30));
    breaker.call(|| Ok::<_, ()>(())).unwrap();
    breaker.force_open();
    breaker.reset();
    breaker.disable();
    breaker.metrics_only();
    (0..2).for_each(|_| assert!(fail().is_err()));
    let seen = log.take();
    let events: Vec<_> = seen.iter().map(|one| (of(one, "event"), one.level)).collect();
    let expected = [
        ("opened", Level::WARN),
        ("refused", Level::DEBUG),
        ("half_open", Level::INFO),
        ("reopened", Level::WARN),
        ("half_open", Level::INFO),
        ("closed", Level::INFO),
        ("forced_open", Level::WARN),
        ("reset", Level::INFO),
        ("disabled", Level::INFO),
        ("metrics_only", Level::INFO),
        ("would_have_opened", Level::INFO),
    ];
    assert_eq!(events, expected);
    assert!(seen.iter().all(|one| one.target == TARGET));
    let opened = &seen[0];
    assert_eq!(of(opened, "circuit_breaker.name"), "payments");
    assert_eq!((of(opened, "circuit_breaker.from"), of(opened, "circuit_breaker.state")), ("closed", "open"));
    assert_eq!(of(opened, "circuit_breaker.cause"), "consecutive_failures");
    assert_eq!(of(opened, "circuit_breaker.failure_rate"), "0.6666666666666666");
    assert_eq!((of(opened, "circuit_breaker.calls"), of(opened, "circuit_breaker.failures")), ("3", "2"));
    assert_eq!(of(opened, "circuit_breaker.open_for_ms"), "30000.0");
    assert_eq!(of(opened, "message"), "circuit breaker \"payments\": closed to open (consecutive_failures)");
    assert_eq!((of(&seen[1], "policy.name"), of(&seen[1], "reason")), ("payments", "open"));
}

// SEED-27
#[test]
fn an_answer_of_a_fallback_is_an_event_without_the_text_of_the_error() {
    let (log, _on) = Log::start();
    let fallback = Fallback::<_, &str>::new("search").level("cache", |_| None).value(7);
    let fallback = fallback.on_answer(told::answered("search"));
    assert_eq!(fallback.call(|| Err("password of admin")), Ok(7));
    let seen = log.take();
    assert_eq!((seen.len(), of(&seen[0], "event"), of(&seen[0], "fallback.level")), (1, "fallback", "value"));
    assert_eq!((of(&seen[0], "fallback.name"), of(&seen[0], "fallback.error")), ("search", "operation"));
    assert!(seen[0].fields.values().all(|value| !value.contains("password")));
}

#[tokio::test]
async fn the_log_has_the_error_that_a_health_report_leaves_out() {
    let (log, _on) = Log::start();
    let health = Health::builder()
        .without_breakers()
        .check("database", || async { Err::<(), _>(std::io::Error::other("password of admin")) })
        .build()
        .unwrap();
    health.report().await;
    let seen = log.take();
    assert_eq!((of(&seen[0], "event"), of(&seen[0], "health.check")), ("health_check_failed", "database"));
    assert_eq!((of(&seen[0], "error"), seen[0].level), ("password of admin", Level::WARN));
}
