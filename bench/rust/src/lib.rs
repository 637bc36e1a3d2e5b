// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads what Criterion wrote and holds ours beside the others'.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Medians in nanoseconds by benchmark, of one group.
pub type Medians = BTreeMap<String, f64>;

/// The medians of the newest run of a group.
pub fn medians(criterion: &Path, group: &str) -> Medians {
    let Ok(entries) = fs::read_dir(criterion.join(group)) else { return Medians::new() };
    entries
        .filter_map(|entry| {
            let folder = entry.ok()?.path().join("new");
            let name = read(&folder.join("benchmark.json"))?["function_id"].as_str()?.to_owned();
            let median = read(&folder.join("estimates.json"))?["median"]["point_estimate"].as_f64()?;
            Some((name, median))
        })
        .collect()
}

/// The least times, of groups whose benchmarks have one thread; they do not depend on what else runs.
pub fn leasts(criterion: &Path, group: &str) -> Medians {
    if group.contains("two threads") {
        return medians(criterion, group);
    }
    let all = medians(criterion, group).into_keys();
    all.filter_map(|name| least(criterion, group, &name).map(|least| (name, least))).collect()
}

/// The least time of a call over all samples of the newest run: what it takes when nothing else runs.
fn least(criterion: &Path, group: &str, name: &str) -> Option<f64> {
    let folder = fs::read_dir(criterion.join(group)).ok()?.find_map(|entry| {
        let folder = entry.ok()?.path().join("new");
        let named = read(&folder.join("benchmark.json"))?["function_id"].as_str()? == name;
        named.then_some(folder)
    })?;
    let sample = read(&folder.join("sample.json"))?;
    let numbers = |key: &str| sample[key].as_array().map(|all| all.iter().filter_map(Value::as_f64));
    let each = numbers("times")?.zip(numbers("iters")?).map(|(time, calls)| time / calls);
    each.min_by(f64::total_cmp)
}

fn read(file: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(file).ok()?).ok()
}

