// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all builders of policies have: a name, a clock; and what all policies show.

/// `name` and `clock` of a builder, its `Debug`, and `name`, `same_as`, `Debug` of the handle.
macro_rules! builder_basics {
    ($policy:ident, $make:literal, $builder:ident) => {
        impl $builder {
            /// What the policy is called in refusals, logs and metrics.
            #[doc = concat!(
                        "\n\n```\nuse trifuse::", stringify!($policy), ";\n\n",
                        "let policy = ", stringify!($policy), "::", $make, ".name(\"search\").build()?;\n",
                        "assert_eq!(policy.name(), \"search\");\n# Ok::<(), trifuse::ConfigError>(())\n```"
                    )]
            pub fn name(mut self, name: impl Into<crate::name::Name>) -> Self {
                self.name = name.into();
                self
            }

            /// Where it takes its time from; for tests.
            #[doc = concat!(
                        "\n\n```\nuse trifuse::{ManualClock, ", stringify!($policy), "};\n\n",
                        "let policy = ", stringify!($policy), "::", $make,
                        ".clock(ManualClock::new()).build()?;\n",
                        "# let _ = policy;\n# Ok::<(), trifuse::ConfigError>(())\n```"
                    )]
            pub fn clock(mut self, clock: impl Into<crate::clock::Clock>) -> Self {
                self.clock = clock.into();
                self
            }
        }

        impl std::fmt::Debug for $builder {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($builder))
                    .field("name", &self.name)
                    .field("config", &self.config)
                    .finish_non_exhaustive()
            }
        }

        impl $policy {
            /// Its name.
            #[doc = concat!(
                        "\n\n```\nuse trifuse::", stringify!($policy), ";\n\n",
                        "let policy = ", stringify!($policy), "::", $make, ".name(\"search\").build()?;\n",
                        "assert_eq!(policy.name(), \"search\");\n# Ok::<(), trifuse::ConfigError>(())\n```"
                    )]
            #[must_use]
            pub fn name(&self) -> &str {
                &self.shared.name
            }

            /// Whether two handles belong to the same policy.
            #[doc = concat!(
                        "\n\n```\nuse trifuse::", stringify!($policy), ";\n\n",
                        "let policy = ", stringify!($policy), "::", $make, ".build()?;\n",
                        "assert!(policy.same_as(&policy.clone()));\n# Ok::<(), trifuse::ConfigError>(())\n```"
                    )]
            #[must_use]
            pub fn same_as(&self, other: &Self) -> bool {
                std::sync::Arc::ptr_eq(&self.shared, &other.shared)
            }
        }

        impl std::fmt::Debug for $policy {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($policy)).field("name", &self.name()).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use builder_basics;

/// A name that is not empty, or the error that says so.
pub(crate) fn named(name: &crate::name::Name) -> Result<(), crate::error::ConfigError> {
    if name.is_empty() {
        return Err(crate::error::ConfigError::of_name("", "at least one character"));
    }
    Ok(())
}

/// A seed from the operating system where none was given. Every `RandomState` has keys of its own.
pub(crate) fn seeded(seed: u64) -> u64 {
    use std::hash::BuildHasher;
    if seed == 0 { std::hash::RandomState::new().hash_one("trifuse") } else { seed }
}

/// A duration of the core, for ever being `None`.
pub(crate) fn known(ns: u64) -> Option<std::time::Duration> {
    (ns != trifuse_sys::TRIFUSE_NEVER).then(|| std::time::Duration::from_nanos(ns))
}
