//! The controller: a pure core, the four steps around it, routers, gates, notices, the runtime under it.

pub mod runs;
pub mod runtime;
