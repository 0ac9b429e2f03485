//! serin: the kubectl plugin, the demo and the simulator on the command line.

pub mod demo;
mod files;
pub mod lint;
pub mod outcome;
pub mod play;
pub mod plugin;
pub mod simulate;
pub mod terminal;
pub mod view;
