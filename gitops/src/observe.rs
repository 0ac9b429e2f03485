//! Observe: reads the world. May read; never writes.

mod rollout;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use serin_controller::runtime::key::Key;
use serin_controller::runtime::reading::Reading;
use serin_crds::rollback::RollbackPolicy;
use serin_crds::{Fault, salvage, validate};

use crate::cluster::CallError;
use crate::core::observed::{Observed, PolicySeen};
use crate::rows::RolloutRow;
use crate::world::World;

/// What one turn is about.
pub struct Turn {
    /// Version of the policy that was read.
    pub version: String,
    /// What a decision is made from.
    pub observed: Observed,
}

/// Reads a policy and the Rollouts that it is about; `None` when the policy is gone.
///
/// # Errors
/// The API server does not answer.
pub async fn observe(world: &World, key: &Key) -> Result<Option<Turn>, CallError> {
    let Some(object) = world.cluster.policy(key).await? else { return Ok(None) };
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    if !text("/metadata/deletionTimestamp").is_empty() {
        return Ok(None);
    }
    let version = text("/metadata/resourceVersion");
    let policy = policy(world, key, object);
    let mut rollouts = BTreeMap::new();
    for name in names(world, &policy) {
        if let Some(seen) = rollout::read(world, &policy, &name).await? {
            rollouts.insert(name, seen);
        }
    }
    let observed = Observed { now: world.clock.now(), policy, rollouts, ..Observed::default() };
    Ok(Some(Turn { version, observed }))
}

/// Takes a policy apart, with every fault of its spec.
fn policy(world: &World, key: &Key, object: Value) -> PolicySeen {
    let (policy, faults): (RollbackPolicy, Vec<Fault>) = salvage(object);
    let mut faults: Vec<Fault> = faults.into_iter().filter(|fault| fault.path.starts_with("spec")).collect();
    faults.extend(validate::rollback_policy(&policy.spec));
    faults.extend(world.git.refusal(&policy.spec.git.url).map(|why| Fault::saying("spec.git.url", &why)));
    PolicySeen {
        namespace: key.namespace().to_owned(),
        name: key.name().to_owned(),
        generation: policy.metadata.generation.unwrap_or_default(),
        spec: policy.spec,
        faults,
        status: policy.status,
    }
}

/// The Rollouts to read: those that are aborted and selected, and those of rollbacks under way.
fn names(world: &World, policy: &PolicySeen) -> Vec<String> {
    let selector = &policy.spec.selector;
    let selected = |row: &Arc<RolloutRow>| {
        use serin_controller::runtime::projection::Projection as _;
        row.key().namespace() == policy.namespace
            && row.rollback.as_ref().is_some_and(|id| !policy.status.rollbacks.iter().any(|known| known.id == *id))
            && (selector.names.is_empty() || selector.names.iter().any(|name| name == row.key().name()))
            && selector.match_labels.iter().all(|(label, value)| row.labels.get(label) == Some(value))
    };
    let mut names: Vec<String> =
        world.rollouts.all().iter().filter(|row| selected(row)).map(|row| name_of(row)).collect();
    let open = policy.status.rollbacks.iter().filter(|rollback| !rollback.stage.is_final());
    names.extend(open.map(|rollback| rollback.rollout.clone()));
    names.sort_unstable();
    names.dedup();
    names
}

fn name_of(row: &RolloutRow) -> String {
    use serin_controller::runtime::projection::Projection as _;
    row.key().name().to_owned()
}

/// Whether the cache of Rollouts can be believed.
pub fn readable(world: &World, key: &Key) -> Result<(), String> {
    match world.rollouts.get(&key.beside("")) {
        Reading::Unreadable(why) => Err(why),
        Reading::Seen(_) | Reading::Absent => Ok(()),
    }
}
