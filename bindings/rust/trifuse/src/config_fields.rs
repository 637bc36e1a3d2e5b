// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line a field: its reader and its `with_` method on `Config`, its setter on the builder.
use std::fmt::Debug;
use std::time::Duration;

use crate::builder::BreakerBuilder;
use crate::config::{Config, maybe_from_ns, maybe_to_ns, to_ns};
use crate::text::{Detector, Jitter, State};

macro_rules! documented {
    ($doc:literal, $name:ident, $with:ident, $sample:literal, $($item:item)*) => {$(
        #[doc = $doc]
        #[doc = concat!(
            "\n\n```\n# #[allow(unused_imports)] use std::time::Duration;\n",
            "# #[allow(unused_imports)] use trifuse::*;\n",
            "let config = Config::DEFAULT.", stringify!($with), "(", $sample, ");\n",
            "assert_eq!(config.", stringify!($name), "(), ", $sample, ");\n```"
        )]
        #[must_use]
        $item
    )*};
}

macro_rules! setter {
    (maybe $doc:literal, $name:ident, $with:ident, $sample:literal, $type:ty) => {
        setter! { @made $doc, $name, $with, $sample, impl Into<$type>, into }
    };
    ($kind:ident $doc:literal, $name:ident, $with:ident, $sample:literal, $type:ty) => {
        setter! { @made $doc, $name, $with, $sample, $type, into }
    };
    (@made $doc:literal, $name:ident, $with:ident, $sample:literal, $type:ty, $into:ident) => {
        #[doc = $doc]
        #[doc = concat!(
            "\n\n```\n# #[allow(unused_imports)] use std::time::Duration;\n",
            "# #[allow(unused_imports)] use trifuse::*;\n",
            "let builder = CircuitBreaker::builder(\"payments\").", stringify!($name), "(", $sample, ");\n",
            "assert_eq!(builder.config().", stringify!($name), "(), ", $sample, ");\n```"
        )]
        #[allow(clippy::useless_conversion)]
        pub fn $name(mut self, value: $type) -> Self {
            self.config = self.config.$with(value.$into());
            self
        }
    };
}

