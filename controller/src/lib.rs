//! The controller: a pure core, the four steps around it, routers, gates, notices, the runtime under it.

mod act;
pub mod api;
pub mod app;
pub mod core;
mod described;
pub mod memory;
pub mod meters;
pub mod observe;
pub mod reconcile;
pub mod report;
pub mod routers;
pub mod runs;
pub mod runtime;
pub mod world;
