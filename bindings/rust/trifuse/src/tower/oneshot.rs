// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::tower::readied::Readied;

pin_project! {
    /// One call of a service, begun when it is first polled.
    #[project = Stage]
    pub(crate) enum Oneshot<S, R>
    where
        S: Service<R>,
    {
        Before { service: Readied<S>, request: Option<R> },
        Called { #[pin] future: S::Future },
        Over,
    }
}

impl<S: Service<R>, R> Oneshot<S, R> {
    pub(crate) fn new(service: Readied<S>, request: R) -> Self {
        Self::Before { service, request: Some(request) }
    }
}

impl<S: Service<R>, R> Future for Oneshot<S, R> {
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project() {
                Stage::Called { future } => {
                    let result = ready!(future.poll(cx));
                    self.set(Self::Over);
                    return Poll::Ready(result);
                }
                Stage::Over => panic!("polled after its end"),
                Stage::Before { service, request } => {
                    if let Err(error) = ready!(service.until_ready(cx)) {
                        self.set(Self::Over);
                        return Poll::Ready(Err(error));
                    }
                    let future = service.call(request.take().expect("there until the end"));
                    self.set(Self::Called { future });
                }
            }
        }
    }
}
