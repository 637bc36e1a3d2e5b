// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;

use ::axum::response::Response;

use crate::error::TimedOut;
use crate::refused::Refused;
use crate::text::Outcome;
use crate::text_refusal::PolicyKind;

type OfResponse = dyn Fn(&Response) -> Outcome + Send + Sync;

/// What a response means.
#[derive(Clone, Default)]
pub(crate) struct Judge(Option<Arc<OfResponse>>);

impl Judge {
    pub(crate) fn by(judge: impl Fn(&Response) -> Outcome + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(judge)))
    }

    /// To a circuit breaker, and to an adaptive limit.
    pub(crate) fn judge(&self, response: &Response) -> (Outcome, Outcome) {
        if response.extensions().get::<TimedOut>().is_some() {
            return (Outcome::Timeout, Outcome::Timeout);
        }
        match response.extensions().get::<Refused>() {
            Some(refused) if refused.policy == PolicyKind::CircuitBreaker => {
                return (Outcome::Failure, Outcome::Ignored);
            }
            Some(_) => return (Outcome::Ignored, Outcome::Ignored),
            None => {}
        }
        match &self.0 {
            Some(judge) => {
                let outcome = judge(response);
                (outcome, outcome)
            }
            None => match response.status().as_u16() {
                500.. => (Outcome::Failure, Outcome::Failure),
                400..=499 => (Outcome::Ignored, Outcome::Success),
                _ => (Outcome::Success, Outcome::Success),
            },
        }
    }
}
