// SPDX-License-Identifier: MIT OR Apache-2.0
//! A cache of results, for calls that get no answer.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use trifuse::{CallError, Fallback, cache::ResultCache};
//!
//! async fn ask(question: &str, down: bool) -> Result<Arc<str>, std::io::Error> {
//!     if down { Err(std::io::Error::other("down")) } else { Ok(question.to_uppercase().into()) }
//! }
//!
//! let answers = ResultCache::<String, Arc<str>>::builder("answers").build()?;
//! let answer = answers.get_or_call("why".to_owned(), || ask("why", false)).await.unwrap();
//! assert_eq!(&*answer, "WHY"); // and is kept
//!
//! let fallback = Fallback::new("answers")
//!     .level_async("cache", answers.level("why".to_owned()))
//!     .value(Arc::from("Sorry."));
//! assert_eq!(&*fallback.call_async(ask("why", true)).await.unwrap(), "WHY");
//! # Ok::<(), trifuse::ConfigError>(())
//! # }).unwrap();
//! ```
//!
//! - **Readers and writers** do not wait for each other, and nobody copies: who reads gets a clone of the value, so let
//!   it be one that is cheap to clone, an `Arc` or `Bytes`.
//! - **Bounded**: `capacity` entries, those that are used least go first; or a weight that you say.
//! - **Fresh and stale**: for `time_to_live` an entry stands in for the call; for `stale_if_error` longer it is given only
//!   where there is no other answer.
//! - **Single flight**: of the calls for one key that find nothing at the same time one is made; the others wait for it and
//!   get its answer, or its error. Where it is dropped the one who has waited longest makes the call.
//! - **A degraded answer is not kept**: not that of a [`Fallback`](crate::Fallback) within the call, nor a stale one of
//!   another cache, wherever in the call's own task it came from.

mod builder;
mod calls;
mod flights;
#[cfg(feature = "tower")]
mod layer;
mod lookup;
mod result_cache;
mod watching;

pub use builder::ResultCacheBuilder;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use layer::{CacheFuture, CacheLayer, CacheService};
pub use lookup::{CacheSnapshot, Found, Lookup};
pub use result_cache::ResultCache;
