// SPDX-License-Identifier: MIT OR Apache-2.0
//! Replays every conformance vector of `tests/vectors` through the core. The page that explains them
//! is `tests/vectors/README.md`; what it does not name stops the run.

mod config;
mod configured;
mod expect;
mod guarded;
mod keys;
mod members;
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
            match std::panic::catch_unwind(|| steps::replay(history, &what)) {
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
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
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
