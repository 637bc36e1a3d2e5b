// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::{Future, poll_fn};
use std::pin::pin;

use crate::fallback_level::degraded;

/// Awaits a call, and tells whether anything in it was answered by a fallback.
pub(crate) async fn watched<F: Future>(call: F) -> (F::Output, bool) {
    let (mut call, mut seen) = (pin!(call), false);
    poll_fn(|cx| {
        let before = degraded();
        let polled = call.as_mut().poll(cx);
        seen |= degraded() != before;
        polled.map(|output| (output, seen))
    })
    .await
}
