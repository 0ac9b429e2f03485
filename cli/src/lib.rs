//! serin: the demo and the simulator on the command line.

pub mod demo;
pub mod play;
pub mod terminal;
pub mod view;
