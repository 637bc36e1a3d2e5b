// SPDX-License-Identifier: MIT OR Apache-2.0
use trifuse::Config;

const BAD: Config = Config::DEFAULT.with_failure_rate_threshold(1.5).checked();

fn main() {
    let _ = BAD;
}
