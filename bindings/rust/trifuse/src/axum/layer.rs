// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::axum::extract::Request;
use ::axum::response::Response;
use tower_layer::Layer;

use crate::axum::by_key::ByKey;
use crate::axum::limits::Concurrency;
use crate::axum::outcome::Judge;
use crate::axum::service::ResilienceService;
use crate::breaker::CircuitBreaker;
use crate::deadline::Deadline;
use crate::limiter::RateLimiter;
use crate::text::Outcome;

/// The policies that one request is under.
#[derive(Clone, Default)]
pub struct Limits {
    pub(crate) rate: Option<RateLimiter>,
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) breaker: Option<CircuitBreaker>,
}

/// Says which policies a request is under.
pub trait Select {
    #[doc(hidden)]
    fn select(&self, request: &Request) -> Limits;
}

/// The same policies for all requests.
#[derive(Clone, Default)]
pub struct Shared(Limits);

impl Select for Shared {
    fn select(&self, _: &Request) -> Limits {
        self.0.clone()
    }
}

/// What a layer and its services share.
#[derive(Clone)]
pub(crate) struct Settings<P> {
    pub(crate) policies: P,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) exempt: Arc<[String]>,
    pub(crate) judge: Judge,
}

impl<P> Settings<P> {
    /// Whether the request has no limits: its path, or one above it, is exempt.
    pub(crate) fn exempts(&self, path: &str) -> bool {
        self.exempt.iter().any(|known| {
            path.strip_prefix(&**known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// Middleware: limits what comes in, and answers for what is refused or given up within.
///
/// | | status | headers |
/// |---|---|---|
/// | a policy within refused: what a handler returns as [`CallError`](crate::CallError), and the layers of [`trifuse::tower`](crate::tower) | 503 | `Retry-After` |
/// | a time limit passed, within or here | 504 | |
/// | [`rate_limit`](Self::rate_limit) here refused | 429 | `Retry-After` |
/// | [`bulkhead`](Self::concurrency), adaptive limit, circuit breaker here refused | 503 | `Retry-After` |
///
/// The body is `application/problem+json` (RFC 9457), with `reason`, and for refusals `policy` and
/// `retry_after`, the exact wait in seconds or null; it tells no names. The
/// [`Refused`](crate::Refused) or [`TimedOut`](crate::TimedOut) itself is in the extensions of the response,
/// for middleware of yours.
///
/// In this order: the deadline runs from the first, then the rate limit is asked, then a place is
/// taken (and waited for where that is configured), then the circuit breaker asked. Everything is asked when
/// the future is first polled. The policies are handles: all clones of the layer, and all services that it
/// makes for routes and requests, share them.
///
/// Goes with `Router::layer` (all routes of the router), `Router::route_layer`, `MethodRouter::layer` (one
/// route), and as the outermost of a `tower::ServiceBuilder`; the error of what is within becomes its answer.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
/// use axum::{Router, body::Body, extract::Request, routing::get};
/// use tower::ServiceExt;
/// use trifuse::axum::ResilienceLayer;
/// use trifuse::{AdaptiveLimit, RateLimiter};
///
/// let inbound = ResilienceLayer::new()
///     .rate_limit(RateLimiter::per(1, Duration::from_secs(20)).build()?)
///     .concurrency(AdaptiveLimit::gradient2("inbound").build()?)
///     .timeout(Duration::from_secs(10));
/// let app = Router::new().route("/", get(|| async { "hello" })).layer(inbound);
///
/// let ask = || app.clone().oneshot(Request::new(Body::empty()));
/// assert_eq!(ask().await.unwrap().status(), 200);
/// let refused = ask().await.unwrap();
/// assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"20".parse().unwrap()));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until it is given to a router"]
pub struct ResilienceLayer<P = Shared> {
    pub(crate) settings: Settings<P>,
}

impl ResilienceLayer {
    /// Without any limit: it answers for what is refused or timed out within.
    pub fn new() -> Self {
        Self::with(Shared::default())
    }

    /// With policies for each key of the requests.
    ///
    /// A key is what a function of the request gives: [`by_peer`](crate::axum::by_peer),
    /// [`by_header`](crate::axum::by_header), [`by_route`](crate::axum::by_route),
    /// [`by_path`](crate::axum::by_path), your own.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use trifuse::axum::{ResilienceLayer, by_peer};
    /// use trifuse::{KeyedRateLimiters, RateLimiter};
    ///
    /// let each = RateLimiter::per_second(5.0).name("peers");
    /// let peers = KeyedRateLimiters::<IpAddr>::builder(each).max_keys(10_000).build()?;
    /// let layer = ResilienceLayer::by_key(by_peer).rate_limit(peers);
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn by_key<K, F: Fn(&Request) -> K>(key: F) -> ResilienceLayer<ByKey<K, F>> {
        ResilienceLayer::with(ByKey::new(key))
    }

    /// How often requests are let in; one with a `max_wait` lets them wait. Refused: 429.
    pub fn rate_limit(mut self, limiter: RateLimiter) -> Self {
        self.settings.policies.0.rate = Some(limiter);
        self
    }

    /// How many requests are worked at: a [`Bulkhead`](crate::Bulkhead) or an
    /// [`AdaptiveLimit`](crate::AdaptiveLimit). A place is held until the response has been sent.
    /// Refused: 503.
    pub fn concurrency(mut self, limit: impl Into<Concurrency>) -> Self {
        self.settings.policies.0.concurrency = Some(limit.into());
        self
    }

    /// Stops asking what is within while it fails. A response of 500 or more is a failure, and one whose
    /// body breaks; see [`classify`](Self::classify). Refused: 503.
    ///
    /// Its `request_timeout` (5 s unless you say otherwise) is for the time to the head of the response.
    pub fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.settings.policies.0.breaker = Some(breaker);
        self
    }
}

impl<P> ResilienceLayer<P> {
    pub(crate) fn with(policies: P) -> Self {
        let exempt = ["/health", "/ready"].map(str::to_owned).into();
        Self { settings: Settings { policies, deadline: None, exempt, judge: Judge::default() } }
    }

    /// How long a request may take to the head of its response, waiting for a place included. What it calls
    /// through trifuse sees it as its [`Deadline`]. Passed: 504.
    pub fn timeout(self, limit: Duration) -> Self {
        self.deadline(Deadline::after(limit).name("request"))
    }

    /// As [`timeout`](Self::timeout), with a name and a clock.
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.settings.deadline = Some(deadline);
        self
    }

    /// Paths that have no limits here, with what is below them; `/health` and `/ready` unless you say
    /// otherwise. As they arrive here: within `Router::nest` without the prefix.
    ///
    /// ```
    /// let layer = trifuse::axum::ResilienceLayer::new().exempt(["/health", "/ready", "/static"]);
    /// # let _ = layer;
    /// ```
    pub fn exempt<T: Into<String>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        let trimmed = paths.into_iter().map(|path| path.into().trim_end_matches('/').to_owned());
        self.settings.exempt = trimmed.collect();
        self
    }

    /// Says what a response means to the circuit breaker and to the adaptive limit.
    ///
    /// Without it 500 and more is a failure; 400 to 499 says nothing to a circuit breaker, since it is the
    /// client's mistake, and is a success to an adaptive limit. It is not asked about what trifuse refused
    /// or timed out within: a timeout is one, a refusal says nothing, but for that of a circuit breaker,
    /// which is a failure to a circuit breaker.
    ///
    /// ```
    /// use axum::response::Response;
    /// use trifuse::Outcome;
    /// use trifuse::axum::ResilienceLayer;
    ///
    /// let layer = ResilienceLayer::new().classify(|response: &Response| match response.status().as_u16() {
    ///     501 => Outcome::Ignored,
    ///     500.. => Outcome::Failure,
    ///     _ => Outcome::Success,
    /// });
    /// # let _ = layer;
    /// ```
    pub fn classify(mut self, judge: impl Fn(&Response) -> Outcome + Send + Sync + 'static) -> Self {
        self.settings.judge = Judge::by(judge);
        self
    }
}

impl Default for ResilienceLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S, P: Clone> Layer<S> for ResilienceLayer<P> {
    type Service = ResilienceService<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        ResilienceService::new(inner, Arc::new(self.settings.clone()))
    }
}

impl<P> fmt::Debug for ResilienceLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { deadline, exempt, .. } = &self.settings;
        f.debug_struct("ResilienceLayer")
            .field("deadline", deadline)
            .field("exempt", exempt)
            .finish_non_exhaustive()
    }
}
