//! S19: we write to another namespace only where a Rollout names it.

use super::{History, Violation, WriteRecord, broken};

/// Checks every write of ours: a Rollout lives in its namespace, or names the object with its namespace.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let space = &write.key.namespace;
    // Leases are ours, wherever they are.
    let home = write.is("leases") || history.rollouts().any(|rollout| rollout.namespace == *space);
    if home || history.naming(&write.key).next().is_some() {
        return Ok(());
    }
    broken("S19", write, format!("no Rollout lives in {space:?} or names the object"))
}
