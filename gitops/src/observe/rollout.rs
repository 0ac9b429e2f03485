//! One Rollout: where it stands, and what was found out about its abort.

use jiff::Timestamp;
use serde_json::Value;
use serin_controller::runtime::key::Key;
use serin_crds::analysis::{AnalysisRun, MetricResult};
use serin_crds::names::{
    AnalysisPhase, ConditionReason, ConditionType, REVISION_ANNOTATION, RolloutPhase, TICKET_ANNOTATION,
};
use serin_crds::rollback::RollbackVerdict;
use serin_crds::rollout::Rollout;
use serin_crds::{salvage, time};

use crate::cluster::CallError;
use crate::core::images::{Images, of_template};
use crate::core::observed::{Aborted, Evidence, PolicySeen, RolloutSeen};
use crate::core::{counts, record, words};
use crate::world::World;

/// Reads a Rollout; `None` when it is gone.
pub(super) async fn read(world: &World, policy: &PolicySeen, name: &str) -> Result<Option<RolloutSeen>, CallError> {
    let Some(object) = world.cluster.rollout(&Key::new(&policy.namespace, name)).await? else { return Ok(None) };
    let (rollout, _): (Rollout, _) = salvage(object);
    let meta = &rollout.metadata;
    let annotation = |name: &str| meta.annotations.as_ref().and_then(|all| all.get(name)).cloned();
    let current = rollout.status.current_pod_hash.as_deref();
    let wanted = match (&rollout.spec.template, current) {
        (Some(template), _) => of_template(template),
        // Of a workload elsewhere, the ReplicaSet says it.
        (None, Some(hash)) => sets(world, policy, &rollout, &[hash]).await?.swap_remove(0).0.unwrap_or_default(),
        (None, None) => Images::new(),
    };
    let mut seen = RolloutSeen {
        name: name.to_owned(),
        uid: meta.uid.clone().unwrap_or_default(),
        labels: meta.labels.clone().unwrap_or_default(),
        ticket: annotation(TICKET_ANNOTATION).filter(|ticket| !ticket.is_empty()),
        revision: annotation(REVISION_ANNOTATION),
        wanted,
        healthy: is_healthy(&rollout),
        aborted: aborted(&rollout),
    };
    let id = seen.rollback();
    let known = policy.status.rollbacks.iter().any(|rollback| Some(&rollback.id) == id.as_ref());
    if let Some(aborted) = seen.aborted.as_mut().filter(|aborted| !known && counts(&policy.spec.on, &aborted.cause)) {
        aborted.evidence = Some(evidence(world, policy, &rollout, aborted).await?);
    }
    Ok(Some(seen))
}

/// Whether the Rollout is healthy on what it asks for, as of what it asks for now.
fn is_healthy(rollout: &Rollout) -> bool {
    let status = &rollout.status;
    let generation = rollout.metadata.generation.map(|generation| generation.to_string());
    let observed = status.observed_generation.as_ref().map(ToString::to_string);
    status.phase == Some(RolloutPhase::Healthy)
        && status.stable_rs.is_some()
        && status.stable_rs == status.current_pod_hash
        && (generation.is_none() || observed.is_none() || observed == generation)
}

/// The abort of the revision that is asked for, once it is carried out.
fn aborted(rollout: &Rollout) -> Option<Aborted> {
    let status = &rollout.status;
    let at = status.aborted_at.filter(|_| status.abort)?;
    let updating = status.current_pod_hash.is_some() && status.current_pod_hash != status.stable_rs;
    let progressing = status.conditions.iter().find(|condition| condition.kind == ConditionType::Progressing)?;
    if !updating || progressing.reason != ConditionReason::RolloutAborted.as_str() {
        return None;
    }
    let (cause, reason) = record::cause(&progressing.message);
    Some(Aborted { at, cause, reason, evidence: None })
}

async fn evidence(
    world: &World,
    policy: &PolicySeen,
    rollout: &Rollout,
    aborted: &Aborted,
) -> Result<Evidence, CallError> {
    let hash = |hash: &Option<String>| hash.clone().unwrap_or_default();
    let (current, stable) = (hash(&rollout.status.current_pod_hash), hash(&rollout.status.stable_rs));
    let mut sets = sets(world, policy, rollout, &[&current, &stable]).await?.into_iter();
    let (from, began) = sets.next().unwrap_or_default();
    let (to, _) = sets.next().unwrap_or_default();
    let runs = world.cluster.runs(&policy.namespace, &current).await?;
    let verdict = verdict(rollout, aborted, runs);
    Ok(Evidence { from, to, verdict, began })
}

/// Images and birth of the Rollout's `ReplicaSet`s of these hashes, in this order.
async fn sets(
    world: &World,
    policy: &PolicySeen,
    rollout: &Rollout,
    hashes: &[&str],
) -> Result<Vec<(Option<Images>, Option<Timestamp>)>, CallError> {
    let found = world.cluster.replica_sets(&policy.namespace, hashes).await?;
    let uid = rollout.metadata.uid.as_deref();
    let of = |hash: &&str| {
        let fits = |set: &&Value| owner(set) == uid && label(set) == Some(*hash);
        let Some(set) = found.iter().find(fits) else { return (None, None) };
        let born = set.pointer("/metadata/creationTimestamp").and_then(Value::as_str).and_then(time::parse);
        (set.pointer("/spec/template").map(of_template), born)
    };
    Ok(hashes.iter().map(of).collect())
}

fn label(object: &Value) -> Option<&str> {
    object.get("metadata")?.get("labels")?.get(serin_crds::names::HASH_LABEL)?.as_str()
}

/// Uid of the controller of an object.
fn owner(object: &Value) -> Option<&str> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    owners.iter().find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?.get("uid")?.as_str()
}

/// What was found wrong: of the run that failed last, the metric that failed.
fn verdict(rollout: &Rollout, aborted: &Aborted, runs: Vec<Value>) -> RollbackVerdict {
    let bare =
        RollbackVerdict { cause: aborted.cause.clone(), reason: aborted.reason.clone(), ..RollbackVerdict::default() };
    let uid = rollout.metadata.uid.as_deref();
    let ours = runs.into_iter().filter(|run| owner(run) == uid).map(|run| salvage::<AnalysisRun>(run).0);
    let failed = |phase: &AnalysisPhase| matches!(phase, AnalysisPhase::Failed | AnalysisPhase::Error);
    let Some(run) = ours.filter(|run| failed(&run.status.phase)).max_by_key(|run| run.status.completed_at) else {
        return bare;
    };
    let metric = run.status.metric_results.iter().find(|metric| failed(&metric.phase) && !metric.dry_run);
    let condition = |name: &str| {
        let spec = run.spec.metrics.iter().find(|metric| metric.name == name)?;
        spec.success_condition.clone().or_else(|| spec.failure_condition.as_ref().map(|bad| format!("not ({bad})")))
    };
    RollbackVerdict {
        run: run.metadata.name.clone(),
        metric: metric.map(|metric| words::line(&metric.name)),
        value: metric.and_then(last_value),
        condition: metric.and_then(|metric| condition(&metric.name)).map(|text| words::line(&text)),
        ..bare
    }
}

fn last_value(metric: &MetricResult) -> Option<String> {
    let measured = metric.measurements.iter().rev().find_map(|measurement| measurement.value.as_deref());
    measured.map(words::line)
}
