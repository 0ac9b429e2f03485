//! Routers: who moves traffic, and what of a foreign object is ours to move.

pub mod istio;
