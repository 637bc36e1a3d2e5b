// SPDX-License-Identifier: MIT OR Apache-2.0
//! One table a policy: its configuration as a plain value, the builder's setters, and its form as data.

/// Makes `$config` around the core's `$raw`, the setters of `$builder`, and reading and writing as data.
/// A line a field: how it is kept (`plain`, `time`, `maybe`: 0 is `None`, `choice`), type, names,
/// a sample for the examples, what it says.
macro_rules! policy_config {
    (
        $(#[$doc:meta])*
        $config:ident($raw:ident), $check:path, $builder:ident of $policy:ident, $make:literal;
        DEFAULT { $($default:ident: $value:expr,)* }
        $($kind:ident $type:ty, $name:ident, $with:ident, $at:ident, $sample:literal, $fdoc:literal;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq)]
        pub struct $config {
            pub(crate) raw: trifuse_sys::$raw,
        }

        impl $config {
            /// The defaults.
            #[doc = concat!(
                "\n\n```\nuse trifuse::", stringify!($config), ";\n\n",
                "assert_eq!(", stringify!($config), "::DEFAULT, ", stringify!($config), "::default());\n```"
            )]
            pub const DEFAULT: Self = Self {
                raw: trifuse_sys::$raw {
                    struct_size: std::mem::size_of::<trifuse_sys::$raw>() as u32,
                    flags: 0,
                    $($default: $value,)*
                },
            };

            $(crate::policy_config::field! { $config, $kind $type, $fdoc, $name, $with, $at, $sample })*

            /// Checks every field against its range and the fields against each other.
            ///
            /// # Errors
            /// The first field that is refused, with its value and what is allowed.
            #[doc = concat!(
                "\n\n```\nassert!(trifuse::", stringify!($config), "::DEFAULT.check().is_ok());\n```"
            )]
            pub fn check(&self) -> Result<(), crate::error::ConfigError> {
                $check(&self.raw)
            }

            /// Calls `visit` with the name and value of every field.
            pub(crate) fn each_field(&self, visit: &mut dyn FnMut(&'static str, &dyn std::fmt::Debug)) {
                $(visit(stringify!($name), &self.$name());)*
            }
        }

        impl Default for $config {
            fn default() -> Self {
                Self::DEFAULT
            }
        }

        impl std::fmt::Debug for $config {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut all = f.debug_struct(stringify!($config));
                self.each_field(&mut |name, value| {
                    all.field(name, value);
                });
                all.finish()
            }
        }

        impl $builder {
            $(crate::policy_config::setter! {
                $kind $fdoc, $name, $with, $sample, $type, concat!(stringify!($policy), "::", $make)
            })*

            /// Takes all fields from a configuration; what was set before is gone.
            #[doc = concat!(
                "\n\n```\nuse trifuse::{", stringify!($config), ", ", stringify!($policy), "};\n\n",
                "let policy = ", stringify!($policy), "::", $make,
                ".with_config(", stringify!($config), "::DEFAULT).build()?;\n",
                "# let _ = policy;\n# Ok::<(), trifuse::ConfigError>(())\n```"
            )]
            pub fn with_config(mut self, config: $config) -> Self {
                self.config = config;
                self
            }

            /// The configuration so far.
            #[doc = concat!(
                "\n\n```\nuse trifuse::{", stringify!($config), ", ", stringify!($policy), "};\n\n",
                "let builder = ", stringify!($policy), "::", $make,
                ".with_config(", stringify!($config), "::DEFAULT);\n",
                "assert_eq!(builder.config(), &", stringify!($config), "::DEFAULT);\n```"
            )]
            #[must_use]
            pub fn config(&self) -> &$config {
                &self.config
            }
        }

        #[cfg(feature = "serde")]
        crate::policy_config::data! { $config; $($kind $type, $name, $with;)* }
    };
}
pub(crate) use policy_config;

macro_rules! field {
    ($config:ident, plain $type:ty, $doc:literal, $name:ident, $with:ident, $at:ident, $sample:literal) => {
        crate::policy_config::pair! { $config, $doc, $name, $with, $sample, $type,
        |config| config.raw.$at, |config, value| config.raw.$at = value }
    };
    ($config:ident, time $type:ty, $doc:literal, $name:ident, $with:ident, $at:ident, $sample:literal) => {
        crate::policy_config::pair! { $config, $doc, $name, $with, $sample, $type,
        |config| std::time::Duration::from_nanos(config.raw.$at),
        |config, value| config.raw.$at = crate::config::to_ns(value) }
    };
    ($config:ident, maybe $type:ty, $doc:literal, $name:ident, $with:ident, $at:ident, $sample:literal) => {
        crate::policy_config::pair! { $config, $doc, $name, $with, $sample, $type,
        |config| crate::config::maybe_from_ns(config.raw.$at),
        |config, value| config.raw.$at = crate::config::maybe_to_ns(value) }
    };
    ($config:ident, choice $type:ty, $doc:literal, $name:ident, $with:ident, $at:ident, $sample:literal) => {
        crate::policy_config::pair! { $config, $doc, $name, $with, $sample, $type,
        |config| <$type>::of_raw(config.raw.$at),
        |config, value| config.raw.$at = value as u32 }
    };
    ($config:ident, seed $type:ty, $doc:literal, $name:ident, $with:ident, $at:ident, $sample:literal) => {
        crate::policy_config::pair! { $config, $doc, $name, $with, $sample, $type,
        |config| if config.raw.$at == 0 { None } else { Some(config.raw.$at) },
        |config, value| config.raw.$at = match value { Some(seed) => seed, None => 0 } }
    };
}
pub(crate) use field;

