// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all layers and services have in common.

/// `get_ref`, `get_mut`, `into_inner` and `Debug` of a service whose field `inner` is a `Readied`.
macro_rules! inner {
    ($type:ident<S $(, $param:ident)*>) => {
        impl<S $(, $param)*> $type<S $(, $param)*> {
            /// The service within.
            pub fn get_ref(&self) -> &S {
                &self.inner.service
            }

            /// The service within.
            pub fn get_mut(&mut self) -> &mut S {
                &mut self.inner.service
            }

            /// The service within, without the policy.
            pub fn into_inner(self) -> S {
                self.inner.service
            }
        }

        impl<S: std::fmt::Debug $(, $param)*> std::fmt::Debug for $type<S $(, $param)*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).field("inner", self.get_ref()).finish_non_exhaustive()
            }
        }
    };
}

/// `Debug` by the name alone.
macro_rules! opaque {
    ($type:ident<$($param:ident),*> $($bound:tt)*) => {
        impl<$($param),*> std::fmt::Debug for $type<$($param),*> $($bound)* {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use {inner, opaque};
