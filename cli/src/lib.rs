//! serin: the kubectl plugin, the demo and the simulator.
