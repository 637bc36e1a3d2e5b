// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configurations as data: a map of the fields by their names, durations in seconds, `null` for
//! "none". `preset` says what the fields that are left out are taken from.
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::Config;
use crate::text::{Detector, Jitter, Preset, State, WindowKind};
use crate::text_policy::{Algorithm, LimiterKind, Strategy};

macro_rules! by_name {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

by_name!(Algorithm, Detector, Jitter, LimiterKind, Preset, State, Strategy, WindowKind);

/// A duration in seconds, to the nearest nanosecond.
#[derive(Clone, Copy)]
pub(crate) struct Seconds(Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            to.serialize_u64(self.0.as_secs())
        } else {
            to.serialize_f64(self.0.as_secs_f64())
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(from)?;
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| {
            D::Error::custom(format_args!("{seconds} is no duration in seconds: 0 or more, finite"))
        })
    }
}

/// Between a field of `Config` and its form as data.
pub(crate) trait Data<T> {
    fn into_field(self) -> T;
    fn from_field(field: T) -> Self;
}

impl<T> Data<T> for T {
    fn into_field(self) -> T {
        self
    }

    fn from_field(field: T) -> Self {
        field
    }
}

impl Data<Duration> for Seconds {
    fn into_field(self) -> Duration {
        self.0
    }

    fn from_field(field: Duration) -> Self {
        Self(field)
    }
}

impl Data<Option<Duration>> for Option<Seconds> {
    fn into_field(self) -> Option<Duration> {
        self.map(|seconds| seconds.0)
    }

    fn from_field(field: Option<Duration>) -> Self {
        field.map(Seconds)
    }
}

/// Tells `null` from a field that is not there.
pub(crate) fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

macro_rules! data {
    ($($name:ident, $with:ident: $form:ty, $field:ty;)*) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Given {
            #[serde(default, deserialize_with = "there")]
            preset: Option<Preset>,
            #[serde(default, deserialize_with = "there")]
            window_kind: Option<WindowKind>,
            #[serde(default)]
            seed: Option<u64>,
            $(#[serde(default, deserialize_with = "there")] $name: Option<$form>,)*
        }

        impl Given {
            fn into_config(self) -> Config {
                let mut config = Config::preset(self.preset.unwrap_or(Preset::Default));
                if let Some(kind) = self.window_kind {
                    config.raw.window_kind = kind as u32;
                }
                if let Some(seed) = self.seed {
                    config = config.with_seed(seed);
                }
                $(if let Some(value) = self.$name {
                    config = config.$with(Data::<$field>::into_field(value));
                })*
                config
            }
        }

        #[derive(Serialize)]
        struct Shown {
            window_kind: WindowKind,
            $($name: $form,)*
            #[serde(skip_serializing_if = "Option::is_none")]
            seed: Option<u64>,
        }

        impl From<&Config> for Shown {
            fn from(config: &Config) -> Self {
                Self {
                    window_kind: config.window_kind(),
                    $($name: Data::<$field>::from_field(config.$name()),)*
                    seed: config.seed(),
                }
            }
        }
    };
}

data! {
    window_buckets, with_window_buckets: u32, u32;
    window_duration, with_window_duration: Seconds, Duration;
    window_count, with_window_count: u32, u32;
    minimum_calls, with_minimum_calls: u32, u32;
    failure_rate_threshold, with_failure_rate_threshold: f64, f64;
    slow_call_duration, with_slow_call_duration: Option<Seconds>, Option<Duration>;
    slow_call_rate_threshold, with_slow_call_rate_threshold: f64, f64;
    consecutive_failures, with_consecutive_failures: u32, u32;
    failure_count_threshold, with_failure_count_threshold: u32, u32;
    detector, with_detector: Detector, Detector;
    initial_state, with_initial_state: State, State;
    open_duration, with_open_duration: Seconds, Duration;
    open_duration_max, with_open_duration_max: Option<Seconds>, Option<Duration>;
    open_backoff_multiplier, with_open_backoff_multiplier: f64, f64;
    open_jitter, with_open_jitter: Jitter, Jitter;
    open_jitter_fraction, with_open_jitter_fraction: f64, f64;
    half_open_max_calls, with_half_open_max_calls: u32, u32;
    success_threshold, with_success_threshold: u32, u32;
    half_open_failure_threshold, with_half_open_failure_threshold: u32, u32;
    half_open_permit_ttl, with_half_open_permit_ttl: Option<Seconds>, Option<Duration>;
    request_timeout, with_request_timeout: Option<Seconds>, Option<Duration>;
    cancelled_counts_after, with_cancelled_counts_after: Option<Seconds>, Option<Duration>;
    tolerated_failure_rate, with_tolerated_failure_rate: f64, f64;
    outage_failure_rate, with_outage_failure_rate: f64, f64;
    tolerated_slow_rate, with_tolerated_slow_rate: f64, f64;
    outage_slow_rate, with_outage_slow_rate: f64, f64;
    false_open_every, with_false_open_every: f64, f64;
    cusum_idle_decay, with_cusum_idle_decay: Option<Seconds>, Option<Duration>;
    reserve_window_buckets, with_reserve_window_buckets: u32, u32;
    reserve_window_count, with_reserve_window_count: u32, u32;
    reserve_half_open_calls, with_reserve_half_open_calls: u32, u32;
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Shown::from(self).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let config = Given::deserialize(from)?.into_config();
        config.check().map_err(D::Error::custom)?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_survives_the_way_through_json() {
        for &preset in Preset::ALL {
            let config =
                Config::preset(preset).with_seed(3).with_open_duration(Duration::from_nanos(1_500_000_001));
            let text = serde_json::to_string(&config.with_open_duration_max(None)).unwrap();
            let back: Config = serde_json::from_str(&text).unwrap();
            assert_eq!(back, config.with_open_duration_max(None), "{text}");
        }
    }

    #[test]
    fn what_is_left_out_comes_from_the_preset_and_null_is_none() {
        let text = r#"{"preset": "aggressive", "open_duration": 0.25, "request_timeout": null}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        let expected = Config::preset(Preset::Aggressive)
            .with_open_duration(Duration::from_millis(250))
            .with_request_timeout(None);
        assert_eq!(config, expected);
    }

    #[test]
    fn an_unknown_field_a_bad_value_and_a_bad_duration_are_refused_by_name() {
        for (text, said) in [
            (r#"{"opne_duration": 3}"#, "unknown field `opne_duration`"),
            (r#"{"failure_rate_threshold": 1.5}"#, "failure_rate_threshold = 1.5 is not allowed: 0.0 to 1.0"),
            (r#"{"open_duration": -1}"#, "-1 is no duration in seconds"),
            (r#"{"detector": "guess"}"#, "\"guess\" is no detector"),
            (r#"{"preset": "brave"}"#, "\"brave\" is no preset"),
            (r#"{"minimum_calls": null}"#, "expected u32"),
        ] {
            let error = serde_json::from_str::<Config>(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
