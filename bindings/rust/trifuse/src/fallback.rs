// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;

use crate::error::CallError;
#[cfg(feature = "tokio")]
use crate::layer::{AsyncLayer, Next};
use crate::layer::{Layer, Reply};
use crate::name::Name;

/// An answer in place of an error: several levels in turn, until one of them has an answer.
///
/// A level is a function of the error that may have an answer (a cached result, a simpler rule, a friendly
/// message); the last is mostly a plain value. Where none has, the error itself is returned. Levels do not
/// wait: for a spare service, make the call in a `match` on the result.
///
/// ```
/// use trifuse::{CallError, Fallback};
///
/// let cached = |_: &CallError<std::io::Error>| None; // nothing in the cache
/// let fallback = Fallback::new("search").level("cache", cached).value("please try again later");
/// let answer = fallback.call(|| Err(std::io::Error::other("down")));
/// assert_eq!(answer.unwrap(), "please try again later");
/// ```
#[must_use]
pub struct Fallback<T, E> {
    pub(crate) name: Name,
    levels: Vec<(&'static str, Level<T, E>)>,
    on: Option<Answered<E>>,
    heard: Vec<Heard<E>>,
}

type Level<T, E> = Arc<dyn Fn(&CallError<E>) -> Option<T> + Send + Sync>;
type Answered<E> = Arc<dyn Fn(&CallError<E>) -> bool + Send + Sync>;
type Heard<E> = Arc<dyn Fn(&'static str, &CallError<E>) + Send + Sync>;

impl<T, E> Fallback<T, E> {
    /// Starts one without levels.
    ///
    /// ```
    /// let fallback = trifuse::Fallback::<u8, ()>::new("search").value(0);
    /// assert_eq!(fallback.call(|| Err(())), Ok(0));
    /// ```
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), levels: Vec::new(), on: None, heard: Vec::new() }
    }

    /// The next level: its name for logs, and a function that may have an answer.
    ///
    /// ```
    /// use trifuse::{CallError, Fallback};
    /// let refused = |error: &CallError<()>| error.refused().map(|refused| refused.to_string());
    /// let fallback = Fallback::new("search").level("explanation", refused);
    /// assert!(fallback.call(|| Err(())).is_err());
    /// ```
    pub fn level(
        mut self,
        name: &'static str,
        answer: impl Fn(&CallError<E>) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        self.levels.push((name, Arc::new(answer)));
        self
    }

    /// The last level: a value.
    ///
    /// ```
    /// let fallback = trifuse::Fallback::<_, ()>::new("search").value(7);
    /// assert_eq!(fallback.call(|| Err(())), Ok(7));
    /// ```
    pub fn value(self, value: T) -> Self
    where
        T: Clone + Send + Sync + 'static,
    {
        self.level("value", move |_| Some(value.clone()))
    }

    /// Answers only the errors that `on` says yes to; by default all.
    ///
    /// ```
    /// use trifuse::{CallError, Fallback};
    /// let fallback = Fallback::new("search").value(0).on(|e: &CallError<u16>| e != &CallError::Operation(404));
    /// assert_eq!(fallback.call(|| Err(404)), Err(CallError::Operation(404)));
    /// ```
    pub fn on(mut self, on: impl Fn(&CallError<E>) -> bool + Send + Sync + 'static) -> Self {
        self.on = Some(Arc::new(on));
        self
    }

    /// Calls `listener` with the name of the level that answered and the error it answered; a panic of it
    /// is caught.
    ///
    /// ```
    /// let fallback = trifuse::Fallback::<_, ()>::new("search")
    ///     .value(7)
    ///     .on_answer(|level, _error| assert_eq!(level, "value"));
    /// assert_eq!(fallback.call(|| Err(())), Ok(7));
    /// ```
    pub fn on_answer(
        mut self,
        listener: impl Fn(&'static str, &CallError<E>) + Send + Sync + 'static,
    ) -> Self {
        self.heard.push(Arc::new(listener));
        self
    }

    /// The names of the levels, the first first.
    ///
    /// ```
    /// assert_eq!(trifuse::Fallback::<_, ()>::new("search").value(7).levels(), ["value"]);
    /// ```
    #[must_use]
    pub fn levels(&self) -> Vec<&'static str> {
        self.levels.iter().map(|(name, _)| *name).collect()
    }

    /// Makes a call, and answers its error.
    ///
    /// # Errors
    /// The operation's own, where no level has an answer.
    ///
    /// ```
    /// let fallback = trifuse::Fallback::new("search").value(7);
    /// assert_eq!(fallback.call(|| "x".parse::<u8>()), Ok(7));
    /// ```
    pub fn call(&self, operation: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.answered(operation().map_err(CallError::Operation))
    }

    /// Makes an asynchronous call, and answers its error.
    ///
    /// # Cancel safety
    /// Dropped, the operation is dropped.
    ///
    /// # Errors
    /// The operation's own, where no level has an answer.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let fallback = trifuse::Fallback::new("search").value(7);
    /// assert_eq!(fallback.call_async(async { Err(()) }).await, Ok(7));
    /// # });
    /// ```
    pub async fn call_async<A>(&self, operation: A) -> Result<T, CallError<E>>
    where
        A: std::future::Future<Output = Result<T, E>>,
    {
        self.answered(operation.await.map_err(CallError::Operation))
    }

    pub(crate) fn answered(&self, result: Result<T, CallError<E>>) -> Result<T, CallError<E>> {
        let Err(error) = result else { return result };
        if self.on.as_ref().is_some_and(|on| !on(&error)) {
            return Err(error);
        }
        for (name, answer) in &self.levels {
            if let Some(value) = answer(&error) {
                for listener in &self.heard {
                    let tell = std::panic::AssertUnwindSafe(|| listener(name, &error));
                    let _ = std::panic::catch_unwind(tell);
                }
                return Ok(value);
            }
        }
        Err(error)
    }
}

impl<T, E> Clone for Fallback<T, E> {
    fn clone(&self) -> Self {
        let Self { name, levels, on, heard } = self;
        Self { name: name.clone(), levels: levels.clone(), on: on.clone(), heard: heard.clone() }
    }
}

impl<T, E> std::fmt::Debug for Fallback<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fallback").field("name", &self.name).field("levels", &self.levels()).finish()
    }
}

impl<T, E, C> Layer<T, E, C> for Fallback<T, E> {
    fn run(&self, _: &C, mut next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
        let Reply { result, late } = next();
        Reply { result: self.answered(result), late }
    }
}

#[cfg(feature = "tokio")]
impl<T, E, C> AsyncLayer<T, E, C> for Fallback<T, E> {
    async fn run_async<N: Next<T, E>>(self, _: C, next: N) -> Result<T, CallError<E>> {
        self.answered(next.start().await)
    }
}
