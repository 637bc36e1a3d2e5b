// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::CallError;

pin_project! {
    /// The future of [`OperationService`](crate::tower::OperationService).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct OperationFuture<F> {
        #[pin]
        future: F,
    }
}

impl<F> OperationFuture<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F, T, E> Future for OperationFuture<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(cx).map_err(CallError::Operation)
    }
}
