//! Signals that end or suspend whoever uses the terminal.

use std::convert::Infallible;

use futures::future::{Either, FutureExt as _, select, select_all};
use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::restore;

/// Waits for a signal that asks the program to end, and answers its number: an interrupt, a request to terminate, or a
/// terminal that is gone. A request to suspend (Ctrl-Z) gives the terminal back first, then is obeyed.
///
/// Signals are caught from this call on, whenever the answer is awaited. To be called on a runtime.
pub fn stopped() -> impl Future<Output = u8> {
    let ends = [Signal::INT, Signal::TERM, Signal::HUP].map(|end| received(end).boxed());
    let suspended = caught(Signal::TSTP);
    async {
        match select(select_all(ends), std::pin::pin!(suspend(suspended))).await {
            Either::Left(((number, ..), _)) => number,
            Either::Right((never, _)) => match never {},
        }
    }
}

/// Obeys requests to suspend.
async fn suspend(mut requests: Option<tokio::signal::unix::Signal>) -> Infallible {
    loop {
        next(&mut requests).await;
        restore();
        // The shell has the terminal until we are continued; a system that refuses to stop us leaves us running.
        let _ = kill_process(getpid(), Signal::STOP);
    }
}

/// Waits for one signal, and answers its number.
fn received(wanted: Signal) -> impl Future<Output = u8> {
    let mut signals = caught(wanted);
    async move {
        next(&mut signals).await;
        u8::try_from(wanted.as_raw()).unwrap_or(0)
    }
}

fn caught(wanted: Signal) -> Option<tokio::signal::unix::Signal> {
    signal(SignalKind::from_raw(wanted.as_raw())).ok()
}

/// Waits for the next signal; one that can't be caught never comes.
async fn next(signals: &mut Option<tokio::signal::unix::Signal>) {
    let came = match signals {
        Some(signals) => signals.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending::<()>().await;
    }
}
