// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use trifuse::Config;

const BAD: Config = Config::DEFAULT
    .with_open_duration(Duration::from_secs(60))
    .with_open_duration_max(Some(Duration::from_secs(59)))
    .checked();

fn main() {
    let _ = BAD;
}
