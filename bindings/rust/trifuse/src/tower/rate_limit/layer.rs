// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;

use tower_layer::Layer;

use crate::keyed_limiters::KeyedRateLimiters;
use crate::limiter::RateLimiter;
use crate::tower::rate_limit::{KeyedRateLimitLayer, RateLimitService};

/// A rate limit around a service: a call takes a token; it waits for one at most the limiter's `max_wait`,
/// first come first served, and is refused at once where none is set or the wait would be longer.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::tower::{OperationLayer, RateLimitLayer};
/// use trifuse::{CallError, Clock, RateLimiter};
///
/// let limiter = RateLimiter::per(1, Duration::from_secs(10)).max_wait(Duration::from_secs(15));
/// let limiter = limiter.clock(Clock::Tokio).build()?; // for tokio's paused time
/// let service = ServiceBuilder::new()
///     .layer(RateLimitLayer::new(limiter))
///     .layer(OperationLayer)
///     .service(service_fn(|n: u8| async move { Ok::<_, std::io::Error>(n) }));
/// assert_eq!(service.clone().oneshot(1).await.unwrap(), 1);
/// assert_eq!(service.clone().oneshot(2).await.unwrap(), 2); // 10 s later
/// let (waits, refused) = tokio::join!(service.clone().oneshot(3), service.oneshot(4));
/// assert!(waits.is_ok() && matches!(refused, Err(CallError::Refused(_))));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct RateLimitLayer {
    limiter: RateLimiter,
}

impl RateLimitLayer {
    /// With this limiter.
    pub fn new(limiter: RateLimiter) -> Self {
        Self { limiter }
    }

    /// With a limiter for each key of the requests, of a bounded number.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use trifuse::{KeyedRateLimiters, RateLimiter};
    /// use trifuse::tower::RateLimitLayer;
    ///
    /// struct Request { user: u64 }
    ///
    /// let users = Arc::new(KeyedRateLimiters::<u64>::builder(RateLimiter::per_second(5.0)).build()?);
    /// let layer = RateLimitLayer::by_key(users, |request: &Request| request.user);
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn by_key<K, F>(limiters: Arc<KeyedRateLimiters<K>>, key: F) -> KeyedRateLimitLayer<K, F> {
        KeyedRateLimitLayer::new(limiters, key)
    }

    /// The limiter.
    pub fn limiter(&self) -> &RateLimiter {
        &self.limiter
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService::new(inner, self.limiter.clone())
    }
}

impl RateLimiter {
    /// This limiter as a layer of tower.
    ///
    /// ```
    /// let limiter = trifuse::RateLimiter::per_second(5.0).build()?;
    /// let layer = limiter.layer();
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer(&self) -> RateLimitLayer {
        RateLimitLayer::new(self.clone())
    }
}
