// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use ::http::Method;
use ::reqwest::{IntoUrl, Request, Response};

use crate::breaker::CircuitBreaker;
use crate::client::{HostSnapshot, Verdict};
use crate::error::CallError;
use crate::layer::{Describe, PolicyDescription};
use crate::reqwest::guard::{Guard, Sends};
use crate::reqwest::verdict::of_error;
use crate::reqwest::{ClientBuilder, RequestBuilder};

/// A `reqwest::Client` whose requests go through the policies of their hosts; see the
/// [module](crate::reqwest).
///
/// Clones are handles to the same policies and connections, and cheap. Make one and keep it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let client = trifuse::reqwest::Client::builder().build()?;
/// # let url = "http://127.0.0.1:1/";
/// for _ in 0..5 {
///     let _ = client.get(url).send().await; // nobody listens there
/// }
/// assert!(client.get(url).send().await.unwrap_err().refused().is_some());
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Client {
    client: ::reqwest::Client,
    guard: Arc<Guard>,
}

impl Client {
    /// Starts a client with the defaults.
    ///
    /// ```
    /// let client = trifuse::reqwest::Client::builder().build()?;
    /// # let _ = client;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    pub(crate) fn new(client: ::reqwest::Client, guard: Arc<Guard>) -> Self {
        Self { client, guard }
    }

    /// Starts a request.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.client.request(method, url))
    }

    /// Starts a GET.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Starts a POST.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Starts a PUT.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Starts a PATCH.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Starts a DELETE.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Starts a HEAD.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Sends a request through the policies of its host, which are asked when the future is first polled.
    /// The body of the answer is guarded to its end.
    ///
    /// # Errors
    /// [`CallError::Refused`] by a policy, [`CallError::TimedOut`] by `request_timeout` or `total_timeout`, else
    /// reqwest's own error, unchanged.
    ///
    /// # Cancel safety
    /// Dropped, it gives back what it holds and counts as ignored.
    ///
    /// # Panics
    /// When polled outside of a tokio runtime, as reqwest does.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use reqwest::{Method, Request, Url};
    ///
    /// let client = trifuse::reqwest::Client::builder().without_retry().build()?;
    /// let request = Request::new(Method::GET, Url::parse("http://127.0.0.1:1/")?);
    /// let error = client.execute(request).await.unwrap_err().into_operation().unwrap();
    /// assert!(error.is_connect());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn execute(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<Response, CallError<::reqwest::Error>>> + Send + use<> {
        let Self { client, guard } = self.clone();
        async move { guard.run(request, Direct(client)).await }
    }

    /// The client that sends; what it sends by itself is not guarded.
    pub fn get_ref(&self) -> &::reqwest::Client {
        &self.client
    }

    /// The circuit breaker of a host that has one, such as `https://api.example.com:443`.
    pub fn breaker(&self, host: &str) -> Option<CircuitBreaker> {
        self.guard.hosts.find(host).map(|host| host.breaker.clone())
    }

    /// The circuit breakers of the hosts known.
    pub fn breakers(&self) -> Vec<CircuitBreaker> {
        self.guard.hosts.all().iter().map(|host| host.breaker.clone()).collect()
    }

    /// What the policies of each host have counted.
    ///
    /// ```
    /// let client = trifuse::reqwest::Client::builder().build()?;
    /// assert!(client.snapshot().is_empty()); // nobody has been asked yet
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn snapshot(&self) -> Vec<HostSnapshot> {
        self.guard.hosts.all().iter().map(|host| host.snapshot()).collect()
    }

    /// How many requests found no room for policies of their host, and shared some.
    pub fn overflowed(&self) -> u64 {
        self.guard.hosts.overflowed()
    }

    /// How many hosts have made room for others.
    pub fn evicted(&self) -> u64 {
        self.guard.hosts.evicted()
    }
}

/// The retry, then the policies of each host that has none of its own, outermost first.
impl Describe for Client {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        self.guard.describe_into(all);
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.guard.fmt(f)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("guard", &self.guard).finish_non_exhaustive()
    }
}

struct Direct(::reqwest::Client);

impl Sends for Direct {
    type Error = ::reqwest::Error;

    fn send(&mut self, request: Request) -> impl Future<Output = Result<Response, Self::Error>> + Send {
        self.0.execute(request)
    }

    fn verdict(error: &Self::Error) -> Verdict {
        of_error(error)
    }
}
