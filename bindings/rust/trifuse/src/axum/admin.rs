// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use ::axum::Router;
use ::axum::extract::{Path, Request};
use ::axum::middleware::{Next, from_fn};
use ::axum::response::Response;
use ::axum::routing::{get, post};
use ::axum::{Extension, RequestExt};
use http::StatusCode;
use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use serde_json::json;

use crate::axum::authorize::Authorization;
use crate::axum::health::states;
use crate::axum::log;
use crate::axum::problem::json_answer;
use crate::breaker::CircuitBreaker;
use crate::source::Breakers;

const BREAKERS: &str = "/admin/circuit-breakers";

/// The routes of operators, which steer circuit breakers:
///
/// | route | |
/// |---|---|
/// | `GET /admin/circuit-breakers` | all breakers, as `/health/circuit-breakers` tells them |
/// | `POST /admin/circuit-breakers/{name}/reset` | closes it; window and run of failures start anew |
/// | `POST /admin/circuit-breakers/{name}/open` | refuses all calls until somebody closes it; also `force-open` |
/// | `POST /admin/circuit-breakers/{name}/close` | closes it where it is not closed |
/// | `POST /admin/circuit-breakers/{name}/disable` | lets everything pass, records nothing |
///
/// 404 for a name there is not. A name may have slashes, as they are or as `%2F`.
///
/// There are no such routes without `authorize`, a function of the head of the request, which gives
/// whatever becomes an [`Authorization`]: a `bool`, or who it is, or an answer that refuses. It is asked
/// before anything is looked up. With the feature `tracing` what was done, and by whom if it said so, is
/// logged as a warning. A request that a browser made for a page of another site (`Sec-Fetch-Site`) is
/// refused before that. With several processes a request reaches one of them, and each has its own breakers.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use axum::{Router, body::Body, extract::Request, http::request::Parts};
/// use tower::ServiceExt;
/// use trifuse::{CircuitBreaker, State, axum::admin_routes};
///
/// async fn operators_only(request: Parts) -> bool {
///     request.headers.get("x-token").is_some_and(|token| token == "secret")
/// }
///
/// let payments = CircuitBreaker::builder("payments").build()?;
/// let app: Router = Router::new().merge(admin_routes(payments.clone(), operators_only));
///
/// let ask = Request::post("/admin/circuit-breakers/payments/open");
/// let answer = app.clone().oneshot(ask.body(Body::empty()).unwrap()).await.unwrap();
/// assert_eq!((answer.status().as_u16(), payments.state()), (403, State::Closed));
///
/// let ask = Request::post("/admin/circuit-breakers/payments/open").header("x-token", "secret");
/// let answer = app.oneshot(ask.body(Body::empty()).unwrap()).await.unwrap();
/// assert_eq!((answer.status().as_u16(), payments.state()), (200, State::ForcedOpen));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
///
/// ```compile_fail
/// # let payments = trifuse::CircuitBreaker::builder("payments").build().unwrap();
/// let routes = trifuse::axum::admin_routes::<_, _, _, _, ()>(payments); // anybody could switch them off
/// ```
pub fn admin_routes<B, A, F, R, S>(breakers: B, authorize: A) -> Router<S>
where
    B: Breakers + 'static,
    A: Fn(Parts) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = R> + Send + 'static,
    R: Into<Authorization> + Send + 'static,
    S: Clone + Send + Sync + 'static,
{
    let breakers = Arc::new(breakers);
    let listed = breakers.clone();
    let list = async move || json_answer(StatusCode::OK, &states(&listed.breakers()));
    // All parameters, since the routes may be nested below a path with some.
    let act = async move |Path(all): Path<Parameters>, Extension(Operator(who)): Extension<Operator>| {
        act(&breakers.breakers(), all.get("path").map_or("", String::as_str), who.as_deref())
    };
    let guard = move |request: Request, next: Next| guarded(authorize.clone(), request, next);
    Router::new()
        .route(BREAKERS, get(list))
        .route(&format!("{BREAKERS}/{{*path}}"), post(act).fallback(not_post))
        .route_layer(from_fn(guard))
}

type Parameters = HashMap<String, String>;

/// Who may do it.
#[derive(Clone)]
struct Operator(Option<Arc<str>>);

async fn guarded<A, F, R>(authorize: A, mut request: Request, next: Next) -> Response
where
    A: Fn(Parts) -> F,
    F: Future<Output = R>,
    R: Into<Authorization>,
{
    let site = request.headers().get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Authorization::forbidden();
    }
    let Ok(parts) = request.extract_parts::<Parts>().await;
    match authorize(parts).await.into() {
        Authorization::Denied(answer) => answer,
        Authorization::Granted(who) => {
            request.extensions_mut().insert(Operator(who.map(Into::into)));
            next.run(request).await
        }
    }
}

fn act(breakers: &[CircuitBreaker], path: &str, who: Option<&str>) -> Response {
    let (name, action) = path.rsplit_once('/').unwrap_or((path, ""));
    let (steer, done): (fn(&CircuitBreaker), _) = match action {
        "reset" => (CircuitBreaker::reset, "reset"),
        "open" | "force-open" => (CircuitBreaker::force_open, "forced open"),
        "close" => (CircuitBreaker::close, "closed"),
        "disable" => (CircuitBreaker::disable, "disabled"),
        _ => {
            let message = "what can be done to a circuit breaker is reset, open, close, disable";
            return json_answer(StatusCode::NOT_FOUND, &json!({ "message": message }));
        }
    };
    let Some(breaker) = breakers.iter().find(|breaker| breaker.name() == name) else {
        let message = format!("there is no circuit breaker {name:?}");
        return json_answer(StatusCode::NOT_FOUND, &json!({ "message": message }));
    };
    steer(breaker);
    log::steered(name, done, who);
    json_answer(StatusCode::OK, &json!({ "message": format!("circuit breaker {name:?} {done}") }))
}

async fn not_post() -> Response {
    let mut answer = json_answer(StatusCode::METHOD_NOT_ALLOWED, &json!({ "message": "use POST" }));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    answer
}
