// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use http::request::Parts;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use trifuse::axum::{Failed, admin_routes};
use trifuse::{CallError, CircuitBreaker};

use crate::kit::status;

type Fields = BTreeMap<&'static str, String>;

/// Keeps the fields of each event of trifuse.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Fields>>>);

struct Reader<'a>(&'a mut Fields);

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber> Layer<S> for Kept {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == trifuse::telemetry::tracing::TARGET {
            let mut fields = Fields::from([("level", event.metadata().level().to_string())]);
            event.record(&mut Reader(&mut fields));
            self.0.lock().unwrap().push(fields);
        }
    }
}

impl Kept {
    fn only(&self) -> Fields {
        let kept = self.0.lock().unwrap();
        assert_eq!(kept.len(), 1, "{kept:?}");
        kept[0].clone()
    }
}

#[tokio::test]
async fn who_steered_a_breaker_is_logged() {
    let kept = Kept::default();
    let _on = tracing::subscriber::set_default(tracing_subscriber::registry().with(kept.clone()));
    let payments = CircuitBreaker::builder("payments").build().unwrap();
    let authorize = |request: Parts| async move { request.headers.get("x-user").map(|_| "ann") };
    let app: Router = Router::new().merge(admin_routes(payments, authorize));
    let path = "/admin/circuit-breakers/payments/open";
    assert_eq!(status(&app, Request::post(path).body(Body::empty()).unwrap()).await, 403);
    assert!(kept.0.lock().unwrap().is_empty());
    let request = Request::post(path).header("x-user", "1").body(Body::empty()).unwrap();
    assert_eq!(status(&app, request).await, 200);
    let told = kept.only();
    assert_eq!((&*told["level"], &*told["event"], &*told["operator"]), ("WARN", "\"steered\"", "\"ann\""));
    assert_eq!(told["message"], "circuit breaker \"payments\" was forced open by request");
}

#[tokio::test]
async fn the_error_that_a_client_is_not_told_is_logged() {
    let kept = Kept::default();
    let _on = tracing::subscriber::set_default(tracing_subscriber::registry().with(kept.clone()));
    let error = CallError::Operation(std::io::Error::other("the disk at 10.0.0.7 is full"));
    assert_eq!(Failed::from(error).into_response().status(), 502);
    let told = kept.only();
    assert_eq!((&*told["event"], &*told["error"]), ("\"request_failed\"", "the disk at 10.0.0.7 is full"));
}