macro_rules! fields {
    (@config plain $type:ty, $doc:literal, $name:ident, $with:ident, $raw:ident, $sample:literal) => {
        documented! { $doc, $name, $with, $sample,
            pub const fn $name(&self) -> $type {
                self.raw.$raw
            }
            pub const fn $with(mut self, value: $type) -> Self {
                self.raw.$raw = value;
                self
            }
        }
    };
    (@config time $type:ty, $doc:literal, $name:ident, $with:ident, $raw:ident, $sample:literal) => {
        documented! { $doc, $name, $with, $sample,
            pub const fn $name(&self) -> $type {
                Duration::from_nanos(self.raw.$raw)
            }
            pub const fn $with(mut self, value: $type) -> Self {
                self.raw.$raw = to_ns(value);
                self
            }
        }
    };
    (@config maybe $type:ty, $doc:literal, $name:ident, $with:ident, $raw:ident, $sample:literal) => {
        documented! { $doc, $name, $with, $sample,
            pub const fn $name(&self) -> $type {
                maybe_from_ns(self.raw.$raw)
            }
            pub const fn $with(mut self, value: $type) -> Self {
                self.raw.$raw = maybe_to_ns(value);
                self
            }
        }
    };
    (@config choice $type:ty, $doc:literal, $name:ident, $with:ident, $raw:ident, $sample:literal) => {
        documented! { $doc, $name, $with, $sample,
            pub fn $name(&self) -> $type {
                <$type>::from_raw(self.raw.$raw).expect("set by this crate only")
            }
            pub const fn $with(mut self, value: $type) -> Self {
                self.raw.$raw = value as u32;
                self
            }
        }
    };
    ($($kind:ident $type:ty, $name:ident, $with:ident, $raw:ident, $sample:literal, $doc:literal;)*) => {
        impl Config {
            $(fields! { @config $kind $type, $doc, $name, $with, $raw, $sample })*

            /// Calls `visit` with the name and value of every field.
            pub(crate) fn each_field(&self, mut visit: impl FnMut(&'static str, &dyn Debug)) {
                visit("window_kind", &self.window_kind());
                $(visit(stringify!($name), &self.$name());)*
            }
        }

        impl BreakerBuilder {
            $(setter! { $kind $doc, $name, $with, $sample, $type })*
        }
    };
}

fields! {
    plain u32, window_buckets, with_window_buckets, window_buckets, "6",
        "Buckets of a time window, 1 to 64, by default 10.";
    time Duration, window_duration, with_window_duration, window_duration_ns, "Duration::from_secs(30)",
        "Length of a time window, at least 1 us a bucket, by default 60 s.";
    plain u32, window_count, with_window_count, window_count, "50",
        "Outcomes of a count window, 1 to 4096, by default 100.";
    plain u32, minimum_calls, with_minimum_calls, minimum_calls, "20",
        "No rate is judged on fewer outcomes than this, 1 to 1,000,000, by default 10.";
    plain f64, failure_rate_threshold, with_failure_rate_threshold, failure_rate_threshold, "0.25",
        "Opens when the failure rate is above this, 0 to 1, by default 0.5. 1 switches the rule off.";
    maybe Option<Duration>, slow_call_duration, with_slow_call_duration, slow_call_duration_ns,
        "Some(Duration::from_millis(300))",
        "A call that takes longer than this is slow; `None` (default) is off.";
    plain f64, slow_call_rate_threshold, with_slow_call_rate_threshold, slow_call_rate_threshold, "0.5",
        "Opens when the rate of slow calls is above this, 0 to 1. 1 (default) is off.";
    plain u32, consecutive_failures, with_consecutive_failures, consecutive_failures, "5",
        "Opens when this many failures come in a row, up to 1,000,000. 0 (default) is off.";
    plain u32, failure_count_threshold, with_failure_count_threshold, failure_count_threshold, "40",
        "Opens when the window holds this many failures, up to 1,000,000. 0 (default) is off.";
    choice Detector, detector, with_detector, detector, "Detector::Cusum",
        "Judges failures by their rate (default) or by a cumulative sum.";
    choice State, initial_state, with_initial_state, initial_state, "State::MetricsOnly",
        "The state a breaker is made in, by default closed. Read when it is made only.";
    time Duration, open_duration, with_open_duration, open_duration_ns, "Duration::from_secs(5)",
        "How long an open circuit refuses, more than 0, by default 30 s.";
    maybe Option<Duration>, open_duration_max, with_open_duration_max, open_duration_max_ns,
        "Some(Duration::from_secs(120))",
        "Cap of the growing open wait, not below `open_duration`; `None` (default) is the larger of 5 minutes and `open_duration`.";
    plain f64, open_backoff_multiplier, with_open_backoff_multiplier, open_backoff_multiplier, "2.0",
        "Each re-opening after a failed probe multiplies the wait by this, 1 (default) to 1000.";
    choice Jitter, open_jitter, with_open_jitter, open_jitter, "Jitter::Full",
        "How the open wait is spread, by default not at all.";
    plain f64, open_jitter_fraction, with_open_jitter_fraction, open_jitter_fraction, "0.2",
        "How far proportional jitter goes either way, 0 to 1, by default 0.1.";
    plain u32, half_open_max_calls, with_half_open_max_calls, half_open_max_calls, "3",
        "Probes in flight at once, 1 to 64, by default 5.";
    plain u32, success_threshold, with_success_threshold, success_threshold, "2",
        "Probe successes, in all, that close the circuit, 1 (default) to 10,000.";
    plain u32, half_open_failure_threshold, with_half_open_failure_threshold, half_open_failure_threshold, "2",
        "Probe failures, in all, that re-open it, 1 (default) to 10,000.";
    maybe Option<Duration>, half_open_permit_ttl, with_half_open_permit_ttl, half_open_permit_ttl_ns,
        "Some(Duration::from_secs(90))",
        "How long a probe may stay out before its slot is given to another, more than `request_timeout`; `None` (default) is the larger of 60 s and twice `request_timeout`.";
    maybe Option<Duration>, request_timeout, with_request_timeout, request_timeout_ns,
        "Some(Duration::from_secs(2))",
        "A call that takes longer than this is a timeout, by default 5 s; `None` is no limit.";
    maybe Option<Duration>, cancelled_counts_after, with_cancelled_counts_after, cancelled_counts_after_ns,
        "Some(Duration::from_secs(10))",
        "A future dropped after running at least this long is a timeout; `None` (default): a dropped future is ignored.";
    plain f64, tolerated_failure_rate, with_tolerated_failure_rate, tolerated_failure_rate, "0.05",
        "Cusum: the failure rate to live with, 0.001 to 0.99, by default 0.3.";
    plain f64, outage_failure_rate, with_outage_failure_rate, outage_failure_rate, "0.5",
        "Cusum: the failure rate of an outage, above `tolerated_failure_rate`, at most 0.99, by default 0.7.";
    plain f64, tolerated_slow_rate, with_tolerated_slow_rate, tolerated_slow_rate, "0.1",
        "Cusum of slow calls: the rate to live with; 0 (default) is off.";
    plain f64, outage_slow_rate, with_outage_slow_rate, outage_slow_rate, "0.6",
        "Cusum of slow calls: the rate of an outage, by default 0.7.";
    plain f64, false_open_every, with_false_open_every, false_open_every, "10000.0",
        "Cusum: at the tolerated rate it opens once in this many calls, 1 to 1e15, by default 1,000,000.";
    maybe Option<Duration>, cusum_idle_decay, with_cusum_idle_decay, cusum_idle_decay_ns,
        "Some(Duration::from_secs(20))",
        "Cusum: the sum is halved for each such time without an outcome, at least 100 ms, by default 60 s; `None` is never.";
    plain u32, reserve_window_buckets, with_reserve_window_buckets, reserve_window_buckets, "32",
        "Memory so that `reconfigure` can grow to so many buckets, up to 64, by default 0.";
    plain u32, reserve_window_count, with_reserve_window_count, reserve_window_count, "1000",
        "Memory so that `reconfigure` can grow to a count window of so many, up to 4096, by default 0.";
    plain u32, reserve_half_open_calls, with_reserve_half_open_calls, reserve_half_open_calls, "16",
        "Memory so that `reconfigure` can grow to so many probes, up to 64, by default 0; 8 always fit.";
}
