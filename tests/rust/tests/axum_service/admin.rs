// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;
use trifuse::axum::{admin_routes, health_routes};
use trifuse::health::Health;
use trifuse::{Config, Registry, State};

use crate::kit::{ask, get, header, status, told};

async fn operators_only(request: Parts) -> Result<String, StatusCode> {
    let token = request.headers.get("x-token").ok_or(StatusCode::UNAUTHORIZED)?;
    if token == "secret" { Ok("ann".to_owned()) } else { Err(StatusCode::FORBIDDEN) }
}

fn service() -> (Arc<Registry>, Router) {
    let registry = Arc::new(Registry::new());
    registry.breaker("payments", Config::DEFAULT).unwrap();
    registry.breaker("GET /orders/{id}", Config::DEFAULT).unwrap();
    (registry.clone(), Router::new().merge(admin_routes(registry, operators_only)))
}

fn post(path: &str) -> Request {
    let path = format!("/admin/circuit-breakers/{path}");
    Request::post(path).header("x-token", "secret").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn operators_steer_breakers() {
    let (registry, app) = service();
    let payments = registry.get("payments").unwrap();
    let steps = [
        ("open", State::ForcedOpen, "forced open"),
        ("close", State::Closed, "closed"),
        ("disable", State::Disabled, "disabled"),
        ("reset", State::Closed, "reset"),
        ("force-open", State::ForcedOpen, "forced open"),
    ];
    for (action, state, done) in steps {
        let (code, body) = told(ask(&app, post(&format!("payments/{action}"))).await).await;
        assert_eq!((code.as_u16(), payments.state()), (200, state), "{action}");
        assert_eq!(body, json!({ "message": format!("circuit breaker \"payments\" {done}") }));
    }
}

#[tokio::test]
async fn names_may_have_slashes_and_be_escaped() {
    let (registry, app) = service();
    let orders = registry.get("GET /orders/{id}").unwrap();
    for path in ["GET%20/orders/%7Bid%7D/open", "GET%20%2Forders%2F%7Bid%7D/open"] {
        orders.reset();
        assert_eq!(status(&app, post(path)).await, 200, "{path}");
        assert_eq!(orders.state(), State::ForcedOpen, "{path}");
    }
}

#[tokio::test]
async fn the_routes_may_be_below_a_path_with_parameters_of_its_own() {
    let (registry, app) = service();
    let app: Router = Router::new().nest("/{region}", app);
    let ask = Request::post("/north/admin/circuit-breakers/payments/open").header("x-token", "secret");
    assert_eq!(status(&app, ask.body(Body::empty()).unwrap()).await, 200);
    assert_eq!(registry.get("payments").unwrap().state(), State::ForcedOpen);
}

#[tokio::test]
async fn an_unknown_name_or_action_is_404() {
    let (_, app) = service();
    let (code, body) = told(ask(&app, post("other/reset")).await).await;
    assert_eq!(code, 404);
    assert_eq!(body, json!({ "message": "there is no circuit breaker \"other\"" }));
    for path in ["payments", "payments/explode", "/reset"] {
        assert_eq!(status(&app, post(path)).await, 404, "{path}");
    }
}

#[tokio::test]
async fn who_is_not_authorised_learns_and_changes_nothing() {
    let (registry, app) = service();
    let with = |token: Option<&str>, path: &str| {
        let request = Request::post(format!("/admin/circuit-breakers/{path}"));
        let request = token.into_iter().fold(request, |request, token| request.header("x-token", token));
        request.body(Body::empty()).unwrap()
    };
    for path in ["payments/open", "other/open"] {
        assert_eq!(status(&app, with(None, path)).await, 401, "{path}");
        assert_eq!(status(&app, with(Some("guess"), path)).await, 403, "{path}");
    }
    assert_eq!(registry.get("payments").unwrap().state(), State::Closed);
    assert_eq!(status(&app, get("/admin/circuit-breakers")).await, 401);
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_before_anything_is_asked() {
    let registry = Arc::new(Registry::new());
    let payments = registry.breaker("payments", Config::DEFAULT).unwrap();
    let asked = Arc::new(Mutex::new(0));
    let count = asked.clone();
    let authorize = move |_: Parts| {
        *count.lock().unwrap() += 1;
        async { true }
    };
    let app: Router = Router::new().merge(admin_routes(registry, authorize));
    for (site, code) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
        payments.reset();
        let mut request = post("payments/open");
        request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        assert_eq!(status(&app, request).await, code, "{site}");
        assert_eq!(payments.state() == State::ForcedOpen, code == 200, "{site}");
    }
    assert_eq!(*asked.lock().unwrap(), 2);
}

#[tokio::test]
async fn only_post_changes_anything() {
    let (registry, app) = service();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let mut request = post("payments/open");
        *request.method_mut() = method.clone();
        let response = ask(&app, request).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "allow")),
            (405, "POST".to_owned()),
            "{method}"
        );
    }
    assert_eq!(registry.get("payments").unwrap().state(), State::Closed);
}

#[tokio::test]
async fn operators_see_all_breakers() {
    let (registry, app) = service();
    registry.get("payments").unwrap().force_open();
    let mut request = get("/admin/circuit-breakers");
    request.headers_mut().insert("x-token", "secret".parse().unwrap());
    let (code, body) = told(ask(&app, request).await).await;
    assert_eq!((code.as_u16(), body.as_object().unwrap().len()), (200, 2));
    assert_eq!(body["payments"]["state"], "forced_open");
}

#[tokio::test]
async fn health_routes_steer_nothing() {
    let health = Health::builder().without_breakers().build().unwrap();
    let app: Router = Router::new().merge(health_routes(health));
    assert_eq!(status(&app, post("payments/open")).await, 404);
}
