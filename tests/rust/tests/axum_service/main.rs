// SPDX-License-Identifier: MIT OR Apache-2.0
//! A service with axum: what its clients are told, its limits, and the routes of its operators.
mod admin;
mod answers;
mod bodies;
mod edges;
mod health;
mod keys;
mod kit;
mod layers;
mod limits;
mod load;
mod logs;
