// SPDX-License-Identifier: MIT OR Apache-2.0
//! Health checks: what a service needs, whether it is there, and what that means for the service.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use trifuse::health::{Component, Health, Status};
//! use trifuse::{Config, Registry};
//!
//! async fn ping() -> Result<(), std::io::Error> {
//!     Ok(())
//! }
//!
//! let registry = Arc::new(Registry::new());
//! let health = Health::builder()
//!     .version("1.4.2")
//!     .check("database", ping)
//!     .component(Component::new("mail", || async { (Status::Degraded, "the queue is long") }).optional())
//!     .breakers(registry.clone())
//!     .critical_breakers(["payments"])
//!     .build()?;
//!
//! registry.breaker("payments", Config::DEFAULT)?;
//! let report = health.report().await;
//! assert_eq!(report.status, Status::Degraded);
//! let told: Vec<_> = report.checks.iter().map(|check| check.to_string()).collect();
//! assert_eq!(told, ["database: healthy", "mail: degraded (the queue is long)", "circuit_breaker:payments: healthy (closed)"]);
//! # Ok::<(), trifuse::ConfigError>(())
//! # }).unwrap();
//! ```
//!
//! A check returns nothing or `true` (healthy), `false`, a [`Status`], `(status, message)`, or a `Result` of one of
//! these; one that fails, panics or takes longer than its time (5 s) is unhealthy. Checks run side by side, each in
//! a task of its own. Of an error the type alone is told, since its text may hold addresses and passwords and
//! health routes are often public; [`HealthBuilder::on_error`] gets all of it.
//!
//! | | the service is |
//! |---|---|
//! | a critical check is unhealthy, or one of `critical_breakers` is open | unhealthy |
//! | any other check is not healthy, any breaker is not closed | degraded |
//! | else | healthy |

mod breakers;
mod builder;
mod check;
mod component;
#[cfg(feature = "sqlx")]
mod database;
mod report;
mod run;

pub use builder::HealthBuilder;
pub use check::{Checked, HealthCheck};
pub use component::Component;
#[cfg(feature = "sqlx")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlx")))]
pub use database::DatabaseCheck;
pub use report::{CheckResult, HealthReport, Status};
pub use run::Health;
