// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking the levels of a fallback in turn.
use std::sync::atomic::Ordering;

use crate::error::CallError;
use crate::fallback::Fallback;
use crate::fallback_level::{Answer, Answered, remember};
#[cfg(feature = "tokio")]
use crate::fallback_level::{AtOnce, MayWait};
#[cfg(feature = "tokio")]
use crate::layer::{AsyncLayer, Next};
use crate::layer::{Layer, Reply};

impl<T, E, W> Fallback<T, E, W> {
    /// The error that is to be answered; what is not, is the result.
    pub(crate) fn asked(
        &self,
        result: Result<T, CallError<E>>,
    ) -> Result<CallError<E>, Result<T, CallError<E>>> {
        match result {
            Err(error) if self.on.as_ref().is_none_or(|on| on(&error)) => Ok(error),
            result => {
                remember(None);
                Err(result)
            }
        }
    }

    /// The level at this index has answered: everybody is told.
    pub(crate) fn tell(&self, index: usize, error: &CallError<E>) {
        let level = &self.levels[index];
        level.answers.fetch_add(1, Ordering::Relaxed);
        for listener in &self.heard {
            let tell = std::panic::AssertUnwindSafe(|| listener(level.name, error));
            let _ = std::panic::catch_unwind(tell);
        }
        remember(Some(Answered { name: self.name.clone(), level: index + 1, fallback: level.name }));
    }

    pub(crate) async fn answered_async(&self, result: Result<T, CallError<E>>) -> Result<T, CallError<E>> {
        let error = match self.asked(result) {
            Ok(error) => error,
            Err(result) => return result,
        };
        for (index, level) in self.levels.iter().enumerate() {
            let value = match &level.answer {
                Answer::Now(answer) => answer(&error),
                Answer::Later(answer) => answer(&error).await,
            };
            if let Some(value) = value {
                self.tell(index, &error);
                return Ok(value);
            }
        }
        remember(None);
        Err(error)
    }
}

impl<T, E> Fallback<T, E> {
    pub(crate) fn answered(&self, result: Result<T, CallError<E>>) -> Result<T, CallError<E>> {
        let error = match self.asked(result) {
            Ok(error) => error,
            Err(result) => return result,
        };
        for (index, level) in self.levels.iter().enumerate() {
            let Answer::Now(answer) = &level.answer else { continue }; // by its type there is no other
            if let Some(value) = answer(&error) {
                self.tell(index, &error);
                return Ok(value);
            }
        }
        remember(None);
        Err(error)
    }
}

impl<T, E, C> Layer<T, E, C> for Fallback<T, E> {
    fn run(&self, _: &C, mut next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
        let Reply { result, late } = next();
        Reply { result: self.answered(result), late }
    }
}

/// Apart from the one that may wait: its future holds no error.
#[cfg(feature = "tokio")]
impl<T, E, C> AsyncLayer<T, E, C> for Fallback<T, E, AtOnce> {
    async fn run_async<N: Next<T, E>>(self, _: C, next: N) -> Result<T, CallError<E>> {
        self.answered(next.start().await)
    }
}

#[cfg(feature = "tokio")]
impl<T, E, C> AsyncLayer<T, E, C> for Fallback<T, E, MayWait> {
    async fn run_async<N: Next<T, E>>(self, _: C, next: N) -> Result<T, CallError<E>> {
        self.answered_async(next.start().await).await
    }
}
