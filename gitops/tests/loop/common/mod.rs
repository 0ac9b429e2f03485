//! What the loop is played on: a bare repository on this machine, servers on loopback, and the API server of the simulator.

pub mod release;
pub mod repository;
pub mod servers;
pub mod stage;
