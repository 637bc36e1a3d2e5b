// SPDX-License-Identifier: MIT OR Apache-2.0
//! A place taken and given back.
use trifuse::{AdaptiveLimit, Bulkhead};

use crate::Subject;

pub fn all() -> Vec<Subject> {
    let bulkhead = Bulkhead::builder("bench").limit(1000).build().expect("legal");
    let adaptive = AdaptiveLimit::gradient2("bench").limit(1000).build().expect("legal");
    let semaphore = tokio::sync::Semaphore::new(1000);
    vec![
        Subject::new("trifuse, bulkhead", move || bulkhead.try_acquire().is_ok()),
        Subject::new("trifuse, adaptive limit (two clock reads)", move || {
            adaptive.try_acquire().map(trifuse::BulkheadPermit::success).is_ok()
        }),
        Subject::new("tokio Semaphore", move || semaphore.try_acquire().is_ok()),
    ]
}
