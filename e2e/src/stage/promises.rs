//! The promises, asked of a world that no scenario plays in.

use jiff::Timestamp;
use serin_sim::invariants::{Checker, Violation};

use super::{LOGGED, RACE, SLACK, audit_writes::AuditWrites};
use crate::world::{User, World, WorldError};

/// Every promise that the controllers of this world have broken since its start; nothing is under way any more.
///
/// # Errors
/// When the audit log can't be read.
pub async fn broken_promises(world: &World) -> Result<Vec<Violation>, WorldError> {
    let now = Timestamp::now();
    tokio::time::sleep(LOGGED).await;
    let mut checker = Checker::new(User::Serin.name()).racing(RACE);
    let (_, writes) = AuditWrites::new(world.audit()).read(now + SLACK)?;
    for write in writes {
        checker.see(&write);
    }
    checker.at_rest(now);
    Ok(checker.violations().to_vec())
}
