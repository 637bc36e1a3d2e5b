// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::classify::Classifier;
use crate::error::CallError;
use crate::hedge::Hedge;
use crate::hedge_run::judged;

/// What has come of two attempts so far.
pub(super) struct Race<T, E> {
    hedge: Hedge,
    /// When each began, for the quantile.
    began: [u64; 2],
    /// The first error, while the other attempt runs.
    failed: Option<Result<T, E>>,
}

impl<T, E> Race<T, E> {
    pub(super) fn new(hedge: Hedge) -> Self {
        Self { hedge, began: [0; 2], failed: None }
    }

    pub(super) fn hedge(&self) -> &Hedge {
        &self.hedge
    }

    pub(super) fn begin(&mut self, attempt: usize) {
        self.began[attempt] = self.hedge.began();
    }
}

impl<T, E> Race<T, CallError<E>> {
    /// An attempt has ended; the result of the call, where `alone` nothing else runs. Of two errors the
    /// first stays.
    pub(super) fn ended(
        &mut self,
        attempt: usize,
        alone: bool,
        classifier: &impl Classifier<T, E>,
        result: Result<T, CallError<E>>,
    ) -> Option<Result<T, CallError<E>>> {
        let (good, result) = judged(classifier, result);
        if good {
            self.hedge.ended(self.began[attempt]);
            return Some(result);
        }
        let first = self.failed.take().unwrap_or(result);
        if alone {
            return Some(first);
        }
        self.failed = Some(first);
        None
    }
}
