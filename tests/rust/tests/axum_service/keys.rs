// SPDX-License-Identifier: MIT OR Apache-2.0
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use axum::extract::{ConnectInfo, Path, Request};
use axum::routing::get as route;
use http::StatusCode;
use trifuse::axum::{KeyedConcurrency, ResilienceLayer, by_header, by_path, by_peer, by_route};
use trifuse::{Bulkhead, Config, KeyedBreakers, KeyedRateLimiters, ManualClock, RateLimiter, State};

use crate::kit::{ask, get, status};

fn minute<K>(max_keys: usize) -> Arc<KeyedRateLimiters<K>> {
    let each = RateLimiter::per(1, Duration::from_secs(60)).name("keys").clock(ManualClock::new());
    Arc::new(KeyedRateLimiters::builder(each).max_keys(max_keys).build().unwrap())
}

fn with(name: &str, value: &str) -> Request {
    Request::get("/").header(name, value).body(Body::empty()).unwrap()
}

fn from(peer: SocketAddr) -> Request {
    Request::get("/").extension(ConnectInfo(peer)).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn each_value_of_a_header_has_a_limit_of_its_own() {
    let keys = minute::<String>(100);
    let layer = ResilienceLayer::by_key(by_header("X-Api-Key")).rate_limit(keys.clone());
    let app = Router::new().route("/", route(|| async {})).layer(layer);
    assert_eq!(status(&app, with("x-api-key", "ann")).await, 200);
    assert_eq!(status(&app, with("x-api-key", "ann")).await, 429);
    assert_eq!(status(&app, with("x-api-key", "bob")).await, 200);
    assert_eq!(status(&app, get("/")).await, 200); // without it: one key
    assert_eq!(status(&app, get("/")).await, 429);
    assert_eq!(keys.len(), 3);
}

#[tokio::test]
async fn keys_are_bounded_and_those_that_find_no_place_share_one_limit() {
    let keys = minute::<String>(2);
    let layer = ResilienceLayer::by_key(by_header("x-api-key")).rate_limit(keys.clone());
    let app = Router::new().route("/", route(|| async {})).layer(layer);
    for key in ["ann", "bob", "cleo"] {
        assert_eq!(status(&app, with("x-api-key", key)).await, 200, "{key}");
    }
    assert_eq!(status(&app, with("x-api-key", "dora")).await, 429);
    assert_eq!((keys.len(), keys.overflowed()), (2, 2));
}

#[tokio::test]
async fn each_peer_has_a_limit_of_its_own_whatever_its_port() {
    let layer = ResilienceLayer::by_key(by_peer).rate_limit(minute::<IpAddr>(100));
    let app = Router::new().route("/", route(|| async {})).layer(layer);
    let (one, two) = (SocketAddr::from(([10, 0, 0, 1], 4000)), SocketAddr::from(([10, 0, 0, 2], 4000)));
    assert_eq!(status(&app, from(one)).await, 200);
    assert_eq!(status(&app, from(SocketAddr::new(one.ip(), 4001))).await, 429);
    let mapped: Ipv6Addr = "::ffff:10.0.0.1".parse().unwrap();
    assert_eq!(status(&app, from(SocketAddr::new(mapped.into(), 1))).await, 429);
    assert_eq!(status(&app, from(two)).await, 200);
    let mocked = app.layer(MockConnectInfo(SocketAddr::from(([10, 0, 0, 3], 1))));
    assert_eq!(status(&mocked, get("/")).await, 200);
    assert_eq!(status(&mocked, get("/")).await, 429);
}

#[tokio::test]
async fn each_route_has_a_circuit_breaker_of_its_own() {
    let config = Config::DEFAULT.with_consecutive_failures(2);
    let routes = Arc::new(KeyedBreakers::<String>::builder("routes").config(config).build().unwrap());
    let layer = ResilienceLayer::by_key(by_route).circuit_breaker(routes.clone());
    let orders = |Path(code): Path<u16>| async move { StatusCode::from_u16(code).unwrap() };
    let app = Router::new()
        .route("/orders/{code}", route(orders))
        .route("/users/{code}", route(orders))
        .layer(layer);
    for code in [500, 501, 200, 404] {
        status(&app, get(&format!("/orders/{code}"))).await;
        assert_eq!(status(&app, get("/users/200")).await, 200);
    }
    let breaker = routes.get("/orders/{code}");
    assert_eq!((breaker.state(), routes.len()), (State::Open, 2));
    let totals = breaker.snapshot().totals;
    assert_eq!((totals.failures, totals.refused_open), (2, 2));
}

#[tokio::test]
async fn a_path_is_a_key_as_it_was_requested() {
    let keys = minute::<String>(100);
    let layer = ResilienceLayer::by_key(by_path).rate_limit(keys.clone());
    let app = Router::new().route("/orders/{id}", route(|| async {})).layer(layer);
    assert_eq!(status(&app, get("/orders/7?all=1")).await, 200);
    assert_eq!(status(&app, get("/orders/7")).await, 429);
    assert_eq!(status(&app, get("/orders/8")).await, 200);
    assert_eq!(keys.len(), 2);
}

#[tokio::test]
async fn a_key_of_ones_own_has_places_of_its_own() {
    let tenants =
        Arc::new(KeyedConcurrency::new(2, || Bulkhead::builder("tenants").limit(1).build()).unwrap());
    let tenant = |request: &Request| request.uri().query().unwrap_or("none").to_owned();
    let layer = ResilienceLayer::by_key(tenant).concurrency(tenants.clone());
    let app = Router::new().route("/", route(|| async { "body" })).layer(layer);
    let held = ask(&app, get("/?a")).await; // its body has not been read
    assert_eq!(status(&app, get("/?a")).await, 503);
    assert_eq!(status(&app, get("/?b")).await, 200);
    assert_eq!(status(&app, get("/?c")).await, 200); // takes the place of b, which is idle
    assert_eq!(tenants.len(), 2);
    let other = ask(&app, get("/?c")).await;
    let shared = ask(&app, get("/?d")).await; // the overflow
    assert_eq!((shared.status().as_u16(), status(&app, get("/?e")).await), (200, 503));
    drop((held, other, shared));
    assert_eq!(status(&app, get("/?a")).await, 200);
}

#[test]
#[should_panic(expected = "the name of a header")]
fn a_header_that_cannot_be_is_refused_at_once() {
    let _ = by_header("no header");
}
