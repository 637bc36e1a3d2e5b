// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;

use axum::Router;
use serde_json::json;
use trifuse::axum::{HealthRoutes, health_routes};
use trifuse::health::{Component, Health, Status};
use trifuse::{Config, Registry};

use crate::kit::{ask, get, header, status, told};

fn service(status: Status) -> (Arc<Registry>, Router) {
    let registry = Arc::new(Registry::new());
    registry.breaker("payments", Config::DEFAULT).unwrap();
    let health = Health::builder()
        .version("1.4.2")
        .component(Component::new("mail", move || async move { (status, "the queue is long") }).optional())
        .breakers(registry.clone())
        .critical_breakers(["payments"])
        .build()
        .unwrap();
    (registry, Router::new().merge(health_routes(health)))
}

#[tokio::test]
async fn health_tells_what_the_founding_documents_ask_for() {
    let (_, app) = service(Status::Healthy);
    let response = ask(&app, get("/health")).await;
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(header(&response, "cache-control"), "no-store");
    let (code, mut body) = told(response).await;
    assert_eq!(code, 200);
    assert!(body["uptime_seconds"].take().as_f64().unwrap() < 60.0);
    let expected = json!({
        "status": "healthy",
        "version": "1.4.2",
        "uptime_seconds": null,
        "checks": [
            { "name": "mail", "status": "healthy", "message": "the queue is long" },
            { "name": "circuit_breaker:payments", "status": "healthy", "message": "closed" },
        ],
    });
    assert_eq!(body, expected);
    assert_eq!(status(&app, get("/ready")).await, 200);
}

#[tokio::test]
async fn a_degraded_service_is_well_but_not_ready() {
    let (_, app) = service(Status::Degraded);
    assert_eq!((status(&app, get("/health")).await, status(&app, get("/ready")).await), (200, 503));
}

#[tokio::test]
async fn a_service_without_a_critical_breaker_is_not_well() {
    let (registry, app) = service(Status::Healthy);
    registry.get("payments").unwrap().force_open();
    let (code, body) = told(ask(&app, get("/health")).await).await;
    assert_eq!((code.as_u16(), &body["status"]), (503, &json!("unhealthy")));
    assert_eq!(status(&app, get("/ready")).await, 503);
}

#[tokio::test]
async fn a_service_with_a_fallback_may_be_ready_when_degraded() {
    let health = Health::builder()
        .component(Component::new("mail", || async { false }).optional())
        .without_breakers()
        .build()
        .unwrap();
    let routes = HealthRoutes::new(health).ready_when([Status::Healthy, Status::Degraded]).routes();
    let app = Router::new().nest("/internal", routes);
    assert_eq!(status(&app, get("/internal/ready")).await, 200);
}

#[tokio::test]
async fn the_states_of_all_breakers_are_told_by_name() {
    let (registry, app) = service(Status::Healthy);
    let payments = registry.get("payments").unwrap();
    payments.try_acquire().unwrap().success();
    payments.try_acquire().unwrap().failure();
    registry.breaker("a/b", Config::DEFAULT).unwrap(); // later ones too
    let (code, body) = told(ask(&app, get("/health/circuit-breakers")).await).await;
    assert_eq!((code.as_u16(), body.as_object().unwrap().len()), (200, 2));
    let mut told = body["payments"].clone();
    let failed = told["last_failure_time"].take().as_f64().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - failed).abs() < 60.0, "{failed}");
    let expected = json!({
        "name": "payments", "state": "closed", "failure_count": 1, "success_count": 1,
        "failure_rate": 0.5, "last_failure_time": null,
    });
    assert_eq!(told, expected);
    assert_eq!(body["a/b"]["last_failure_time"], json!(null));
}
