// SPDX-License-Identifier: MIT OR Apache-2.0
//! A shop that needs three services: a catalogue, payments, recommendations.
//!
//! Without the catalogue there is no page, without payments no order: the visitor is told so, at once and
//! with the time to come back. Without recommendations there are the bestsellers.
#![allow(missing_docs)]

mod clients;
pub mod downstreams;
mod routes;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use trifuse::axum::{HealthRoutes, ResilienceLayer, admin_routes, by_peer};
use trifuse::health::{Health, Status};
use trifuse::telemetry::metrics::BreakerMetrics;
use trifuse::{AdaptiveLimit, Clock, KeyedRateLimiters, RateLimiter};

use clients::Clients;

/// Where the services are that the shop needs.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub catalogue: SocketAddr,
    pub payments: SocketAddr,
    pub recommendations: SocketAddr,
}

impl Addresses {
    fn name_of(&self, port: Option<u16>) -> &'static str {
        match port {
            Some(port) if port == self.catalogue.port() => "catalogue",
            Some(port) if port == self.payments.port() => "payments",
            Some(port) if port == self.recommendations.port() => "recommendations",
            _ => "others",
        }
    }
}

/// What the metrics endpoint needs.
struct Metrics {
    breakers: BreakerMetrics,
    recorder: PrometheusRecorder,
    rendered: PrometheusHandle,
}

impl Metrics {
    fn render(&self) -> String {
        metrics::with_local_recorder(&self.recorder, || self.breakers.record());
        self.rendered.render()
    }
}

/// The whole service. The clock is what circuit breakers and rate limits live by.
pub fn shop(addresses: &Addresses, operators: &str, clock: Clock) -> Result<Router, Box<dyn Error>> {
    let clients = Clients::new(addresses, clock.clone())?;
    let breakers = clients.breakers();
    let health = Health::builder()
        .version(env!("CARGO_PKG_VERSION"))
        .breakers(breakers.clone())
        .critical_breakers(["shop[catalogue]"])
        .build()?;
    // With its fallbacks and its 503s a degraded shop is better than none.
    let health = HealthRoutes::new(health).ready_when([Status::Healthy, Status::Degraded]);

    let token = operators.to_owned();
    let authorize = move |request: axum::http::request::Parts| {
        let given = request.headers.get("x-token").is_some_and(|given| given == token.as_str());
        async move { given.then_some("an operator") }
    };

    let recorder = PrometheusBuilder::new().build_recorder();
    let rendered = recorder.handle();
    let metrics = Arc::new(Metrics { breakers: BreakerMetrics::new(breakers.clone()), recorder, rendered });

    let each = RateLimiter::per_second(50.0).name("peers").clock(clock);
    let peers = KeyedRateLimiters::builder(each).max_keys(10_000).build()?;
    let inbound = AdaptiveLimit::aimd("inbound").limit(2_000).max_limit(5_000).build()?;

    Ok(routes::pages(clients)
        .layer(ResilienceLayer::new().concurrency(inbound).timeout(Duration::from_secs(10)))
        .layer(ResilienceLayer::by_key(by_peer).rate_limit(peers))
        .merge(health.routes())
        .merge(admin_routes(breakers, authorize))
        .merge(routes::metrics(move || metrics.render())))
}
