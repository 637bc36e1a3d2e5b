// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::axum::Router;
use ::axum::response::Response;
use ::axum::routing::get;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::axum::problem::json_answer;
use crate::breaker::CircuitBreaker;
use crate::health::{Health, HealthReport, Status};

/// The routes `GET /health`, `/ready` and `/health/circuit-breakers`.
///
/// | route | |
/// |---|---|
/// | `/health` | the report as JSON; 503 when unhealthy |
/// | `/ready` | the report; 503 unless healthy, see [`HealthRoutes`] |
/// | `/health/circuit-breakers` | each breaker of the [`Health`] by name: `name`, `state`, `failure_count`, `success_count`, `failure_rate` (these three of the window), `last_failure_time` (epoch seconds or null) |
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use axum::{Router, body::Body, extract::Request, http::StatusCode};
/// use tower::ServiceExt;
/// use trifuse::{CircuitBreaker, axum::health_routes, health::Health};
///
/// let payments = CircuitBreaker::builder("payments").build()?;
/// let health = Health::builder().version("1.4.2").breakers(payments.clone()).build()?;
/// let app: Router = Router::new().merge(health_routes(health));
///
/// payments.trip(None);
/// let ask = |path| app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
/// assert_eq!(ask("/health").await.unwrap().status(), StatusCode::OK); // degraded
/// assert_eq!(ask("/ready").await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
pub fn health_routes<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    HealthRoutes::new(health).routes()
}

/// [`health_routes`] with settings.
///
/// ```
/// use axum::Router;
/// use trifuse::axum::HealthRoutes;
/// use trifuse::health::{Health, Status};
///
/// let health = Health::builder().version("1.4.2").build()?;
/// let routes = HealthRoutes::new(health).ready_when([Status::Healthy, Status::Degraded]).routes();
/// let app: Router = Router::new().merge(routes);
/// # let _ = app;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HealthRoutes {
    health: Health,
    ready_when: Vec<Status>,
}

impl HealthRoutes {
    /// Ready when healthy.
    pub fn new(health: Health) -> Self {
        Self { health, ready_when: vec![Status::Healthy] }
    }

    /// The statuses that count as ready. With healthy and degraded a service with an open breaker stays in
    /// its load balancer; for those that have a fallback.
    pub fn ready_when(mut self, statuses: impl IntoIterator<Item = Status>) -> Self {
        self.ready_when = statuses.into_iter().collect();
        self
    }

    /// The routes, to be merged or nested.
    pub fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let Self { health, ready_when } = self;
        let (asked, listed) = (health.clone(), health.clone());
        let is_well = async move || {
            let report = asked.report().await;
            told(report.status != Status::Unhealthy, &report)
        };
        let is_ready = async move || {
            let report = health.report().await;
            told(ready_when.contains(&report.status), &report)
        };
        let states = async move || json_answer(StatusCode::OK, &states(&listed.breakers()));
        Router::new()
            .route("/health", get(is_well))
            .route("/ready", get(is_ready))
            .route("/health/circuit-breakers", get(states))
    }
}

fn told(well: bool, report: &HealthReport) -> Response {
    let check = |check: &crate::health::CheckResult| json!({ "name": check.name.as_str(), "status": check.status.as_str(), "message": check.message });
    let data = json!({
        "status": report.status.as_str(),
        "version": report.version.as_str(),
        "uptime_seconds": report.uptime_seconds(),
        "checks": report.checks.iter().map(check).collect::<Vec<_>>(),
    });
    json_answer(if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &data)
}

/// The state of each breaker by name.
pub(crate) fn states(breakers: &[CircuitBreaker]) -> Value {
    let by_name = breakers.iter().map(|breaker| (breaker.name().to_owned(), state(breaker)));
    Value::Object(by_name.collect::<Map<_, _>>())
}

fn state(breaker: &CircuitBreaker) -> Value {
    let picture = breaker.snapshot();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = |ago: Duration| now.saturating_sub(ago).as_secs_f64();
    json!({
        "name": picture.name.as_str(),
        "state": picture.state.as_str(),
        "failure_count": picture.window.failed,
        "success_count": picture.window.total - picture.window.failed,
        "failure_rate": picture.failure_rate,
        "last_failure_time": picture.since_last_failure.map(epoch),
    })
}
