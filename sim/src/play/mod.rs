//! Plays scenarios in this process.

mod severed;

pub use self::severed::Severed;
