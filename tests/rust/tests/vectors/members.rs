// SPDX-License-Identifier: MIT OR Apache-2.0
//! Members of the core's structs by their names.
use serde_json::Value;
use trifuse_sys::*;

use crate::config::kind_of;
use crate::expect::{Given, check};
use crate::world;

/// Where a member of a configuration stands.
pub enum Place<'a> {
    Small(&'a mut u32),
    Wide(&'a mut u64),
    Real(&'a mut f64),
}

impl<'a> From<&'a mut u32> for Place<'a> {
    fn from(at: &'a mut u32) -> Self {
        Self::Small(at)
    }
}

impl<'a> From<&'a mut u64> for Place<'a> {
    fn from(at: &'a mut u64) -> Self {
        Self::Wide(at)
    }
}

impl<'a> From<&'a mut f64> for Place<'a> {
    fn from(at: &'a mut f64) -> Self {
        Self::Real(at)
    }
}

/// What a member holds, as a place in a copy.
pub fn given(name: &str, place: Place<'_>) -> Given {
    match place {
        Place::Small(at) => match kind_of(name) {
            Some(kind) => Given::text(world::name(kind, *at)),
            None => Given::Integer(u64::from(*at)),
        },
        Place::Wide(at) => Given::Integer(*at),
        Place::Real(at) => Given::Real(*at),
    }
}

macro_rules! members {
    ($find:ident, $check:ident, $type:ty { $($member:ident)* }) => {
        pub fn $find<'a>(all: &'a mut $type, name: &str, what: &str) -> Place<'a> {
            match name {
                $(stringify!($member) => (&mut all.$member).into(),)*
                _ => panic!("{what}: unknown keys: {name}"),
            }
        }

        /// Compares the members that are listed.
        pub fn $check(expected: &Value, all: &$type, what: &str) {
            let mut all = *all;
            for (name, value) in expected.as_object().expect("members") {
                let found = given(name, $find(&mut all, name, what));
                check(value, &found, &format!("{what}: {name}"));
            }
        }
    };
}

members! { place, check_config, trifuse_breaker_config {
    flags window_kind window_buckets window_duration_ns window_count minimum_calls failure_rate_threshold
    slow_call_duration_ns slow_call_rate_threshold consecutive_failures failure_count_threshold detector
    initial_state open_duration_ns open_duration_max_ns open_backoff_multiplier open_jitter_fraction
    open_jitter half_open_max_calls success_threshold half_open_failure_threshold half_open_permit_ttl_ns
    request_timeout_ns cancelled_counts_after_ns tolerated_failure_rate outage_failure_rate
    tolerated_slow_rate outage_slow_rate false_open_every cusum_idle_decay_ns cusum_up cusum_down
    cusum_threshold slow_cusum_up slow_cusum_down slow_cusum_threshold cusum_calls_to_detect_outage seed
    reserve_window_buckets reserve_window_count reserve_half_open_calls reserved
} }

members! { place_of_event, check_event, trifuse_breaker_event {
    retry_after_ns from to cause reserved generation at_ns open_until_ns window_total window_failed
    window_slow probe_successes probe_failures
} }

members! { place_of_design, check_design, trifuse_cusum_design {
    tolerated_rate outage_rate false_open_every up down threshold reserved calls_to_false_open
    calls_to_detect_outage calls_to_detect_total
} }

members! { place_of_snapshot, check_plain_snapshot, trifuse_breaker_snapshot {
    state cause generation since_ns last_failure_ns open_until_ns window_total window_failed window_slow
    failure_rate slow_rate consecutive_failures probes_in_flight probe_successes probe_failures reopenings
    cusum_s cusum_up cusum_down cusum_threshold slow_cusum_s slow_cusum_up slow_cusum_down
    slow_cusum_threshold cusum_calls_to_detect_outage cusum_calls_to_detect_total calls successes failures
    timeouts slow ignored late_results lost_permits would_have_opened refused_open
    refused_half_open_limit refused_forced_open
} }

/// As the other checks; `transitions` is complete.
pub fn check_snapshot(expected: &Value, all: &trifuse_breaker_snapshot, what: &str) {
    let mut plain = expected.clone();
    if let Some(transitions) = plain.as_object_mut().expect("members").remove("transitions") {
        check_transitions(&transitions, all, what);
    }
    check_plain_snapshot(&plain, all, what);
}

fn check_transitions(expected: &Value, all: &trifuse_breaker_snapshot, what: &str) {
    let expected = expected.as_object().expect("transitions by from>to");
    let mut seen = 0;
    for from in 0..TRIFUSE_STATES {
        for to in 0..TRIFUSE_STATES {
            let name = format!("{}>{}", world::name("state", from), world::name("state", to));
            let given = all.transitions[from as usize][to as usize];
            match expected.get(&name) {
                Some(value) => check(value, &Given::Integer(given), &format!("{what}: {name}")),
                None => assert_eq!(given, 0, "{what}: {name} is not expected"),
            }
            seen += usize::from(expected.contains_key(&name));
        }
    }
    assert_eq!(seen, expected.len(), "{what}: unknown keys in {expected:?}");
}
