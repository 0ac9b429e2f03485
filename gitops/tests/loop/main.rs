//! The loop on the simulator's API server, with real repositories, and OPA, Slack and webhooks played on loopback. One program,
//! because linking it takes longer than playing it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
mod git;
mod program;
mod sweep;
mod timelines;
mod waits;
