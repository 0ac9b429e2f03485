//! The loop into Git: a policy decides, a commit takes the image back, people are told, the cluster proves it.
//!
//! A workload of its own, so that the controller holds no Git credential and a Git server that hangs touches no traffic.

mod act;
pub mod app;
mod asked;
mod cluster;
pub mod core;
pub mod edit;
mod events;
pub mod flags;
pub mod gate;
pub mod git;
mod meters;
mod notices;
mod observe;
mod rows;
mod turn;
mod world;
