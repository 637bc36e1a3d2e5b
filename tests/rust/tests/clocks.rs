// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokio's clock, whoever reads it first. One test, so that nobody else has read it before.
use std::time::Duration;

use trifuse::{Clock, RateLimiter};

const SECOND: Duration = Duration::from_secs(1);

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

#[test]
fn a_runtime_whose_time_ran_ahead_does_not_stop_the_time_of_the_others() {
    let early = paused();
    paused().block_on(async {
        tokio::time::advance(Duration::from_secs(3600)).await;
        let _ = RateLimiter::per(1, SECOND).clock(Clock::Tokio).build().unwrap().try_acquire();
    });
    for runtime in [early, paused()] {
        runtime.block_on(async {
            let limiter = RateLimiter::per(1, SECOND).clock(Clock::Tokio).build().unwrap();
            limiter.try_acquire().unwrap();
            assert_eq!(limiter.try_acquire().unwrap_err().retry_after, Some(SECOND));
            tokio::time::advance(SECOND).await;
            limiter.try_acquire().unwrap();
        });
    }
}
