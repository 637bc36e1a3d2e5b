// SPDX-License-Identifier: MIT OR Apache-2.0
//! Circuit breakers as components.
use std::collections::BTreeSet;

use crate::breaker::CircuitBreaker;
use crate::health::report::{CheckResult, Status};
use crate::name::Name;
use crate::text::State;

/// More breakers than this are told in sum.
const LISTED: usize = 100;

/// Each breaker as a component, and whether it is critical. Of more than `LISTED` only those that are not
/// closed are told, `LISTED` at most, and one line says how many there are.
pub(crate) fn results(breakers: &[CircuitBreaker], critical: &BTreeSet<Name>) -> Vec<(CheckResult, bool)> {
    let is_critical = |name: &str| critical.contains(name);
    let mut found: Vec<_> = breakers.iter().map(|one| result(one, is_critical(one.name()))).collect();
    if found.len() > LISTED {
        let all = found.len();
        found.retain(|(result, _)| result.status != Status::Healthy);
        let cut_off = found.len();
        found.sort_by_key(|(_, critical)| !critical);
        found.truncate(LISTED);
        let status = if cut_off == 0 { Status::Healthy } else { Status::Degraded };
        let said = format!("{cut_off} of {all} are not closed");
        found.push((CheckResult::new("circuit_breakers", status, said), false));
    }
    let missing = critical.iter().filter(|name| breakers.iter().all(|one| one.name() != name.as_str()));
    found.extend(missing.map(|name| {
        (CheckResult::new(format!("circuit_breaker:{name}"), Status::Healthy, "not used yet"), true)
    }));
    found
}

fn result(breaker: &CircuitBreaker, critical: bool) -> (CheckResult, bool) {
    let lost = if critical { Status::Unhealthy } else { Status::Degraded };
    let (status, message) = match breaker.state() {
        State::Open => (lost, "open"),
        State::ForcedOpen => (lost, "forced open"),
        State::HalfOpen => (Status::Degraded, "half-open"),
        State::Disabled => (Status::Healthy, "disabled: nothing is guarded"),
        State::MetricsOnly => (Status::Healthy, "only watching: never opens"),
        State::Closed => (Status::Healthy, "closed"),
    };
    (CheckResult::new(format!("circuit_breaker:{}", breaker.name()), status, message), critical)
}
