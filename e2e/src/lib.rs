//! The scenarios on real parts, the clients that must work, and the figures.
//!
//! A trial (see [`runner`]) plays in a [`world`]: a network namespace of its own that holds nothing but `lo`, in which
//! etcd, the API server, the controller manager, istiod, Envoy and Prometheus run as ordinary processes, and pods as
//! processes of a small service ([`pod`]).

pub mod pod;
pub mod runner;
pub mod stage;
pub mod world;
