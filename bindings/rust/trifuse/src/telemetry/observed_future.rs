// SPDX-License-Identifier: MIT OR Apache-2.0
//! Watching asynchronous calls. What is kept of a call is in one allocation, made only where it is watched.
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use crate::classify::Classifier;
use crate::error::CallError;
use crate::layer::{AsyncLayer, Next, classify};
use crate::telemetry::observed::Observed;
use crate::telemetry::observer::{Ended, ObservedCall, Observer, Watched};

impl<T, E, C, P, O> AsyncLayer<T, E, C> for Observed<P, O>
where
    C: Classifier<T, E> + Clone,
    P: AsyncLayer<T, E, C>,
    O: Observer<P>,
{
    async fn run_async<N: Next<T, E>>(self, classifier: C, next: N) -> Result<T, CallError<E>> {
        let Some(call) = self.observer.begin(&self.policy) else {
            return self.policy.run_async(classifier, next).await;
        };
        let watched = Arc::new(Watched::new(call));
        let abandoning = Abandoning(watched.clone());
        let passing = Passing { next, watched: watched.clone() };
        let mut running = pin!(self.policy.run_async(classifier.clone(), passing));
        let result = poll_fn(|cx| watched.call.within(|| running.as_mut().poll(cx))).await;
        let (verdict, result) = classify(&classifier, result);
        abandoning.0.end(Ended::of(verdict.outcome(), &result));
        result
    }
}

struct Abandoning<C: ObservedCall>(Arc<Watched<C>>);

impl<C: ObservedCall> Drop for Abandoning<C> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// What is within the policy, which tells when it is started.
struct Passing<N, C: ObservedCall> {
    next: N,
    watched: Arc<Watched<C>>,
}

impl<N: Clone, C: ObservedCall> Clone for Passing<N, C> {
    fn clone(&self) -> Self {
        Self { next: self.next.clone(), watched: self.watched.clone() }
    }
}

impl<T, E, N: Next<T, E>, C: ObservedCall> Next<T, E> for Passing<N, C> {
    async fn start(self) -> Result<T, CallError<E>> {
        self.watched.call.passed();
        self.next.start().await
    }
}
