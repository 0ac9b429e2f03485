//! Actors on paused time, against an API server and a Prometheus in memory.

mod api;
mod ends;
mod faults;
mod lifecycle;
mod prometheus;
mod secrets;
mod world;
mod writes;

use std::time::Duration;

use serde_json::{Value, json};
use serin_crds::names::AnalysisPhase::{Error, Failed, Running, Successful};

use world::{World, metric, run};

/// Milliseconds of paused time in which everything that is due at the same instant has happened.
const SETTLE: Duration = Duration::from_millis(5);
