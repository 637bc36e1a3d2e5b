// SPDX-License-Identifier: MIT OR Apache-2.0
//! A task that looks at breakers at a fixed period, and raises an alert when one stays open.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use std::time::Duration;
//! use trifuse::{Config, Registry, monitor::Monitor};
//!
//! let registry = Arc::new(Registry::new());
//! registry.breaker("payments", Config::DEFAULT)?;
//! let monitor = Monitor::builder(registry.clone())
//!     .period(Duration::from_millis(2))
//!     .on_sample(|sample| {
//!         for breaker in sample.breakers {
//!             println!("{} {} {:.1} %", breaker.name, breaker.state, 100.0 * breaker.failure_rate);
//!         }
//!     })
//!     .alert_after(Duration::from_secs(60))
//!     .on_alert(|alert| eprintln!("{alert}"))
//!     .start()?;
//! monitor.stop().await;
//! # Ok::<(), trifuse::ConfigError>(())
//! # }).unwrap();
//! ```

mod alert;
mod builder;
mod task;

pub use alert::{Alert, AlertKind};
pub use builder::MonitorBuilder;
pub use task::{Monitor, Sample};
