// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads the medians that Criterion wrote and holds ours beside the others'.
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

const AIMS: [Aim; 5] = [
    Aim { group: "success", ours: DEFAULT, beside: Beside::Named("failsafe, time policy"), most: 0.55 },
    Aim { group: "success", ours: CHEAPEST, beside: Beside::Named("recloser"), most: 1.0 },
    Aim { group: "refused", ours: DEFAULT, beside: Beside::Fastest, most: 0.9 },
    Aim { group: "two threads", ours: DEFAULT, beside: Beside::Fastest, most: 1.0 },
    Aim { group: "two threads", ours: CHEAPEST, beside: Beside::Fastest, most: 1.0 },
];

/// The benchmarks of ours that the aims are about.
pub const DEFAULT: &str = "trifuse, time window (default)";
/// A count window with nothing to time.
pub const CHEAPEST: &str = "trifuse, count window, no request_timeout";

/// Not breakers: what every measurement contains.
pub const FLOORS: [&str; 2] = ["bare call", "clock"];

/// Prints every median beside ours, then the aims; returns how many are missed.
pub fn print(criterion: &Path) -> usize {
    for group in ["success", "refused", "two threads"] {
        println!("\n{group} (median ns a call; ratio to {DEFAULT})");
        let all = medians(criterion, group);
        let ours = all.get(DEFAULT).copied().unwrap_or(f64::NAN);
        let mut sorted: Vec<_> = all.iter().collect();
        sorted.sort_by(|a, b| a.1.total_cmp(b.1));
        for (name, median) in sorted {
            println!("  {name:45} {median:9.1} {:8.2}", median / ours);
        }
    }
    println!("\naims");
    AIMS.iter().filter(|aim| !aim.holds(criterion)).count()
}

impl Aim {
    fn holds(&self, criterion: &Path) -> bool {
        let all = medians(criterion, self.group);
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
