// SPDX-License-Identifier: MIT OR Apache-2.0
//! Members of the other policies' structs by their names.
use serde_json::Value;
use trifuse_sys::*;

use crate::expect::{check, real};
use crate::keys::Keys;
use crate::members::{Place, given};
use crate::object_config::{small, wide};
use crate::world::empty;

/// A struct of the core whose members are known by name.
pub trait Members: Copy {
    fn empty() -> Self;

    fn place(&mut self, name: &str, what: &str) -> Place<'_>;

    fn set(&mut self, name: &str, value: &Value, what: &str) {
        match self.place(name, what) {
            Place::Small(at) => *at = small(name, value),
            Place::Wide(at) => *at = wide(value),
            Place::Real(at) => *at = real(value),
        }
    }
}

/// Compares the members that are listed, and takes them out.
pub fn check_members<T: Members>(expect: &mut Keys, all: &T, what: &str) {
    let mut all = *all;
    for (name, expected) in std::mem::take(&mut expect.map) {
        if name == "result" {
            expect.map.insert(name, expected);
            continue;
        }
        let found = given(&name, all.place(&name, what));
        check(&expected, &found, &format!("{what}: {name}"));
    }
}

macro_rules! structs {
    ($($type:ident { $($member:ident)* })*) => {$(
        impl Members for $type {
            fn empty() -> Self {
                empty!($type)
            }

            fn place(&mut self, name: &str, what: &str) -> Place<'_> {
                match name {
                    $(stringify!($member) => (&mut self.$member).into(),)*
                    _ => panic!("{what}: unknown keys: {name}"),
                }
            }
        }
    )*};
}

structs! {
    trifuse_limiter_config { flags kind reserved rate permits period_ns capacity }
    trifuse_reservation { n wait_ns ready_ns }
    trifuse_limiter_snapshot {
        kind rate permits period_ns capacity available debt granted refused granted_tokens given_back
    }
    trifuse_concurrency_config {
        flags algorithm limit min_limit max_limit probe_every long_window timeout_ns backoff_ratio alpha beta
        tolerance smoothing queue_size long_decay seed
    }
    trifuse_concurrency_snapshot {
        algorithm limit limit_exact in_flight admitted refused released failures no_load_ns short_ns long_ns
    }
    trifuse_retry_config {
        flags strategy jitter max_retries reserved delay_ns increment_ns multiplier max_delay_ns max_elapsed_ns
        retry_after_max_ns seed
    }
    trifuse_retry_call { flags retries reserved started_ns deadline_ns previous_ns random }
    trifuse_retry_snapshot {
        calls successes failures retried retries stopped_retries stopped_deadline stopped_retry_after
        refused_budget
    }
    trifuse_retry_budget_config { flags ttl_ns ratio floor }
    trifuse_retry_budget_snapshot {
        available deposits withdrawals total_deposits total_withdrawals refused
    }
    trifuse_throttle_config { flags window_duration_ns window_buckets reserved k seed }
    trifuse_throttle_snapshot { requests accepts probability admitted refused accepted }
    trifuse_histogram_config { flags sliding_ns }
    trifuse_histogram_snapshot { count sum_ns min_ns max_ns p50_ns p95_ns p99_ns total }
    trifuse_hedge_config { flags share max_saved reserved }
    trifuse_hedge_snapshot { saved calls hedges refused }
}
