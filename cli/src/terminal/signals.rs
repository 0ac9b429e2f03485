//! Signals that end or suspend whoever uses the terminal.

use std::convert::Infallible;

use futures::future::{Either, FutureExt as _, select, select_all};
use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::restore;

/// Waits for a signal that asks the program to end, and answers its number: an interrupt, a request to terminate, or a
/// terminal that is gone. A request to suspend (Ctrl-Z) gives the terminal back first, then is obeyed.
pub async fn stopped() -> u8 {
    let ends = [Signal::INT, Signal::TERM, Signal::HUP].map(|end| received(end).boxed());
    match select(select_all(ends), std::pin::pin!(suspend())).await {
        Either::Left(((number, ..), _)) => number,
        Either::Right((never, _)) => match never {},
    }
}

/// Obeys requests to suspend.
async fn suspend() -> Infallible {
    loop {
        received(Signal::TSTP).await;
        restore();
        // The shell has the terminal until we are continued; a system that refuses to stop us leaves us running.
        let _ = kill_process(getpid(), Signal::STOP);
    }
}

/// Waits for one signal, and answers its number. One that can't be waited for never comes.
async fn received(wanted: Signal) -> u8 {
    let number = wanted.as_raw();
    if let Ok(mut signals) = signal(SignalKind::from_raw(number))
        && signals.recv().await.is_some()
    {
        return u8::try_from(number).unwrap_or(0);
    }
    std::future::pending().await
}
