//! The vectors of the original implementation.
