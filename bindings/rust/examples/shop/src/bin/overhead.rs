// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the layers cost a request, beside the same router without them:
//! `cargo run --release -p shop --bin overhead`.
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::routing::get;
use tower::ServiceExt;
use tower::layer::util::Identity;
use trifuse::axum::{Failed, ResilienceLayer, by_peer};
use trifuse::{
    AdaptiveLimit, Bulkhead, CircuitBreaker, ConfigError, KeyedRateLimiters, Pipeline, RateLimiter, Retry,
    Timeout,
};

const ROUNDS: usize = 21;
const REQUESTS: usize = 10_000;

fn bare() -> Router {
    Router::new().route("/", get(|| async { Bytes::from_static(b"found") }))
}

fn inbound() -> Result<ResilienceLayer, ConfigError> {
    Ok(ResilienceLayer::new()
        .concurrency(AdaptiveLimit::gradient2("inbound").build()?)
        .circuit_breaker(CircuitBreaker::builder("inbound").build()?)
        .timeout(Duration::from_secs(10)))
}

fn by_peers(app: Router) -> Result<Router, ConfigError> {
    let each = RateLimiter::per_second(1e6).name("peers");
    let peers = KeyedRateLimiters::<IpAddr>::builder(each).build()?;
    Ok(app.layer(ResilienceLayer::by_key(by_peer).rate_limit(peers)))
}

/// All of that, and a handler that calls through a pipeline.
fn full() -> Result<Router, ConfigError> {
    let search = Pipeline::builder("search")
        .retry(Retry::builder("search").build()?)
        .circuit_breaker(CircuitBreaker::builder("search").build()?)
        .rate_limit(RateLimiter::per_second(1e6).build()?)
        .bulkhead(Bulkhead::builder("search").limit(100).build()?)
        .timeout(Timeout::after(Duration::from_secs(2)))
        .build();
    let handler = async move || -> Result<Bytes, Failed> {
        let found = search.call_async(|| async { Ok::<_, Infallible>(Bytes::from_static(b"found")) });
        Ok(found.await?)
    };
    by_peers(Router::new().route("/", get(handler)).layer(inbound()?))
}

async fn ask(app: &Router) {
    let peer = ConnectInfo(SocketAddr::from(([10, 0, 0, 7], 40_000)));
    let request = Request::get("/").extension(peer).body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    assert_eq!(response.status(), 200);
    let read = axum::body::to_bytes(response.into_body(), 100).await;
    assert_eq!(read.expect("a body"), "found");
}

/// Nanoseconds of a request: the median and the 99th of a hundred.
async fn round(app: &Router) -> (f64, f64) {
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let began = Instant::now();
        ask(app).await;
        times.push(began.elapsed().as_nanos() as f64);
    }
    times.sort_unstable_by(f64::total_cmp);
    (times[REQUESTS / 2], times[REQUESTS * 99 / 100])
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ConfigError> {
    let apps = [
        ("the router alone", bare()),
        ("a layer that does nothing: axum's own share", bare().layer(Identity::new())),
        ("ResilienceLayer::new(): answers only", bare().layer(ResilienceLayer::new())),
        ("adaptive limit, circuit breaker, timeout", bare().layer(inbound()?)),
        ("the same, and a rate limit by peer", by_peers(bare().layer(inbound()?))?),
        ("the same, and a pipeline of five in the handler", full()?),
    ];
    let mut figures = apps.each_ref().map(|_| (Vec::new(), Vec::new()));
    for _ in 0..ROUNDS {
        for ((_, app), (medians, tails)) in apps.iter().zip(&mut figures) {
            let (median, tail) = round(app).await;
            medians.push(median);
            tails.push(tail);
        }
    }
    let least = |all: &[f64]| all.iter().copied().fold(f64::INFINITY, f64::min);
    let alone = least(&figures[0].0);
    println!("{:<50} {:>10} {:>10} {:>10}", "a request, ns", "median", "99 %", "more");
    for ((name, _), (medians, tails)) in apps.iter().zip(&figures) {
        let median = least(medians);
        println!("{name:<50} {median:>10.0} {:>10.0} {:>10.0}", least(tails), median - alone);
    }
    Ok(())
}
