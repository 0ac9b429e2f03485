//! Kubernetes in one process: an API server, its controllers, Istio's view, Prometheus, people and faults, in virtual time.

pub mod actors;
pub mod cluster;
pub mod felt;
pub mod invariants;
pub mod play;
pub mod prometheus;
pub mod scenario;
pub mod server;
pub mod sweep;
pub mod traffic;
pub mod transcript;
