// SPDX-License-Identifier: MIT OR Apache-2.0
//! A call that has a place, of a bulkhead or an adaptive limit.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::classify::Classifier;
use crate::error::CallError;
use crate::layer::classify;
use crate::places::{Enter, Held, Holder, Places};
use crate::refused::Refused;
use crate::tower::oneshot::Oneshot;

pin_project! {
    pub(crate) struct Placed<S, R, C>
    where
        S: Service<R>,
    {
        stage: Stage,
        #[pin]
        enter: Option<Enter<Arc<Places>>>,
        #[pin]
        oneshot: Oneshot<S, R>,
        classifier: C,
    }
}

enum Stage {
    Before(Arc<Places>),
    Held(Held<'static>),
    /// Meanwhile, and in the end.
    Over,
}

impl<S: Service<R>, R, C> Placed<S, R, C> {
    pub(crate) fn new(places: Arc<Places>, classifier: C, oneshot: Oneshot<S, R>) -> Self {
        Self { stage: Stage::Before(places), enter: None, oneshot, classifier }
    }
}

/// At once or never, or in line where that is configured.
fn take_place(
    places: &Arc<Places>,
    mut enter: Pin<&mut Option<Enter<Arc<Places>>>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Refused>> {
    if places.max_queue == 0 {
        return Poll::Ready(places.try_take());
    }
    if enter.is_none() {
        enter.set(Some(Enter::new(places.clone())));
    }
    let entered = ready!(enter.as_mut().as_pin_mut().expect("just made").poll(cx));
    enter.set(None);
    Poll::Ready(entered)
}

impl<S, R, C, E> Future for Placed<S, R, C>
where
    S: Service<R, Error = CallError<E>>,
    C: Classifier<S::Response, E>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Stage::Before(places) = this.stage {
            if let Err(refused) = ready!(take_place(places, this.enter, cx)) {
                *this.stage = Stage::Over;
                this.oneshot.set(Oneshot::Over);
                return Poll::Ready(Err(refused.into()));
            }
        }
        // Taken out, so that a panic drops it here.
        let held = match std::mem::replace(this.stage, Stage::Over) {
            Stage::Before(places) => Held::new(Holder::Owned(places)),
            Stage::Held(held) => held,
            Stage::Over => panic!("polled after its end"),
        };
        let Poll::Ready(result) = this.oneshot.poll(cx) else {
            *this.stage = Stage::Held(held);
            return Poll::Pending;
        };
        let (verdict, result) = classify(this.classifier, result);
        held.report(verdict.outcome());
        Poll::Ready(result)
    }
}
