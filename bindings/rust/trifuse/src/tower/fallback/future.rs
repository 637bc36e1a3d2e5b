// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::error::CallError;
use crate::fallback::Fallback;
use crate::fallback_level::{Answer, AtOnce, Later, remember};
use crate::tower::macros::opaque;
use crate::tower::oneshot::Oneshot;

pin_project! {
    /// The future of [`FallbackService`](crate::tower::FallbackService): calls the service, and then asks the
    /// levels in turn.
    #[must_use = "futures do nothing unless polled"]
    pub struct FallbackFuture<S, R, E, W = AtOnce>
    where
        S: Service<R>,
    {
        #[pin]
        oneshot: Oneshot<S, R>,
        answers: Answers<S::Response, E, W>,
    }
}

opaque! { FallbackFuture<S, R, E, W> where S: Service<R> }

impl<S: Service<R>, R, E, W> FallbackFuture<S, R, E, W> {
    pub(crate) fn new(fallback: Arc<Fallback<S::Response, E, W>>, oneshot: Oneshot<S, R>) -> Self {
        Self { oneshot, answers: Answers { fallback, error: None, level: 0, later: None } }
    }
}

/// How far the levels have been asked about an error.
struct Answers<T, E, W> {
    fallback: Arc<Fallback<T, E, W>>,
    error: Option<CallError<E>>,
    level: usize,
    later: Option<Later<T>>,
}

impl<T, E, W> Answers<T, E, W> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, CallError<E>>> {
        let error = self.error.as_ref().expect("polled after its end");
        while let Some(level) = self.fallback.levels.get(self.level) {
            let value = match (&mut self.later, &level.answer) {
                (Some(later), _) => ready!(later.as_mut().poll(cx)),
                (None, Answer::Now(answer)) => answer(error),
                (None, Answer::Later(answer)) => {
                    self.later = Some(answer(error));
                    continue;
                }
            };
            self.later = None;
            if let Some(value) = value {
                self.fallback.tell(self.level, error);
                return Poll::Ready(Ok(value));
            }
            self.level += 1;
        }
        remember(None);
        Poll::Ready(Err(self.error.take().expect("looked at above")))
    }
}

impl<S, R, E, W> Future for FallbackFuture<S, R, E, W>
where
    S: Service<R, Error = CallError<E>>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.answers.error.is_none() {
            match this.answers.fallback.asked(ready!(this.oneshot.poll(cx))) {
                Ok(error) => this.answers.error = Some(error),
                Err(result) => return Poll::Ready(result),
            }
        }
        this.answers.poll(cx)
    }
}
