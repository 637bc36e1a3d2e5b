// SPDX-License-Identifier: MIT OR Apache-2.0
//! Replays every conformance vector of `tests/vectors` through the core. The page that explains them
//! is `tests/vectors/README.md`; what it does not name stops the run.

mod config;
mod configured;
mod expect;
mod guarded;
mod keys;
mod members;
mod object_config;
mod object_members;
mod objects;
mod operations;
mod operations_retry;
mod steps;
mod world;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use keys::Keys;

#[test]
fn every_vector_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let (mut files, mut names, mut steps) = (0, HashSet::new(), 0);
    let mut failed = Vec::new();
    for file in json_files(&folder) {
        let text = fs::read_to_string(&file).expect("a readable file");
        let whole: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let mut keys = Keys::of(&whole, &file.display().to_string());
        let histories = keys.list("histories");
        keys.done();
        assert!(!histories.is_empty(), "{}: no history", file.display());
        for history in &histories {
            let name = history["name"].as_str().expect("a history has a name").to_owned();
            let what = format!("{}: {name}", file.display());
            let replay = if history.get("object").is_some() { objects::replay } else { steps::replay };
            match std::panic::catch_unwind(|| replay(history, &what)) {
                Ok(replayed) => steps += replayed,
                Err(_) => failed.push(name.clone()),
            }
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
        files += 1;
    }
    assert!(files > 0, "no vectors in {}", folder.display());
    assert!(failed.is_empty(), "{} of {} histories fail: {failed:#?}", failed.len(), names.len());
    println!("{files} files, {} histories, {steps} steps", names.len());
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of the vectors") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(json_files(&path));
        } else if path.ends_with("policies.json") && path.parent() == Some(folder) && is_table(&path) {
            // Not vectors: the table of operations.
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn is_table(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.join("README.md").is_file())
}

#[test]
fn the_table_of_operations_is_known() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/policies.json");
    let table = fs::read_to_string(file).expect("the table");
    let table: Value = serde_json::from_str(&table).expect("JSON");
    assert_eq!(objects::Objects::known(&table), 7);
}

#[test]
#[should_panic(expected = "unknown op")]
fn an_unknown_operation_fails() {
    let history = serde_json::json!({"name": "x", "ids": ["X-01"], "object": "hedge", "config": {},
        "steps": [{"op": "levitate"}]});
    objects::replay(&history, "x");
}

#[test]
#[should_panic(expected = "unknown keys")]
fn an_unknown_argument_fails() {
    let step = serde_json::json!({"op": "deposit", "colour": "red"});
    let history =
        serde_json::json!({"name": "x", "ids": ["X-01"], "object": "hedge", "config": {}, "steps": [step]});
    objects::replay(&history, "x");
}

#[test]
#[should_panic(expected = "wait_ns")]
fn an_output_that_is_not_expected_fails() {
    let steps = serde_json::json!([
        {"op": "try_acquire", "n": 1, "now": 1},
        {"op": "try_acquire", "n": 1, "now": 1, "expect": {"result": "refused_rate_limited"}}]);
    let config = serde_json::json!({"permits": 1});
    let history = serde_json::json!({"name": "x", "ids": ["X-01"], "object": "limiter", "config": config, "steps": steps});
    objects::replay(&history, "x");
}

#[test]
#[should_panic(expected = "unknown op")]
fn an_unknown_step_fails() {
    let history = serde_json::json!({"name": "x", "ids": [], "steps": [{"op": "levitate"}]});
    steps::replay(&history, "x");
}

#[test]
#[should_panic(expected = "unknown keys")]
fn an_unknown_key_fails() {
    let step = serde_json::json!({"op": "acquire", "now": 1, "colour": "red", "expect": {}});
    let history = serde_json::json!({"name": "x", "ids": [], "config": {}, "steps": [step]});
    steps::replay(&history, "x");
}

#[test]
#[should_panic(expected = "state")]
fn an_expectation_that_does_not_hold_fails() {
    let step = serde_json::json!({"op": "state", "expect": {"state": "open"}});
    let history = serde_json::json!({"name": "x", "ids": [], "config": {}, "steps": [step]});
    steps::replay(&history, "x");
}
