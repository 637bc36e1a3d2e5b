// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all objects of the core have in common: made on its heap, freed once, used from any thread.

/// An owned object of `$type` with checks of its configuration. A `now` of 0 is the core's clock.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident, $type:ident, $config:ident, $new:ident, $free:ident, $check:ident, $init:ident($($preset:ident)?)) => {
        $(#[$doc])*
        pub(crate) struct $name(std::ptr::NonNull<sys::$type>);

        // SAFETY: the header promises that every call on an object may come from any thread; `drop` has
        // the value to itself.
        unsafe impl Send for $name {}
        // SAFETY: as above.
        unsafe impl Sync for $name {}

        impl $name {
            pub(crate) fn new(config: &sys::$config, now: u64) -> Result<Self, ConfigError> {
                let mut object = std::ptr::null_mut();
                // SAFETY: the structs carry their size; `object` is a place for a pointer.
                refused(|error| unsafe { sys::$new(config, now, error, &raw mut object) })?;
                Ok(Self(std::ptr::NonNull::new(object).expect("the core returns an object with TRIFUSE_OK")))
            }

            pub(crate) fn check(config: &sys::$config) -> Result<(), ConfigError> {
                // SAFETY: both point to structs that carry their size.
                refused(|error| unsafe { sys::$check(config, error) })
            }

            #[inline]
            fn at(&self) -> *mut sys::$type {
                self.0.as_ptr()
            }

            /// The core's own defaults, against which the constants of this crate are tested.
            #[cfg(test)]
            pub(crate) fn defaults($($preset: u32)?) -> sys::$config {
                let mut config = zeroed_with_size!(sys::$config);
                let size = std::mem::size_of::<sys::$config>();
                // SAFETY: `config` is a struct of `size` bytes.
                let result = unsafe { sys::$init(&raw mut config, size $(, $preset)?) };
                assert_eq!(result, sys::TRIFUSE_OK, "{}", super::text::result(result));
                config
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: made by the core's `_new`, and nobody else holds it.
                unsafe { sys::$free(self.at()) }
            }
        }
    };
}
pub(super) use object;

/// Debug builds stop where the core calls this crate mistaken.
#[inline]
pub(super) fn done(result: std::ffi::c_int) {
    debug_assert!(result >= trifuse_sys::TRIFUSE_OK, "{}", super::text::result(result));
}
