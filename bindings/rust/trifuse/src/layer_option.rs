// SPDX-License-Identifier: MIT OR Apache-2.0
//! A policy that may be left out of a pipeline.
#[cfg(feature = "tokio")]
use crate::error::CallError;
#[cfg(feature = "tokio")]
use crate::layer::{AsyncLayer, Next};
use crate::layer::{Describe, Layer, PolicyDescription, Reply};

impl<P: Describe> Describe for Option<P> {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        if let Some(policy) = self {
            policy.describe_into(all);
        }
    }
}

impl<T, E, C, P: Layer<T, E, C>> Layer<T, E, C> for Option<P> {
    #[inline]
    fn run(&self, classifier: &C, mut next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
        match self {
            Some(policy) => policy.run(classifier, next),
            None => next(),
        }
    }
}

#[cfg(feature = "tokio")]
impl<T, E, C, P: AsyncLayer<T, E, C>> AsyncLayer<T, E, C> for Option<P> {
    async fn run_async<N: Next<T, E>>(self, classifier: C, next: N) -> Result<T, CallError<E>> {
        match self {
            Some(policy) => policy.run_async(classifier, next).await,
            None => next.start().await,
        }
    }
}
