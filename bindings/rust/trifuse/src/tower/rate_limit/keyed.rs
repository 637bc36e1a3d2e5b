// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt::{self, Display};
use std::hash::Hash;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::error::CallError;
use crate::keyed_limiters::KeyedRateLimiters;
use crate::tower::macros::inner;
use crate::tower::rate_limit::RateLimitFuture;
use crate::tower::readied::Readied;

/// A rate limit for each key of the requests, made by
/// [`RateLimitLayer::by_key`](crate::tower::RateLimitLayer::by_key).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::tower::{OperationLayer, RateLimitLayer};
/// use trifuse::{KeyedRateLimiters, RateLimiter};
///
/// let each = RateLimiter::per(1, Duration::from_secs(60));
/// let users = Arc::new(KeyedRateLimiters::<u64>::builder(each).build()?);
/// let service = ServiceBuilder::new()
///     .layer(RateLimitLayer::by_key(users, |user: &u64| *user))
///     .layer(OperationLayer)
///     .service(service_fn(|user: u64| async move { Ok::<_, std::io::Error>(user) }));
/// assert!(service.clone().oneshot(1).await.is_ok());
/// assert!(service.clone().oneshot(1).await.is_err());
/// assert!(service.oneshot(2).await.is_ok());
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
pub struct KeyedRateLimitLayer<K, F> {
    limiters: Arc<KeyedRateLimiters<K>>,
    key: F,
}

impl<K, F> KeyedRateLimitLayer<K, F> {
    pub(crate) fn new(limiters: Arc<KeyedRateLimiters<K>>, key: F) -> Self {
        Self { limiters, key }
    }
}

impl<K, F: Clone> Clone for KeyedRateLimitLayer<K, F> {
    fn clone(&self) -> Self {
        Self { limiters: self.limiters.clone(), key: self.key.clone() }
    }
}

impl<K, F> fmt::Debug for KeyedRateLimitLayer<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimitLayer").field("limiters", &self.limiters).finish_non_exhaustive()
    }
}

impl<S, K, F: Clone> Layer<S> for KeyedRateLimitLayer<K, F> {
    type Service = KeyedRateLimitService<S, K, F>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedRateLimitService { inner: Readied::new(inner), policy: self.clone() }
    }
}

/// The service of [`KeyedRateLimitLayer`].
pub struct KeyedRateLimitService<S, K, F> {
    inner: Readied<S>,
    policy: KeyedRateLimitLayer<K, F>,
}

inner! { KeyedRateLimitService<S, K, F> }

impl<S: Clone, K, F: Clone> Clone for KeyedRateLimitService<S, K, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), policy: self.policy.clone() }
    }
}

impl<S, R, K, F, E> Service<R> for KeyedRateLimitService<S, K, F>
where
    S: Service<R, Error = CallError<E>> + Clone,
    K: Hash + Eq + Clone + Display,
    F: Fn(&R) -> K,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = RateLimitFuture<S, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let limiter = self.policy.limiters.get(&(self.policy.key)(&request));
        RateLimitFuture::new(limiter, self.inner.oneshot(request))
    }
}
