// SPDX-License-Identifier: MIT OR Apache-2.0
//! What clients of HTTP and gRPC have in common: the policies of each host, what a request holds of them, and
//! bodies of answers that end it.
mod body;
mod hosts;
mod limit;
mod obtain;
mod places;
mod policies;
mod settings;
mod snapshot;
mod ticket;
mod verdict;

pub(crate) use body::{Bounded, Reads};
pub(crate) use hosts::Hosts;
pub(crate) use limit::{Total, too_late};
pub(crate) use obtain::Obtain;
pub use policies::Policies;
pub(crate) use policies::SharedHost;
pub(crate) use settings::{Retries, Settings, settings};
pub use snapshot::HostSnapshot;
pub(crate) use ticket::Ticket;
pub(crate) use verdict::Verdict;