macro_rules! pair {
    ($config:ident, $doc:literal, $name:ident, $with:ident, $sample:literal, $type:ty,
     |$read:ident| $get:expr, |$write:ident, $value:ident| $set:expr) => {
        #[doc = $doc]
        #[doc = concat!(
            "\n\n```\n# #[allow(unused_imports)] use std::time::Duration;\n",
            "# #[allow(unused_imports)] use trifuse::*;\n",
            "let config = ", stringify!($config), "::DEFAULT.", stringify!($with), "(", $sample, ");\n",
            "assert_eq!(config.", stringify!($name), "(), ", $sample, ");\n```"
        )]
        #[must_use]
        pub const fn $name(&self) -> $type {
            let $read = self;
            $get
        }

        #[doc = $doc]
        #[doc = concat!(
            "\n\n```\n# #[allow(unused_imports)] use std::time::Duration;\n",
            "# #[allow(unused_imports)] use trifuse::*;\n",
            "let config = ", stringify!($config), "::DEFAULT.", stringify!($with), "(", $sample, ");\n",
            "assert_eq!(config.", stringify!($name), "(), ", $sample, ");\n```"
        )]
        #[must_use]
        pub const fn $with(mut self, $value: $type) -> Self {
            let $write = &mut self;
            $set;
            self
        }
    };
}
pub(crate) use pair;

macro_rules! setter {
    (maybe $doc:literal, $name:ident, $with:ident, $sample:literal, $type:ty, $make:expr) => {
        crate::policy_config::setter! { @ $doc, $name, $with, $sample, impl Into<$type>, $make }
    };
    (seed $doc:literal, $name:ident, $with:ident, $sample:literal, $type:ty, $make:expr) => {
        crate::policy_config::setter! { @ $doc, $name, $with, $sample, impl Into<$type>, $make }
    };
    ($kind:ident $doc:literal, $name:ident, $with:ident, $sample:literal, $type:ty, $make:expr) => {
        crate::policy_config::setter! { @ $doc, $name, $with, $sample, $type, $make }
    };
    (@ $doc:literal, $name:ident, $with:ident, $sample:literal, $type:ty, $make:expr) => {
        #[doc = $doc]
        #[doc = concat!(
                            "\n\n```\n# #[allow(unused_imports)] use std::time::Duration;\n",
                            "# #[allow(unused_imports)] use trifuse::*;\n",
                            "let builder = ", $make, ".", stringify!($name), "(", $sample, ");\n",
                            "assert_eq!(builder.config().", stringify!($name), "(), ", $sample, ");\n```"
                        )]
        #[allow(clippy::useless_conversion)]
        pub fn $name(mut self, value: $type) -> Self {
            self.config = self.config.$with(value.into());
            self
        }
    };
}
pub(crate) use setter;

#[cfg(feature = "serde")]
macro_rules! form {
    (time $type:ty) => { crate::config_serde::Seconds };
    (maybe $type:ty) => { Option<crate::config_serde::Seconds> };
    ($kind:ident $type:ty) => { $type };
}
#[cfg(feature = "serde")]
pub(crate) use form;

/// A map of the fields by their names, durations in seconds; what is left out has its default.
#[cfg(feature = "serde")]
macro_rules! data {
    ($config:ident; $($kind:ident $type:ty, $name:ident, $with:ident;)*) => {
        const _: () = {
            use crate::config_serde::{Data, there};
            use crate::policy_config::form;

            #[derive(serde::Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Given {
                $(#[serde(default, deserialize_with = "there")] $name: Option<form!($kind $type)>,)*
            }

            #[derive(serde::Serialize)]
            struct Shown {
                $($name: form!($kind $type),)*
            }

            impl serde::Serialize for $config {
                fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    Shown { $($name: Data::<$type>::from_field(self.$name()),)* }.serialize(to)
                }
            }

            impl<'de> serde::Deserialize<'de> for $config {
                fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    let given = Given::deserialize(from)?;
                    let mut config = Self::DEFAULT;
                    $(if let Some(value) = given.$name {
                        config = config.$with(Data::<$type>::into_field(value));
                    })*
                    config.check().map_err(serde::de::Error::custom)?;
                    Ok(config)
                }
            }
        };
    };
}
#[cfg(feature = "serde")]
pub(crate) use data;
