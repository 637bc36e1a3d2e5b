// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::cache::result_cache::ResultCache;

/// A layer of tower that gives fresh answers from a cache, and keeps those of the service; see
/// [`ResultCache::layer`].
///
/// ```
/// use trifuse::cache::{CacheLayer, ResultCache};
/// let answers = ResultCache::<u8, u8>::builder("answers").build()?;
/// let layer = CacheLayer::new(answers, |request: &u8| Some(*request)).stale_if_error();
/// # let _ = layer;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct CacheLayer<K, V, F> {
    cache: ResultCache<K, V>,
    key: F,
    stale: bool,
}

impl<K, V, F> CacheLayer<K, V, F> {
    /// A layer of this cache; requests for which `key` says `None` pass by it.
    ///
    /// See [`CacheLayer`] for an example.
    pub fn new(cache: ResultCache<K, V>, key: F) -> Self {
        Self { cache, key, stale: false }
    }

    /// Gives a stale entry where the service fails.
    ///
    /// See [`CacheLayer`] for an example.
    #[must_use]
    pub fn stale_if_error(mut self) -> Self {
        self.stale = true;
        self
    }
}

impl<K, V> ResultCache<K, V> {
    /// A layer of tower: fresh answers come from here, those of the service are kept, and of several requests of one key
    /// at the same time one is passed on. `key` makes the key of a request; `None` passes it by. Put it outside of the
    /// circuit breaker, so that an open circuit does not keep fresh answers from their users.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    /// use trifuse::cache::ResultCache;
    ///
    /// let answers = ResultCache::<String, usize>::builder("answers").build()?;
    /// let service = ServiceBuilder::new()
    ///     .layer(answers.layer(|question: &String| Some(question.clone())))
    ///     .service(service_fn(|question: String| async move { Ok::<_, std::fmt::Error>(question.len()) }));
    /// assert_eq!(service.oneshot("why".to_owned()).await, Ok(3));
    /// assert_eq!(answers.get(&"why".to_owned()).await, Some(3));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer<F>(&self, key: F) -> CacheLayer<K, V, F> {
        CacheLayer::new(self.clone(), key)
    }
}

impl<S, K, V, F: Clone> Layer<S> for CacheLayer<K, V, F> {
    type Service = CacheService<S, K, V, F>;

    fn layer(&self, inner: S) -> Self::Service {
        CacheService { inner, layer: self.clone() }
    }
}

impl<K, V, F: Clone> Clone for CacheLayer<K, V, F> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), key: self.key.clone(), stale: self.stale }
    }
}

/// The service of a [`CacheLayer`]. It is always ready, since an answer from the cache needs nobody else: the service
/// within is waited for as a part of a call that needs it. Its future is boxed, and so has to be `Send`.
///
/// The error of the service within is cloned for those who waited for the same answer: where it cannot be, `map_err`
/// it into an `Arc`.
///
/// ```
/// use tower::{Layer, service_fn};
/// use trifuse::cache::{CacheService, ResultCache};
/// let answers = ResultCache::<u8, u8>::builder("answers").build()?;
/// let work = service_fn(|n: u8| async move { Ok::<_, std::fmt::Error>(n) });
/// let service: CacheService<_, u8, u8, _> = answers.layer(|n: &u8| Some(*n)).layer(work);
/// # let _ = service;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct CacheService<S, K, V, F> {
    inner: S,
    layer: CacheLayer<K, V, F>,
}

impl<S: Clone, K, V, F: Clone> Clone for CacheService<S, K, V, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, R, K, V, F> Service<R> for CacheService<S, K, V, F>
where
    S: Service<R, Response = V> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Clone + Send + Sync + 'static,
    R: Send + 'static,
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    F: Fn(&R) -> Option<K>,
{
    type Response = V;
    type Error = S::Error;
    type Future = CacheFuture<V, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (inner, key) = (self.inner.clone(), (self.layer.key)(&request));
        let (cache, stale) = (self.layer.cache.clone(), self.layer.stale);
        CacheFuture(Box::pin(async move {
            let Some(key) = key else { return passed(inner, request).await };
            let call = || passed(inner, request);
            let answer = if stale {
                cache.get_or_stale(key, call).await.map(|found| found.value)
            } else {
                cache.get_or_call(key, call).await
            };
            answer.map_err(Arc::unwrap_or_clone)
        }))
    }
}

async fn passed<S: Service<R>, R>(mut service: S, request: R) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

/// The future of a [`CacheService`].
#[must_use = "futures do nothing unless polled"]
pub struct CacheFuture<V, E>(Pin<Box<dyn Future<Output = Result<V, E>> + Send>>);

impl<V, E> Future for CacheFuture<V, E> {
    type Output = Result<V, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<V, E> fmt::Debug for CacheFuture<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheFuture").finish_non_exhaustive()
    }
}

impl<K, V, F> fmt::Debug for CacheLayer<K, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer").field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl<S, K, V, F> fmt::Debug for CacheService<S, K, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService").field("cache", &self.layer.cache).finish_non_exhaustive()
    }
}
