// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::classify::{Classification, Classifier};
use crate::error::CallError;
use crate::layer::classify;
use crate::layer_once::{Judged, seen, verdict};

pin_project! {
    /// A call whose result is judged as a circuit breaker sees it.
    pub(crate) struct Judging<F, C> {
        #[pin]
        future: F,
        classifier: C,
    }
}

impl<F, C> Judging<F, C> {
    pub(crate) fn new(future: F, classifier: C) -> Self {
        Self { future, classifier }
    }
}

impl<F, C, T, E> Future for Judging<F, C>
where
    F: Future<Output = Result<T, CallError<E>>>,
    C: Classifier<T, E>,
{
    type Output = Judged<Result<T, CallError<E>>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (verdict, result) = classify(this.classifier, ready!(this.future.poll(cx)));
        Poll::Ready(Ok((seen(verdict, &result), result)))
    }
}

/// The classifier of what was judged already.
pub(crate) struct Verdict;

impl<R> Classifier<(Classification, R), std::convert::Infallible> for Verdict {
    fn classify(&self, judged: &Judged<R>) -> Classification {
        verdict(judged)
    }
}
