// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two attempts at one call.
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::hedge::Hedge;
use crate::layer::{AsyncLayer, Failure, Fallible, Next, Operation, Value, classify};
use crate::text::Outcome;

impl Hedge {
    /// Makes a call, and the same a second time where it takes long. The operation is a function of a future
    /// of a `Result`, which is what comes of the call.
    ///
    /// The first success wins. An attempt that fails while the other runs is waited out; where both fail
    /// the first error is returned. A call that fails before the second attempt began is not tried again:
    /// that is what a [`Retry`](crate::Retry) is for.
    ///
    /// # Cancel safety
    /// Dropped, both attempts are dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its timer on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use std::time::Duration;
    /// let hedge = trifuse::Hedge::after("search", Duration::from_millis(50)).build()?;
    /// assert_eq!(hedge.call_async(|| async { Ok::<_, ()>(1) }).await, Ok(1));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn call_async<F, A>(
        &self,
        operation: F,
    ) -> impl Future<Output = Result<Value<A>, Failure<A>>> + use<F, A>
    where
        F: Fn() -> A,
        A: Future<Output: Fallible>,
    {
        let hedge = self.clone();
        async move {
            match hedge.run_async(ErrIsFailure, Operation(Arc::new(operation))).await {
                Err(CallError::Operation(error)) => Err(error),
                Ok(value) => Ok(value),
                Err(_) => unreachable!("nothing within refuses or times out"),
            }
        }
    }
}

/// An attempt's result, and whether it is a success; one that a policy within refused is none.
pub(crate) fn judged<T, E, C: Classifier<T, E>>(
    classifier: &C,
    result: Result<T, CallError<E>>,
) -> (bool, Result<T, CallError<E>>) {
    let (verdict, result) = classify(classifier, result);
    let refused = matches!(result, Err(CallError::Refused(_)));
    (!refused && matches!(verdict.outcome(), Outcome::Success | Outcome::Ignored), result)
}

impl<T, E, C: Classifier<T, E>> AsyncLayer<T, E, C> for Hedge {
    async fn run_async<N: Next<T, E>>(self, classifier: C, next: N) -> Result<T, CallError<E>> {
        let classifier = &classifier;
        self.shared.budget.deposit();
        let began = self.began();
        let mut first = pin!(next.clone().start());
        if let Some(result) = until(self.delay(), first.as_mut()).await {
            let (good, result) = judged(classifier, result);
            if good {
                self.ended(began);
            }
            return result;
        }
        if !self.shared.budget.try_withdraw() {
            let (good, result) = judged(classifier, first.await);
            if good {
                self.ended(began);
            }
            return result;
        }
        let hedged = self.began();
        let second = pin!(next.start());
        let (good, second_won, result) = race(classifier, first, second).await;
        if good {
            self.ended(if second_won { hedged } else { began });
        }
        result
    }
}

/// Runs a future for so long; `None`: it has not ended.
async fn until<A: Future>(wait: Option<Duration>, future: std::pin::Pin<&mut A>) -> Option<A::Output> {
    match wait {
        Some(wait) => tokio::time::timeout(wait, future).await.ok(),
        None => Some(future.await),
    }
}

/// The first success of two, or the first error once both have failed; whether it is a success, and the
/// second's.
async fn race<T, E, C, A>(
    classifier: &C,
    mut first: std::pin::Pin<&mut A>,
    mut second: std::pin::Pin<&mut A>,
) -> (bool, bool, Result<T, CallError<E>>)
where
    C: Classifier<T, E>,
    A: Future<Output = Result<T, CallError<E>>>,
{
    let mut failed: Option<(bool, Result<T, CallError<E>>)> = None;
    std::future::poll_fn(move |cx| {
        for is_second in [false, true] {
            if failed.as_ref().is_some_and(|(which, _)| *which == is_second) {
                continue;
            }
            let attempt = if is_second { second.as_mut() } else { first.as_mut() };
            if let Poll::Ready(result) = attempt.poll(cx) {
                let (good, result) = judged(classifier, result);
                if good {
                    return Poll::Ready((true, is_second, result));
                }
                match failed.take() {
                    Some((which, earlier)) => return Poll::Ready((false, which, earlier)),
                    None => failed = Some((is_second, result)),
                }
            }
        }
        Poll::Pending
    })
    .await
}
