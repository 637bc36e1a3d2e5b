// SPDX-License-Identifier: MIT OR Apache-2.0
//! tower's own layers. It has no circuit breaker.
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};
use tower::{ServiceBuilder, limit, load_shed, retry as retries, timeout as timeouts};

use crate::{Subject, Work};

const NAME: &str = "tower";
const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Attempts {
    left: u32,
    budget: Option<Arc<TpsBudget>>,
}

impl<E> Policy<(), u64, E> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut (), result: &mut Result<u64, E>) -> Option<Ready<()>> {
        let budget = self.budget.as_ref();
        if result.is_ok() {
            budget.inspect(|budget| budget.deposit());
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        budget.is_none_or(|budget| budget.withdraw()).then(|| ready(()))
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}

fn attempts() -> Attempts {
    Attempts { left: 3, budget: None }
}

pub fn rate_limit() -> Subject {
    Subject::new(NAME, limit::RateLimit::new(Work, limit::rate::Rate::new(1_000_000_000, SECOND)))
}

pub fn concurrency() -> Subject {
    Subject::new(NAME, limit::ConcurrencyLimit::new(Work, 100))
}

/// What refuses instead of waiting.
pub fn shedding() -> Subject {
    Subject::new("tower, load shed", load_shed::LoadShed::new(limit::ConcurrencyLimit::new(Work, 100)))
}

pub fn retry() -> Subject {
    Subject::new(NAME, retries::Retry::new(attempts(), Work))
}

pub fn budget() -> Subject {
    let budget = Some(Arc::new(TpsBudget::new(10 * SECOND, 10, 0.2)));
    Subject::new(NAME, retries::Retry::new(Attempts { left: 3, budget }, Work))
}

pub fn timeout() -> Subject {
    Subject::new(NAME, timeouts::Timeout::new(Work, 10 * SECOND))
}

/// Without a breaker; a retry needs a rate limit that can be cloned, so that is outside of it.
pub fn stack() -> Subject {
    let service = ServiceBuilder::new()
        .rate_limit(1_000_000_000, SECOND)
        .retry(attempts())
        .concurrency_limit(100)
        .service(Work);
    Subject::new("tower, no breaker", service)
}
