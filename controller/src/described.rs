//! What a version of a Rollout describes: decoded once, with everything that follows from it alone.

use std::sync::Arc;

use serde_json::Value;
use serin_crds::names::WORKLOAD_GENERATION_ANNOTATION;
use serin_crds::rollout::{Rollout, RolloutSpec, RolloutStatus};
use serin_crds::{Fault, hash, unsupported, validate};

use crate::core::snapshot::WorkloadSeen;

use crate::observe::{Referent, Referred};
use crate::runtime::projection::RolloutRow;

/// What is derived from one version of a Rollout alone, and of the workload that it refers to.
#[derive(Debug)]
pub struct Described {
    /// The object.
    pub object: Arc<Value>,
    /// What is asked for; template and selector are those of the workload where the Rollout refers to one.
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
    /// The workload that the template comes from.
    pub workload: Option<WorkloadSeen>,
    /// What the Rollout refers to and can't be read.
    pub unreadable: Option<String>,
}

impl Described {
    /// Decodes a Rollout, with the workload that it refers to.
    ///
    /// # Errors
    /// When it is no JSON object at all; everything else is a fault with a path.
    pub(crate) fn of(row: &RolloutRow, referred: Option<&Referred>) -> Result<Self, String> {
        let object = row.body.value().map_err(|e| e.to_string())?;
        let (rollout, faults) = decode(&object);
        let mut faults: Vec<String> = faults.into_iter().map(text_of).collect();
        if faults.is_empty() {
            faults.extend(validate::rollout(&rollout).into_iter().map(|fault| fault.message));
        }
        let fields = unsupported::fields(&rollout);
        let in_step = |path: &str| path.starts_with("spec.strategy.canary.steps[");
        let held = fields.iter().filter(|path| !in_step(path)).cloned().collect();
        let mut spec = rollout.spec;
        let (mut workload, mut unreadable) = (None, None);
        match referred {
            Some(Referred::Seen(referent)) => {
                faults.extend(take(&mut spec, referent));
                workload = Some(seen(&spec, referent, &object));
            }
            Some(Referred::Absent(name)) => {
                faults.push(format!("spec.workloadRef: {name} not found; create it"));
            }
            Some(Referred::Unreadable(why)) => unreadable = Some(format!("spec.workloadRef: {why}")),
            None => {}
        }
        Ok(Self {
            object: Arc::new(object),
            step_hash: hash::steps(spec.strategy.canary.as_ref().map_or(&[], |canary| &canary.steps)),
            computed: spec.template.as_ref().map(|t| hash::pod_template(t, rollout.status.collision_count)),
            spec: Arc::new(spec),
            status: rollout.status,
            workload,
            unreadable,
            faults,
            unsupported: fields,
            held,
        })
    }
}

/// Takes the pod template of a workload into a spec, and its selector where the spec has none; answers what is wrong with them.
fn take(spec: &mut RolloutSpec, referent: &Referent) -> Vec<String> {
    spec.template = Some(referent.template.clone()).filter(|template| !template.is_null());
    if spec.selector.is_none() {
        // One that can't be read is missed by the check.
        spec.selector = serde_json::from_value(referent.selector.clone()).ok();
    }
    validate::referred(spec, &referent.name).into_iter().map(|fault| fault.message).collect()
}

fn seen(spec: &RolloutSpec, referent: &Referent, object: &Value) -> WorkloadSeen {
    let noted =
        object.pointer("/metadata/annotations").and_then(|all| all.get(WORKLOAD_GENERATION_ANNOTATION)?.as_str());
    let reference = spec.workload_ref.as_ref();
    // Nothing else has a size that pods of a Rollout could stand in for.
    let is_deployment = reference.is_some_and(|reference| reference.kind.as_deref() == Some("Deployment"));
    WorkloadSeen {
        name: reference.and_then(|reference| reference.name.clone()).unwrap_or_default(),
        generation: referent.generation,
        noted: noted.map(str::to_owned),
        replicas: referent.replicas.filter(|_| is_deployment),
        scale_down: reference.and_then(|reference| reference.scale_down.clone()),
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
