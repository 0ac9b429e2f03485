//! The scenarios on real parts, the clients that must work, and the figures.
