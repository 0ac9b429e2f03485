//! Waiting for something to become true.

use std::{
    fmt::Display,
    future::Future,
    time::{Duration, Instant},
};

use super::WorldError;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Looks until the condition answers `Ok`, and answers what it answered; its `Err` says what is there instead.
///
/// # Errors
/// When the limit passes, with what was last there.
pub async fn eventually<T, E, F, R>(what: &str, limit: Duration, mut look: F) -> Result<T, WorldError>
where
    F: FnMut() -> R,
    R: Future<Output = Result<T, E>>,
    E: Display,
{
    let began = Instant::now();
    let mut last = "nothing".to_owned();
    loop {
        let left = limit.saturating_sub(began.elapsed());
        match tokio::time::timeout(left, look()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(instead)) => last = instead.to_string(),
            Err(_) => {}
        }
        if began.elapsed() >= limit {
            return Err(WorldError::Late { what: what.to_owned(), limit, last });
        }
        tokio::time::sleep(LOOK).await;
    }
}
