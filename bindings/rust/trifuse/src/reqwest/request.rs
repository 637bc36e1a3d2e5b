// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use ::reqwest::{Body, Request, Response};

use crate::error::CallError;
use crate::reqwest::Client;

/// A request in the making, as `reqwest::RequestBuilder`, that is sent through the policies of its host.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let (client, url) = (trifuse::reqwest::Client::builder().build()?, "http://127.0.0.1:1/orders");
/// let answer = client
///     .post(url)
///     .header("idempotency-key", "order 7") // so it may be sent again
///     .body(r#"{"item": 12}"#)
///     .send()
///     .await;
/// # assert!(answer.is_err());
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder {
    client: Client,
    request: ::reqwest::RequestBuilder,
}

impl RequestBuilder {
    pub(crate) fn new(client: Client, request: ::reqwest::RequestBuilder) -> Self {
        Self { client, request }
    }

    /// What `reqwest::RequestBuilder` can do beside what is here: `json`, `query`, `form`, `multipart`.
    ///
    /// ```
    /// # let client = trifuse::reqwest::Client::builder().build()?;
    /// let request = client.get("https://api.example.com").with(|request| request.version(reqwest::Version::HTTP_11));
    /// # let _ = request;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn with(self, more: impl FnOnce(::reqwest::RequestBuilder) -> ::reqwest::RequestBuilder) -> Self {
        Self { client: self.client, request: more(self.request) }
    }

    /// Adds a header.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<::http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<::http::Error>,
    {
        self.with(|request| request.header(name, value))
    }

    /// Adds headers, replacing those of the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.with(|request| request.headers(headers))
    }

    /// Authorises by a token.
    pub fn bearer_auth(self, token: impl std::fmt::Display) -> Self {
        self.with(|request| request.bearer_auth(token))
    }

    /// Authorises by name and password.
    pub fn basic_auth(self, name: impl std::fmt::Display, password: Option<impl std::fmt::Display>) -> Self {
        self.with(|request| request.basic_auth(name, password))
    }

    /// Its body. One that is a stream is sent once and never again.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.with(|request| request.body(body))
    }

    /// reqwest's own time limit, of each attempt and the body of its answer.
    pub fn timeout(self, limit: Duration) -> Self {
        self.with(|request| request.timeout(limit))
    }

    /// The request, not sent.
    ///
    /// # Errors
    /// A URL or header that is none.
    pub fn build(self) -> Result<Request, ::reqwest::Error> {
        self.request.build()
    }

    /// Sends it; as [`Client::execute`].
    ///
    /// # Errors
    /// As there; a request that cannot be built is reqwest's own error, and no policy is asked.
    ///
    /// # Cancel safety
    /// As there.
    pub fn send(self) -> impl Future<Output = Result<Response, CallError<::reqwest::Error>>> + Send + use<> {
        let Self { client, request } = self;
        async move {
            let request = request.build().map_err(CallError::Operation)?;
            client.execute(request).await
        }
    }
}