/// What ours is to be beside: the named one, or the fastest of those that are not ours.
enum Beside {
    Named(&'static str),
    Fastest,
}

/// An aim: ours is at most `most` times the other.
struct Aim {
    group: &'static str,
    ours: &'static str,
    beside: Beside,
    most: f64,
}

const BREAKER: [Aim; 5] = [
    Aim { group: "success", ours: DEFAULT, beside: Beside::Named("failsafe, time policy"), most: 0.55 },
    Aim { group: "success", ours: CHEAPEST, beside: Beside::Named("recloser"), most: 1.0 },
    Aim { group: "refused", ours: DEFAULT, beside: Beside::Fastest, most: 0.9 },
    Aim { group: "two threads", ours: DEFAULT, beside: Beside::Fastest, most: 1.0 },
    Aim { group: "two threads", ours: CHEAPEST, beside: Beside::Fastest, most: 1.0 },
];

/// With the same clock at most 1.2 times governor, which counts nothing, and ahead of the others.
const POLICIES: [Aim; 9] = [
    Aim { group: "limiter granted", ours: BUCKET, beside: Beside::Named(GOVERNOR), most: 1.2 },
    Aim { group: "limiter granted", ours: BUCKET, beside: Beside::Named("ratelimit"), most: 1.0 },
    Aim { group: "limiter granted", ours: BUCKET, beside: Beside::Named("leaky-bucket"), most: 1.0 },
    Aim { group: "limiter denied", ours: BUCKET, beside: Beside::Named(GOVERNOR), most: 1.2 },
    Aim { group: "limiter, two threads", ours: BUCKET, beside: Beside::Fastest, most: 1.0 },
    Aim { group: "bulkhead", ours: "trifuse, bulkhead", beside: Beside::Named("tokio Semaphore"), most: 1.0 },
    Aim { group: "retry with budget", ours: "trifuse, future", beside: Beside::Fastest, most: 1.0 },
    Aim {
        group: "retry with budget, two threads",
        ours: "trifuse, future",
        beside: Beside::Fastest,
        most: 1.0,
    },
    Aim {
        group: "pipeline",
        ours: "pipeline of 4",
        beside: Beside::Named("its first 4 one after the other"),
        most: 1.15,
    },
];

/// At most 0.6 of tower-resilience's layers, and not slower than tower's own.
const TOWER: [Aim; 12] = [
    Aim::of_layers("tower breaker", RESILIENCE, 0.6),
    Aim::of_layers("tower breaker, refused", RESILIENCE, 0.6),
    Aim::of_layers("tower rate limit", RESILIENCE, 0.6),
    Aim::of_layers("tower rate limit", "tower", 1.0),
    Aim::of_layers("tower bulkhead", RESILIENCE, 0.6),
    Aim::of_layers("tower bulkhead", "tower", 1.0),
    Aim::of_layers("tower retry", RESILIENCE, 0.6),
    Aim::of_layers("tower retry", "tower", 1.0),
    Aim::of_layers("tower retry with budget", RESILIENCE, 0.6),
    Aim::of_layers("tower retry with budget", "tower", 1.0),
    Aim::of_layers("tower timeout", "tower", 1.0),
    Aim::of_layers("tower stack", RESILIENCE, 0.6),
];

const RESILIENCE: &str = "tower-resilience";
const BUCKET: &str = "trifuse, token bucket";
const GOVERNOR: &str = "governor, standard clock";

/// The benchmarks of ours that the aims are about.
pub const DEFAULT: &str = "trifuse, time window (default)";
/// A count window with nothing to time.
pub const CHEAPEST: &str = "trifuse, count window, no request_timeout";

/// Not breakers: what every measurement contains.
pub const FLOORS: [&str; 2] = ["bare call", "clock"];

/// Prints the breakers, then the aims; returns how many are missed.
pub fn print(criterion: &Path) -> usize {
    for group in ["success", "refused", "two threads"] {
        print_group(criterion, group, DEFAULT);
    }
    aims(criterion, &BREAKER)
}

/// Prints the other policies, then the aims; returns how many are missed.
pub fn print_policies(criterion: &Path) -> usize {
    for group in ["limiter granted", "limiter denied", "limiter by key", "limiter, two threads"] {
        print_group(criterion, group, BUCKET);
    }
    for group in ["bulkhead", "bulkhead, two threads"] {
        print_group(criterion, group, "trifuse, bulkhead");
    }
    for group in ["retry", "retry with budget", "retry with budget, two threads"] {
        print_group(criterion, group, "trifuse, future");
    }
    print_group(criterion, "pipeline", "pipeline of 4");
    aims(criterion, &POLICIES)
}

/// Prints the layers of tower, then the aims; returns how many are missed.
pub fn print_tower(criterion: &Path) -> usize {
    for layer in [
        "breaker",
        "breaker, refused",
        "rate limit",
        "bulkhead",
        "retry",
        "retry with budget",
        "timeout",
        "stack",
    ] {
        print_group(criterion, &format!("tower {layer}"), "trifuse");
    }
    aims(criterion, &TOWER)
}

/// Prints every figure beside ours.
fn print_group(criterion: &Path, group: &str, reference: &str) {
    let (all, leasts) = (medians(criterion, group), leasts(criterion, group));
    println!("\n{group} (ns a call: median, least; ratio of the least to {reference})");
    let ours = leasts.get(reference).copied().unwrap_or(f64::NAN);
    let mut sorted: Vec<_> = leasts.iter().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(b.1));
    for (name, least) in sorted {
        println!("  {name:45} {:9.1} {least:9.1} {:8.2}", all[name], least / ours);
    }
}

fn aims(criterion: &Path, aims: &[Aim]) -> usize {
    println!("\naims");
    aims.iter().filter(|aim| !aim.holds(criterion)).count()
}

impl Aim {
    const fn of_layers(group: &'static str, other: &'static str, most: f64) -> Self {
        Self { group, ours: "trifuse", beside: Beside::Named(other), most }
    }

    fn holds(&self, criterion: &Path) -> bool {
        let all = leasts(criterion, self.group);
        let peers =
            all.iter().filter(|(name, _)| !name.starts_with("trifuse") && !FLOORS.contains(&name.as_str()));
        let other = match self.beside {
            Beside::Named(name) => all.get_key_value(name),
            Beside::Fastest => peers.min_by(|a, b| a.1.total_cmp(b.1)),
        };
        let (Some(ours), Some((name, theirs))) = (all.get(self.ours), other) else {
            println!("  {}: {} was not measured", self.group, self.ours);
            return false;
        };
        let ratio = ours / theirs;
        let word = if ratio <= self.most { "met" } else { "MISSED" };
        println!("  {}: {} is {ratio:.2} x {name}, aim {:.2}: {word}", self.group, self.ours, self.most);
        ratio <= self.most
    }
}
