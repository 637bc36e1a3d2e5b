// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guarded channels of tonic: on a real server, and on the same service in memory where time is stopped.
mod again;
mod kit;
mod outcomes;
mod refusals;
mod streams;
mod times;
