// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two threads on one breaker.
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::subject::Subject;

/// How long two threads take for `calls` calls each.
pub fn time(subject: &dyn Subject, calls: u64) -> Duration {
    let start = Barrier::new(3);
    std::thread::scope(|scope| {
        let threads = [0; 2].map(|_| {
            scope.spawn(|| {
                let mut call = subject.caller();
                start.wait();
                for _ in 0..calls {
                    assert!(black_box(call()));
                }
            })
        });
        start.wait();
        let began = Instant::now();
        for thread in threads {
            thread.join().expect("no call fails");
        }
        began.elapsed()
    })
}
