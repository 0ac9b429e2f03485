//! The demo on a real terminal (tmux): it fits, follows the size, leaves the terminal as it was, and looks as README shows it.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

mod live;
mod picture;
mod tmux;
