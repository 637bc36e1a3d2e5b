// SPDX-License-Identifier: MIT OR Apache-2.0
//! The resilient client over reqwest, and its policies as a middleware, with servers on the loopback that count
//! what reaches them.
mod again;
mod bodies;
mod hosts;
mod kit;
mod limits;
mod middleware;
mod outcomes;
mod times;
