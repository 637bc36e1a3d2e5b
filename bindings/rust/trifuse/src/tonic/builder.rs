// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;

use crate::client::{Policies, Settings, settings};
use crate::error::ConfigError;
use crate::tonic::guard::{Guard, Idempotent, Scope};
use crate::tonic::layer::GuardLayer;

/// Makes a [`GuardLayer`].
///
/// ```
/// use std::time::Duration;
/// use trifuse::Bulkhead;
/// use trifuse::tonic::{GuardLayer, Scope};
///
/// let layer = GuardLayer::builder()
///     .name("orders")
///     .scope(Scope::Service)
///     .bulkhead(Bulkhead::builder("any").limit(50))
///     .total_timeout(Duration::from_secs(10))
///     .idempotent(["/shop.Orders/Get", "/shop.Orders/List"])
///     .build()?;
/// # let _ = layer;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct GuardLayerBuilder {
    settings: Settings,
    scope: Scope,
    target: String,
    idempotent: Option<Arc<Idempotent>>,
    most_kept: usize,
}

settings! { GuardLayerBuilder, "method, service or target" }

impl GuardLayerBuilder {
    pub(crate) fn new() -> Self {
        let (settings, scope) = (Settings::new("grpc"), Scope::default());
        Self { settings, scope, target: String::new(), idempotent: None, most_kept: 1 << 20 }
    }

    /// What has policies of its own, by default each method.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Where the channel leads, for the names.
    ///
    /// ```
    /// use trifuse::tonic::{GuardLayer, Policies};
    /// let layer = GuardLayer::builder()
    ///     .target("orders:50051")
    ///     .host("orders:50051/shop.Orders/Get", Policies::new())
    ///     .build()?;
    /// let get = layer.breaker("orders:50051/shop.Orders/Get").unwrap();
    /// assert_eq!(get.name(), "grpc[orders:50051/shop.Orders/Get]");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    /// Policies of its own for a method, service or target, as [`scope`](Self::scope) has it: the target, if it has
    /// a name, and what the scope says. What they leave out has the defaults of [`Policies`].
    pub fn host(mut self, host: impl Into<String>, policies: Policies) -> Self {
        self.settings.own.push((host.into(), policies));
        self
    }

    /// The methods that mean the same when they are called twice, by their paths; none by default. Only methods
    /// with one request: it is read before anything is sent.
    pub fn idempotent<I>(self, methods: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let methods: std::collections::HashSet<String> = methods.into_iter().map(Into::into).collect();
        self.idempotent_if(move |path| methods.contains(path))
    }

    /// As [`idempotent`](Self::idempotent), by a function of the path.
    ///
    /// ```
    /// let layer = trifuse::tonic::GuardLayer::builder().idempotent_if(|path| path.contains("/Get")).build()?;
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn idempotent_if(mut self, test: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.idempotent = Some(Arc::new(test));
        self
    }

    /// Requests that are longer are sent once and not again, by default 1 MiB: what may be sent again is kept.
    pub fn most_kept(mut self, bytes: usize) -> Self {
        self.most_kept = bytes;
        self
    }

    /// Makes the layer.
    ///
    /// # Errors
    /// An empty name, or a setting out of its range.
    ///
    /// ```
    /// let error = trifuse::tonic::GuardLayer::builder().max_hosts(0).build().unwrap_err();
    /// assert_eq!(error.to_string(), "max_hosts = 0 is not allowed: at least 1");
    /// ```
    pub fn build(mut self) -> Result<GuardLayer, ConfigError> {
        let guard = Guard {
            name: self.settings.name.clone(),
            hosts: self.settings.hosts()?,
            retry: self.settings.retry()?,
            scope: self.scope,
            target: self.target,
            idempotent: self.idempotent,
            most_kept: self.most_kept,
            respect_retry_after: self.settings.respect_retry_after,
        };
        Ok(GuardLayer { guard: Arc::new(guard) })
    }
}
