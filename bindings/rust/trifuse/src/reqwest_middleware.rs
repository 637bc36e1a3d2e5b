// SPDX-License-Identifier: MIT OR Apache-2.0
//! The policies of [`trifuse::reqwest`](crate::reqwest) as a middleware of
//! [reqwest-middleware](https://docs.rs/reqwest-middleware).
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use reqwest_middleware::ClientBuilder;
//! use trifuse::reqwest::Client;
//! use trifuse::reqwest_middleware::{ResilienceMiddleware, refused};
//!
//! let policies = ResilienceMiddleware::new(Client::builder().without_retry())?;
//! let client = ClientBuilder::new(reqwest::Client::new()).with(policies.clone()).build();
//! # let url = "http://127.0.0.1:1/";
//! for _ in 0..10 {
//!     let _ = client.get(url).send().await; // nobody listens there
//! }
//! let error = client.get(url).send().await.unwrap_err();
//! assert_eq!(refused(&error).unwrap().name.as_str(), "reqwest[http://127.0.0.1:1]");
//! # Ok::<(), trifuse::ConfigError>(())
//! # }).unwrap();
//! ```
//!
//! # Order
//! A middleware that is added first is outermost. What is added before this one (tracing, authorisation, a cache)
//! runs once for a request, and sees refusals; what is added after it runs once for every attempt, within
//! `request_timeout`. An error of a middleware within counts as a failure of the host, but for a refusal of ours,
//! which does not (that of another circuit breaker does).
//!
//! # With reqwest-retry
//! One of the two retries. With `RetryTransientMiddleware` added before this one, take
//! [`without_retry`](crate::reqwest::ClientBuilder::without_retry): each of its attempts is then asked for and
//! counted here, and it takes a refusal for what is not to be retried. Added after this one, the breaker sees one
//! request with the outcome of its last attempt, all within one `request_timeout`. It knows neither Retry-After
//! nor a budget, and looks at no method: prefer the retry that is here.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use ::http::Extensions;
use ::reqwest::{Request, Response};
use ::reqwest_middleware::{Error, Middleware, Next};

use crate::breaker::CircuitBreaker;
use crate::client::{HostSnapshot, Verdict};
use crate::error::{CallError, ConfigError, TimedOut};
use crate::layer::{Describe, PolicyDescription};
use crate::refused::Refused;
use crate::reqwest::{ClientBuilder, Guard, Sends, of_error};
use crate::text::Outcome;
use crate::text_refusal::PolicyKind;

/// The policies of a resilient client as a middleware; see the [module](crate::reqwest_middleware).
///
/// Clones share the policies. Give it to as many clients as are to share them.
#[derive(Clone)]
pub struct ResilienceMiddleware {
    guard: Arc<Guard>,
}

impl ResilienceMiddleware {
    /// Of the settings of a resilient client, whose own `client` is not used.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    ///
    /// ```
    /// use trifuse::reqwest::Client;
    /// use trifuse::reqwest_middleware::ResilienceMiddleware;
    ///
    /// assert!(ResilienceMiddleware::new(Client::builder().name("")).is_err());
    /// ```
    pub fn new(settings: ClientBuilder) -> Result<Self, ConfigError> {
        Ok(Self { guard: Arc::new(settings.guard()?) })
    }

    /// As [`Client::breaker`](crate::reqwest::Client::breaker).
    pub fn breaker(&self, host: &str) -> Option<CircuitBreaker> {
        self.guard.hosts.find(host).map(|host| host.breaker.clone())
    }

    /// As [`Client::breakers`](crate::reqwest::Client::breakers).
    pub fn breakers(&self) -> Vec<CircuitBreaker> {
        self.guard.hosts.all().iter().map(|host| host.breaker.clone()).collect()
    }

    /// As [`Client::snapshot`](crate::reqwest::Client::snapshot).
    pub fn snapshot(&self) -> Vec<HostSnapshot> {
        self.guard.hosts.all().iter().map(|host| host.snapshot()).collect()
    }
}

#[async_trait::async_trait]
impl Middleware for ResilienceMiddleware {
    /// # Errors
    /// A refusal and a timeout of ours are `Error::Middleware`, see [`refused`] and [`timed_out`]; what comes
    /// from within is passed on unchanged.
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let answer = self.guard.run(request, Through { next, extensions }).await;
        answer.map_err(|error| match error {
            CallError::Refused(refused) => Error::middleware(refused),
            CallError::TimedOut(late) => Error::middleware(late),
            CallError::Operation(error) => error,
        })
    }
}

/// The refusal that this error is, if the request was not made.
///
/// ```
/// let error = reqwest_middleware::Error::middleware(std::io::Error::other("another one"));
/// assert!(trifuse::reqwest_middleware::refused(&error).is_none());
/// ```
pub fn refused(error: &Error) -> Option<&Refused> {
    match error {
        Error::Middleware(error) => error.downcast_ref(),
        Error::Reqwest(_) => None,
    }
}

/// The timeout that this error is, if `request_timeout` or `total_timeout` ended the request before the head of
/// its answer. For bodies see [`trifuse::reqwest::timed_out`](crate::reqwest::timed_out).
///
/// ```
/// let error = reqwest_middleware::Error::middleware(std::io::Error::other("another one"));
/// assert!(trifuse::reqwest_middleware::timed_out(&error).is_none());
/// ```
pub fn timed_out(error: &Error) -> Option<&TimedOut> {
    match error {
        Error::Middleware(error) => error.downcast_ref(),
        Error::Reqwest(_) => None,
    }
}

struct Through<'a, 'e> {
    next: Next<'a>,
    extensions: &'e mut Extensions,
}

impl Sends for Through<'_, '_> {
    type Error = Error;

    fn send(&mut self, request: Request) -> impl Future<Output = Result<Response, Error>> + Send {
        self.next.clone().run(request, self.extensions)
    }

    fn verdict(error: &Error) -> Verdict {
        if let Some(refused) = refused(error) {
            let breaker = refused.policy == PolicyKind::CircuitBreaker;
            return Verdict::new(if breaker { Outcome::Failure } else { Outcome::Ignored }, false);
        }
        match error {
            Error::Reqwest(error) => of_error(error),
            Error::Middleware(_) if timed_out(error).is_some() => Verdict::new(Outcome::Timeout, true),
            Error::Middleware(_) => Verdict::new(Outcome::Failure, true),
        }
    }
}

impl Describe for ResilienceMiddleware {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        self.guard.describe_into(all);
    }
}

impl fmt::Display for ResilienceMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.guard.fmt(f)
    }
}

impl fmt::Debug for ResilienceMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResilienceMiddleware").field("guard", &self.guard).finish()
    }
}
