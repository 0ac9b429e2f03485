//! What a version of a Rollout describes: decoded once, with everything that follows from it alone.

use std::sync::Arc;

use serde_json::Value;
use serin_crds::rollout::{Rollout, RolloutSpec, RolloutStatus};
use serin_crds::{Fault, hash, unsupported, validate};

use crate::runtime::projection::RolloutRow;

/// What is derived from one version of a Rollout alone.
#[derive(Debug)]
pub struct Described {
    /// The object.
    pub object: Arc<Value>,
    /// What is asked for.
    pub spec: Arc<RolloutSpec>,
    /// What is recorded.
    pub status: RolloutStatus,
    /// What is wrong with the spec by itself.
    pub faults: Vec<String>,
    /// Paths of fields that have no effect.
    pub unsupported: Vec<String>,
    /// Those of them that decide exposure or capacity, apart from steps.
    pub held: Vec<String>,
    /// Hash of the steps.
    pub step_hash: String,
    /// Hash of the template, as it is computed here.
    pub computed: Option<String>,
}

impl Described {
    /// Decodes a Rollout.
    ///
    /// # Errors
    /// When it is no JSON object at all; everything else is a fault with a path.
    pub fn of(row: &RolloutRow) -> Result<Self, String> {
        let object = row.body.value().map_err(|e| e.to_string())?;
        let (rollout, faults) = decode(&object);
        let mut faults: Vec<String> = faults.into_iter().map(text_of).collect();
        if faults.is_empty() {
            faults.extend(validate::rollout(&rollout).into_iter().map(|fault| fault.message));
        }
        let fields = unsupported::fields(&rollout);
        let in_step = |path: &str| path.starts_with("spec.strategy.canary.steps[");
        let held = fields.iter().filter(|path| !in_step(path)).cloned().collect();
        let spec = rollout.spec;
        Ok(Self {
            object: Arc::new(object),
            step_hash: hash::steps(spec.strategy.canary.as_ref().map_or(&[], |canary| &canary.steps)),
            computed: spec.template.as_ref().map(|t| hash::pod_template(t, rollout.status.collision_count)),
            spec: Arc::new(spec),
            status: rollout.status,
            faults,
            unsupported: fields,
            held,
        })
    }
}

/// Decodes as much as can be decoded: a spec with a field of the wrong type still has a route that must be lowered, and a
/// status that must be obeyed.
fn decode(object: &Value) -> (Rollout, Vec<Fault>) {
    serin_crds::salvage(object.clone())
}

fn text_of(fault: Fault) -> String {
    if fault.message.contains(&fault.path) { fault.message } else { format!("{}: {}", fault.path, fault.message) }
}
