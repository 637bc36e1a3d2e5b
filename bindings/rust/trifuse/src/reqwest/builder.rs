// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;

use ::reqwest::{Request, Response, Url};

use crate::client::{Policies, Settings, settings};
use crate::error::{ConfigError, ConfigValue};
use crate::reqwest::Client;
use crate::reqwest::guard::{FailureIf, Guard, KeyOf};
use crate::reqwest::origin::origin;

/// Makes a [`Client`].
///
/// Each host has a circuit breaker with the defaults, unless told otherwise, and no limits; what may be sent
/// twice is sent again up to twice, within a budget.
///
/// ```
/// use std::time::Duration;
/// use trifuse::reqwest::Client;
/// use trifuse::{AdaptiveLimit, RateLimiter, Retry};
///
/// let client = Client::builder()
///     .name("orders")
///     .rate_limit(RateLimiter::per(500, Duration::from_secs(60)))
///     .adaptive_limit(AdaptiveLimit::gradient2("any"))
///     .total_timeout(Duration::from_secs(10))
///     .retry(Retry::builder("orders").max_retries(3).build()?)
///     .on_transition(|change| eprintln!("{}: {} -> {}", change.name, change.from, change.to))
///     .build()?;
/// # let _ = client;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    settings: Settings,
    client: Option<::reqwest::Client>,
    key: Option<Arc<KeyOf>>,
    failure_if: Option<Arc<FailureIf>>,
}

settings! { ClientBuilder, "host" }

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self { settings: Settings::new("reqwest"), client: None, key: None, failure_if: None }
    }

    /// The client that sends; by default `reqwest::Client::new()`.
    pub fn client(mut self, client: ::reqwest::Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Policies of its own for a host, which is a URL (its scheme, host and port count) or, with
    /// [`key`](Self::key), a key. What they leave out has the defaults of [`Policies`], not the client's.
    ///
    /// ```
    /// use trifuse::reqwest::{Client, Policies};
    /// use trifuse::{Config, Preset};
    ///
    /// let payments = Policies::new().circuit_breaker(Config::preset(Preset::Payment)).retry(false);
    /// let client = Client::builder().host("https://payments.example.com", payments).build()?;
    /// assert!(client.breaker("https://payments.example.com:443").is_some());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn host(mut self, host: impl Into<String>, policies: Policies) -> Self {
        self.settings.own.push((host.into(), policies));
        self
    }

    /// Whose policies a request uses, in place of those of its scheme, host and port.
    ///
    /// ```
    /// let client = trifuse::reqwest::Client::builder()
    ///     .key(|request| request.url().path().split('/').nth(1).unwrap_or_default().to_owned())
    ///     .build()?;
    /// # let _ = client;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn key(mut self, key: impl Fn(&Request) -> String + Send + Sync + 'static) -> Self {
        self.key = Some(Arc::new(key));
        self
    }

    /// Which answers are failures, and are asked again, in place of the table; the others are successes.
    ///
    /// ```
    /// let client = trifuse::reqwest::Client::builder()
    ///     .failure_if(|answer| answer.status().is_server_error() || answer.headers().contains_key("x-degraded"))
    ///     .build()?;
    /// # let _ = client;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn failure_if(mut self, failure: impl Fn(&Response) -> bool + Send + Sync + 'static) -> Self {
        self.failure_if = Some(Arc::new(failure));
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    /// An empty name, a setting out of its range, a host that is no URL.
    ///
    /// ```
    /// use trifuse::reqwest::{Client, Policies};
    /// let error = Client::builder().host("payments", Policies::new()).build().unwrap_err();
    /// assert_eq!(error.field, "host");
    /// ```
    ///
    /// # Panics
    /// As `reqwest::Client::new`, where no client was given.
    pub fn build(mut self) -> Result<Client, ConfigError> {
        let client = self.client.take();
        let guard = self.guard()?;
        Ok(Client::new(client.unwrap_or_default(), Arc::new(guard)))
    }

    pub(crate) fn guard(mut self) -> Result<Guard, ConfigError> {
        if self.key.is_none() {
            for (host, _) in &mut self.settings.own {
                *host = as_origin(host)?;
            }
        }
        Ok(Guard {
            name: self.settings.name.clone(),
            hosts: self.settings.hosts()?,
            retry: self.settings.retry()?,
            key: self.key,
            failure_if: self.failure_if,
            respect_retry_after: self.settings.respect_retry_after,
        })
    }
}

fn as_origin(host: &str) -> Result<String, ConfigError> {
    match Url::parse(host).ok().filter(Url::has_host) {
        Some(url) => Ok(origin(&url)),
        None => {
            let allowed = "a URL such as https://api.example.com";
            Err(ConfigError::new("host", ConfigValue::Text(host.to_owned()), allowed))
        }
    }
}
