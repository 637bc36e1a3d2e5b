// SPDX-License-Identifier: MIT OR Apache-2.0

/// How a request is made again, for layers that may call the service more than once. Closures from `&R`
/// to `Option<R>` are such; `None`: this one cannot be made again, so it is called once.
///
/// ```
/// use trifuse::Retry;
/// use trifuse::tower::RetryLayer;
///
/// struct Request { idempotent: bool, body: Option<Vec<u8>> } // `None`: a stream that is read once
///
/// let layer = RetryLayer::new(Retry::builder("search").build()?).clone_with(|request: &Request| {
///     let body = request.body.clone().filter(|_| request.idempotent)?;
///     Some(Request { idempotent: true, body: Some(body) })
/// });
/// # let _ = layer;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub trait CloneRequest<R> {
    /// The same request once more, if there can be one.
    ///
    /// ```
    /// use trifuse::tower::{CloneRequest, Cloned};
    /// assert_eq!(Cloned.clone_request(&7), Some(7));
    /// ```
    fn clone_request(&self, request: &R) -> Option<R>;
}

/// Every request is made again by its `Clone`.
///
/// ```
/// use trifuse::tower::{CloneRequest, Cloned};
/// assert_eq!(Cloned.clone_request(&"what"), Some("what"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Cloned;

impl<R: Clone> CloneRequest<R> for Cloned {
    fn clone_request(&self, request: &R) -> Option<R> {
        Some(request.clone())
    }
}

impl<F, R> CloneRequest<R> for F
where
    F: Fn(&R) -> Option<R>,
{
    fn clone_request(&self, request: &R) -> Option<R> {
        self(request)
    }
}
