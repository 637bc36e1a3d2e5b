// SPDX-License-Identifier: MIT OR Apache-2.0
//! A retry within a pipeline: judged by the pipeline's classifier. Refusals of policies within are not
//! retried.
use std::time::Duration;

use crate::classify::Classifier;
use crate::error::CallError;
#[cfg(feature = "tokio")]
use crate::layer::{AsyncLayer, Next};
use crate::layer::{Layer, Reply, classify};
use crate::retry::{Progress, Retry, RetryShared};
use crate::scope::{Retrying, Scope};
use crate::text::Outcome;

impl RetryShared {
    /// The delay before the next attempt, if there is to be one, and the result of this one. A result that
    /// came too late but came is kept.
    pub(crate) fn after<T, E>(
        &self,
        progress: &mut Progress,
        classifier: &impl Classifier<T, E>,
        result: Result<T, CallError<E>>,
    ) -> (Option<Duration>, Result<T, CallError<E>>) {
        let (verdict, result) = classify(classifier, result);
        let failed = matches!(verdict.outcome(), Outcome::Failure | Outcome::Timeout);
        let again = failed && verdict.may_retry();
        let delay = if again { self.next(progress, verdict.trip_for()).ok() } else { None };
        if delay.is_none() {
            self.raw.settle(progress.call.retries, !failed && result.is_ok());
        }
        (delay, result)
    }

    /// Counts a call that is not made again whatever came of it.
    #[cfg(feature = "tower")]
    pub(crate) fn last<T, E>(
        &self,
        progress: &Progress,
        classifier: &impl Classifier<T, E>,
        result: Result<T, CallError<E>>,
    ) -> Result<T, CallError<E>> {
        let (verdict, result) = classify(classifier, result);
        let failed = matches!(verdict.outcome(), Outcome::Failure | Outcome::Timeout);
        self.raw.settle(progress.call.retries, !failed && result.is_ok());
        result
    }
}

impl<T, E, C: Classifier<T, E>> Layer<T, E, C> for Retry {
    fn run(&self, classifier: &C, mut next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
        let mut progress = self.shared.begin();
        let mut scope = Retrying::new();
        loop {
            let Reply { result, late } = scope.run(&mut next);
            let (delay, result) = self.shared.after(&mut progress, classifier, result);
            match delay {
                Some(delay) => self.shared.clock.sleep(delay),
                None => return Reply { result, late },
            }
        }
    }
}

#[cfg(feature = "tokio")]
impl<T, E, C: Classifier<T, E>> AsyncLayer<T, E, C> for Retry {
    async fn run_async<N: Next<T, E>>(self, classifier: C, next: N) -> Result<T, CallError<E>> {
        let mut progress = self.shared.begin();
        loop {
            let attempt = crate::scope::Scoped::new(Retrying::new(), || next.clone().start());
            let result = attempt.await;
            match self.shared.after(&mut progress, &classifier, result) {
                (Some(Duration::ZERO), _) => tokio::task::yield_now().await,
                (Some(delay), _) => tokio::time::sleep(delay).await,
                (None, result) => return result,
            }
        }
    }
}
