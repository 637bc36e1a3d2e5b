// SPDX-License-Identifier: MIT OR Apache-2.0
//! A breaker of the core, owned.
use std::ffi::c_int;
use std::mem::{MaybeUninit, size_of};
use std::ptr::{NonNull, null_mut};

use sys::{trifuse_breaker_config, trifuse_breaker_event, trifuse_breaker_snapshot};
use trifuse_sys as sys;

use super::config::{refused, zeroed_with_size};
use crate::error::ConfigError;

/// A breaker of `trifuse_breaker_new`, freed with this value. A `now` of 0 is the core's clock.
pub(crate) struct RawBreaker(NonNull<sys::trifuse_breaker>);

// SAFETY: the header promises that every call on an object may come from any thread; `drop` has the
// value to itself.
unsafe impl Send for RawBreaker {}
// SAFETY: as above.
unsafe impl Sync for RawBreaker {}

/// What a call of the core said. The core writes `flags` and `retry_after_ns` always and the rest only
/// with a transition.
pub(crate) struct Event(MaybeUninit<trifuse_breaker_event>);

impl Event {
    #[inline]
    pub(crate) fn new() -> Self {
        let mut event = MaybeUninit::<trifuse_breaker_event>::uninit();
        let at = event.as_mut_ptr();
        // SAFETY: the fields lie within `event`; only their own bytes are written.
        unsafe {
            (&raw mut (*at).struct_size).write(size_of::<trifuse_breaker_event>() as u32);
            (&raw mut (*at).flags).write(0);
            (&raw mut (*at).retry_after_ns).write(0);
        }
        Self(event)
    }

    #[inline]
    fn at(&mut self) -> *mut trifuse_breaker_event {
        self.0.as_mut_ptr()
    }

    /// The transition that this caller is told of.
    #[inline]
    pub(crate) fn transition(&self) -> Option<&trifuse_breaker_event> {
        // SAFETY: `new` has written flags; with the flag set the core has written every field.
        unsafe {
            let told = (*self.0.as_ptr()).flags & sys::TRIFUSE_EVENT_TRANSITION != 0;
            told.then(|| self.0.assume_init_ref())
        }
    }

    #[inline]
    pub(crate) fn retry_after_ns(&self) -> u64 {
        // SAFETY: `new` has written it.
        unsafe { (*self.0.as_ptr()).retry_after_ns }
    }
}

type Steer = unsafe extern "C" fn(*mut sys::trifuse_breaker, u64, *mut trifuse_breaker_event) -> c_int;

impl RawBreaker {
    pub(crate) fn new(config: &trifuse_breaker_config, now: u64) -> Result<Self, ConfigError> {
        let mut breaker = null_mut();
        // SAFETY: the structs carry their size; `breaker` is a place for a pointer.
        refused(|error| unsafe { sys::trifuse_breaker_new(config, now, error, &raw mut breaker) })?;
        Ok(Self(NonNull::new(breaker).expect("the core returns a breaker with TRIFUSE_OK")))
    }

    /// A result and, if admitted, a permit. The event is not returned: moving it costs more than the
    /// admission.
    #[inline]
    pub(crate) fn try_acquire(&self, now: u64, permit: &mut u64, event: &mut Event) -> c_int {
        // SAFETY: the breaker lives; the event carries its size.
        unsafe { sys::trifuse_breaker_try_acquire(self.at(), now, permit, event.at()) }
    }

    /// Reports to nobody in particular: whether it was in time.
    #[inline]
    pub(crate) fn report(&self, permit: u64, outcome: u32, duration: u64, now: u64) -> bool {
        // SAFETY: the breaker lives; a NULL event is allowed.
        let result =
            unsafe { sys::trifuse_breaker_report(self.at(), permit, outcome, duration, now, null_mut()) };
        debug_assert!(result >= 0, "{}", super::text::result(result));
        result == sys::TRIFUSE_OK
    }

    /// As `report`, with what happened.
    pub(crate) fn report_event(&self, permit: u64, outcome: u32, duration: u64, now: u64) -> (bool, Event) {
        let mut event = Event::new();
        // SAFETY: the breaker lives; the event carries its size.
        let result =
            unsafe { sys::trifuse_breaker_report(self.at(), permit, outcome, duration, now, event.at()) };
        debug_assert!(result >= 0, "{}", super::text::result(result));
        (result == sys::TRIFUSE_OK, event)
    }

    pub(crate) fn renew(&self, permit: u64, now: u64) -> bool {
        // SAFETY: the breaker lives.
        unsafe { sys::trifuse_breaker_renew(self.at(), permit, now) == sys::TRIFUSE_OK }
    }

    pub(crate) fn trip(&self, now: u64, wait: u64) -> Event {
        let mut event = Event::new();
        // SAFETY: the breaker lives; the event carries its size.
        done(unsafe { sys::trifuse_breaker_trip(self.at(), now, wait, event.at()) });
        event
    }

    pub(crate) fn reset(&self, now: u64) -> Event {
        self.steer(sys::trifuse_breaker_reset, now)
    }

    pub(crate) fn close(&self, now: u64) -> Event {
        self.steer(sys::trifuse_breaker_close, now)
    }

    pub(crate) fn force_open(&self, now: u64) -> Event {
        self.steer(sys::trifuse_breaker_force_open, now)
    }

    pub(crate) fn disable(&self, now: u64) -> Event {
        self.steer(sys::trifuse_breaker_disable, now)
    }

    pub(crate) fn metrics_only(&self, now: u64) -> Event {
        self.steer(sys::trifuse_breaker_metrics_only, now)
    }

    fn steer(&self, call: Steer, now: u64) -> Event {
        let mut event = Event::new();
        // SAFETY: `call` is a function of the core; the breaker lives; the event carries its size.
        done(unsafe { call(self.at(), now, event.at()) });
        event
    }

    pub(crate) fn reconfigure(&self, config: &trifuse_breaker_config, now: u64) -> Result<(), ConfigError> {
        // SAFETY: the breaker lives; the structs carry their size.
        refused(|error| unsafe { sys::trifuse_breaker_reconfigure(self.at(), config, now, error) })
    }

    pub(crate) fn snapshot(&self, now: u64) -> trifuse_breaker_snapshot {
        let mut snapshot = zeroed_with_size!(trifuse_breaker_snapshot);
        // SAFETY: the breaker lives; the snapshot carries its size.
        done(unsafe { sys::trifuse_breaker_get_snapshot(self.at(), now, &raw mut snapshot) });
        snapshot
    }

    pub(crate) fn state(&self) -> u32 {
        // SAFETY: the breaker lives.
        let state = unsafe { sys::trifuse_breaker_state(self.at()) };
        state.unsigned_abs()
    }

    pub(crate) fn generation(&self) -> u64 {
        // SAFETY: the breaker lives.
        unsafe { sys::trifuse_breaker_generation(self.at()) }
    }

    pub(crate) fn config(&self) -> trifuse_breaker_config {
        let mut config = zeroed_with_size!(trifuse_breaker_config);
        // SAFETY: the breaker lives; the configuration carries its size.
        done(unsafe { sys::trifuse_breaker_get_config(self.at(), &raw mut config) });
        config
    }

    fn at(&self) -> *mut sys::trifuse_breaker {
        self.0.as_ptr()
    }
}

impl Drop for RawBreaker {
    fn drop(&mut self) {
        // SAFETY: made by `trifuse_breaker_new`, and nobody else holds it.
        unsafe { sys::trifuse_breaker_free(self.at()) }
    }
}

fn done(result: c_int) {
    debug_assert!(result == sys::TRIFUSE_OK, "{}", super::text::result(result));
}
