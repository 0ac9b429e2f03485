//! What a version of a Rollout describes: decoded once, with everything that follows from it alone.

use std::sync::Arc;

use serde_json::Value;
use serin_crds::names::{PING, WORKLOAD_GENERATION_ANNOTATION};
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
        cast(&mut spec, &rollout.status);
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

/// Gives the two Services of `pingPong` the roles that they have now; none where the Rollout names Services for the roles itself.
///
/// The first revision makes ping the stable one, and each promotion swaps them, so that traffic moves once for each release.
///
/// # Source
/// Behaviour contract 2.20.
fn cast(spec: &mut RolloutSpec, status: &RolloutStatus) {
    let Some(canary) = spec.strategy.canary.as_mut() else { return };
    let named = |service: &Option<String>| service.as_ref().is_some_and(|name| !name.is_empty());
    if named(&canary.canary_service) && named(&canary.stable_service) {
        canary.ping_pong = None;
    }
    let Some(pair) = &canary.ping_pong else { return };
    let (ping, pong) = (Some(pair.ping_service.clone()), Some(pair.pong_service.clone()));
    let first = status.stable_rs.as_deref().unwrap_or_default().is_empty();
    let stable_is_ping = first || status.canary.stable_ping_pong.as_deref() == Some(PING);
    (canary.stable_service, canary.canary_service) = if stable_is_ping { (ping, pong) } else { (pong, ping) };
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The stable and the canary Service of a strategy with this status.
    #[track_caller]
    fn check(strategy: &Value, status: &Value, expect: (&str, &str)) {
        let mut spec: RolloutSpec = serde_json::from_value(json!({"strategy": {"canary": strategy}})).expect("a spec");
        let status: RolloutStatus = serde_json::from_value(status.clone()).expect("a status");
        cast(&mut spec, &status);
        let canary = spec.strategy.canary.expect("a canary");
        let name = |service: Option<String>| service.unwrap_or_default();
        let seen = (name(canary.stable_service), name(canary.canary_service));
        assert_eq!((seen.0.as_str(), seen.1.as_str()), expect, "{status:?}");
    }

    #[test]
    fn the_services_of_a_pair_have_the_roles_that_the_status_gives_them() {
        let pair = json!({"pingPong": {"pingService": "a", "pongService": "b"}});
        let status = |stable: &str| json!({"stableRS": "x", "canary": {"stablePingPong": stable}});
        check(&pair, &status("ping"), ("a", "b"));
        check(&pair, &status("pong"), ("b", "a"));
        check(&pair, &json!({"stableRS": "x"}), ("b", "a"));
        check(&pair, &json!({}), ("a", "b"));
        let named = json!({"pingPong": pair["pingPong"], "stableService": "s", "canaryService": "c"});
        check(&named, &status("pong"), ("s", "c"));
    }
}
