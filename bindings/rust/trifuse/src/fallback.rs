// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::CallError;
use crate::fallback_level::{Answer, AtOnce, Level, MayWait};
use crate::name::Name;

/// An answer in place of an error: several levels in turn, until one of them has an answer.
///
/// A level is a function of the error that may have an answer (a cached result, a simpler rule, a friendly
/// message); the last is mostly a plain value. Each is given the error of the call itself, never one of
/// another level; where none has an answer that error is returned. A level that has to wait, such as a
/// spare service, is a [`level_async`](Self::level_async), and makes it a fallback of asynchronous calls
/// only. Which level answered is in [`last_fallback`](crate::last_fallback), in
/// [`answers`](Self::answers), and told to [`on_answer`](Self::on_answer).
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
pub struct Fallback<T, E, W = AtOnce> {
    pub(crate) name: Name,
    pub(crate) levels: Vec<Level<T, E>>,
    pub(crate) on: Option<Chosen<E>>,
    pub(crate) heard: Vec<Heard<E>>,
    waits: PhantomData<fn() -> W>,
}

type Chosen<E> = Arc<dyn Fn(&CallError<E>) -> bool + Send + Sync>;
type Heard<E> = Arc<dyn Fn(&'static str, &CallError<E>) + Send + Sync>;

impl<T, E> Fallback<T, E> {
    /// Starts one without levels.
    ///
    /// ```
    /// let fallback = trifuse::Fallback::<u8, ()>::new("search").value(0);
    /// assert_eq!(fallback.call(|| Err(())), Ok(0));
    /// ```
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), levels: Vec::new(), on: None, heard: Vec::new(), waits: PhantomData }
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
}

impl<T, E, W> Fallback<T, E, W> {
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
        self.levels.push(Level::new(name, Answer::Now(Arc::new(answer))));
        self
    }

    /// The next level, as [`level`](Self::level), that may wait: a spare service, a cache over the network.
    /// The fallback then is one of asynchronous calls only. Its future is boxed, and only made when a call
    /// has failed and no level before it has answered; dropping the call drops it.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use trifuse::{CallError, Fallback};
    ///
    /// async fn spare_model() -> Result<&'static str, std::io::Error> {
    ///     Ok("a shorter answer")
    /// }
    ///
    /// let fallback = Fallback::new("model")
    ///     .level_async("spare model", |_: &CallError<std::io::Error>| async { spare_model().await.ok() })
    ///     .value("please try again later");
    /// let answer = fallback.call_async(async { Err(std::io::Error::other("down")) }).await;
    /// assert_eq!(answer.unwrap(), "a shorter answer");
    /// # });
    /// ```
    pub fn level_async<A>(
        self,
        name: &'static str,
        answer: impl Fn(&CallError<E>) -> A + Send + Sync + 'static,
    ) -> Fallback<T, E, MayWait>
    where
        A: Future<Output = Option<T>> + Send + 'static,
    {
        let Self { name: own, mut levels, on, heard, .. } = self;
        let boxed =
            move |error: &CallError<E>| -> crate::fallback_level::Later<T> { Box::pin(answer(error)) };
        levels.push(Level::new(name, Answer::Later(Arc::new(boxed))));
        Fallback { name: own, levels, on, heard, waits: PhantomData }
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
        self.levels.iter().map(|level| level.name).collect()
    }

    /// How many calls each level has answered, those of clones with them.
    ///
    /// ```
    /// let fallback = trifuse::Fallback::<_, ()>::new("search").level("cache", |_| None).value(7);
    /// assert_eq!(fallback.call(|| Err(())), Ok(7));
    /// assert_eq!(fallback.answers(), [("cache", 0), ("value", 1)]);
    /// ```
    #[must_use]
    pub fn answers(&self) -> Vec<(&'static str, u64)> {
        self.levels.iter().map(|level| (level.name, level.count())).collect()
    }

    /// Makes an asynchronous call, and answers its error.
    ///
    /// # Cancel safety
    /// Dropped, the operation is dropped, or the level that is waiting.
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
        A: Future<Output = Result<T, E>>,
    {
        self.answered_async(operation.await.map_err(CallError::Operation)).await
    }
}

impl<T, E, W> Clone for Fallback<T, E, W> {
    fn clone(&self) -> Self {
        let Self { name, levels, on, heard, waits } = self;
        let (levels, on) = (levels.clone(), on.clone());
        Self { name: name.clone(), levels, on, heard: heard.clone(), waits: *waits }
    }
}

impl<T, E, W> std::fmt::Debug for Fallback<T, E, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fallback").field("name", &self.name).field("levels", &self.levels()).finish()
    }
}
