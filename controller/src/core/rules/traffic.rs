//! Traffic: brought to where the record says, down at once, up only where pods answer.

use serin_crds::names::EventReason;

use super::super::because::Because;
use super::super::intent;
use super::super::plan::{Effect, Plan};
use super::super::snapshot::{RouteSeen, ServiceSeen, Snapshot};
use super::super::weight::Weight;
use crate::routers::istio::Cause;

/// Takes down traffic above the intent: a smaller step, an abort that goes on, a canary without pods, somebody's edit.
///
/// # Guarantees
/// Nothing goes where nothing can answer: unless it is an abort, the stable side must be able to take what it gets.
pub(super) fn lower(s: &Snapshot) -> Option<Plan> {
    let route = s.route()?;
    let to = intent::allowed_weight(s, route.canary);
    if to >= route.canary || (!s.status.abort && !stable_can_take(s, to)) {
        return None;
    }
    let cause = if s.status.abort {
        Cause::Abort { hash: s.revision.hash.clone(), reason: "the abort goes on".to_owned() }
    } else {
        Cause::Lower
    };
    Some(moved(s, route, to, cause))
}

/// After a promotion the stable Service has to reach the new pods before the canary's share goes there.
fn stable_can_take(s: &Snapshot, canary: Weight) -> bool {
    let selected = s.traffic.stable_service.as_ref().is_none_or(|svc| svc.hash == s.status.stable_rs);
    let subset = s.route().and_then(|route| route.subsets.as_ref()).is_none_or(|(_, hash)| *hash == s.status.stable_rs);
    selected && subset && s.stable_available() >= canary.rest().pods(s.desired())
}

/// Raises traffic to what is recorded and carried, and repairs an uneven split.
pub(super) fn raise(s: &Snapshot) -> Option<Plan> {
    let route = s.route()?;
    if !s.recorded() {
        return None;
    }
    let to = intent::allowed_weight(s, route.canary).max(route.canary);
    let rises = to > route.canary;
    if rises && (s.spec.paused && !recorded_weight(s, to) || !canary_selected(s) || route.undeclared_subset.is_some()) {
        return None;
    }
    if !rises && route.even {
        return None;
    }
    Some(moved(s, route, to, Cause::Raise))
}

/// Whether a weight is no more than the record says that the canary had: drift may be repaired in a pause.
fn recorded_weight(s: &Snapshot, to: Weight) -> bool {
    s.status.canary.weights.as_ref().is_some_and(|w| i64::from(w.canary.weight) >= to.percent())
}

/// Whether the canary's Service and subset reach the new revision.
pub(super) fn canary_selected(s: &Snapshot) -> bool {
    let hash = Some(s.revision.hash.as_str());
    let service = s.traffic.canary_service.as_ref().is_none_or(|svc| svc.hash.as_deref() == hash);
    let subset = s.route().and_then(|route| route.subsets.as_ref());
    service && subset.is_none_or(|(canary, _)| canary.as_deref() == hash)
}

fn moved(s: &Snapshot, route: &RouteSeen, to: Weight, cause: Cause) -> Plan {
    let from = route.canary;
    let effect = Effect::SetWeight { from, to, cause };
    let plan = super::act(s, Because::Converging(format!("weight {from} -> {to}")), vec![effect]);
    if let Some(writer) = drifted(s, route, to) {
        let text = format!("Traffic weight was {from} and is {to} again; '{writer}' had written the route");
        return plan.note(EventReason::TrafficDriftCorrected, text);
    }
    plan.told()
}

/// Who moved the traffic away from what is recorded, if anybody did.
fn drifted<'a>(s: &Snapshot, route: &'a RouteSeen, to: Weight) -> Option<&'a str> {
    let (writer, _) = route.writer.as_ref()?;
    let ours = writer == serin_crds::names::FIELD_MANAGER;
    let recorded = s.status.canary.weights.as_ref().map(|w| i64::from(w.canary.weight));
    (!ours && s.recorded() && recorded == Some(to.percent())).then_some(writer.as_str())
}

/// Points Services and subsets at their revision as soon as it has pods that answer.
pub(super) fn switch(s: &Snapshot) -> Option<Plan> {
    if !s.recorded() {
        return None;
    }
    let stable = s.traffic.stable_service.as_ref().and_then(|svc| due(s, svc, s.status.stable_rs.as_deref()?));
    let canary = s.traffic.canary_service.as_ref().filter(|_| !s.status.abort && may_reselect(s));
    let canary = canary.and_then(|svc| due(s, svc, &s.revision.hash));
    let effects: Vec<Effect> = stable.into_iter().chain(canary).collect();
    if !effects.is_empty() {
        let because = Because::Converging("Services follow their revision".to_owned());
        return Some(super::act(s, because, effects).told());
    }
    subsets(s)
}

/// A canary Service that still carries another revision's traffic stays until that traffic is gone.
fn may_reselect(s: &Snapshot) -> bool {
    s.route().is_none_or(|route| route.canary == Weight::ZERO) || s.promoted()
}

fn due(s: &Snapshot, service: &ServiceSeen, hash: &str) -> Option<Effect> {
    if service.hash.as_deref() == Some(hash) {
        return None;
    }
    let rs = s.replica_sets.iter().find(|rs| rs.hash == hash)?;
    // A Service that nobody steered yet selects every pod; narrowing it needs a side that is whole.
    let ready = if service.managed || service.hash.is_some() {
        rs.available > 0
    } else {
        rs.spec > 0 && rs.available >= rs.spec
    };
    ready.then(|| Effect::SwitchService {
        service: service.name.clone(),
        from: service.hash.clone(),
        to: hash.to_owned(),
    })
}

fn subsets(s: &Snapshot) -> Option<Plan> {
    let route = s.route()?;
    let (canary_now, stable_now) = route.subsets.as_ref()?;
    let answers = |hash: &str| s.replica_sets.iter().any(|rs| rs.hash == hash && rs.available > 0);
    let stable = s.status.stable_rs.as_deref().filter(|hash| answers(hash)).or(stable_now.as_deref());
    let new = Some(s.revision.hash.as_str()).filter(|hash| answers(hash) && (may_reselect(s) && !s.status.abort));
    let canary = new.or(canary_now.as_deref());
    if canary == canary_now.as_deref() && stable == stable_now.as_deref() {
        return None;
    }
    let (canary, stable) = (canary.unwrap_or_default().to_owned(), stable.unwrap_or_default().to_owned());
    if canary.is_empty() || stable.is_empty() {
        return None;
    }
    let text = format!("DestinationRule subset updated (canarySubset: {canary}, stableSubset: {stable})");
    let because = Because::Converging("subsets follow their revision".to_owned());
    let plan = super::act(s, because, vec![Effect::SetSubsets { canary, stable }]);
    Some(plan.note(EventReason::UpdatedDestinationRule, text))
}

/// Why the traffic stays below what the record asks for, if it does.
pub(super) fn held(s: &Snapshot) -> Option<Because> {
    let route = s.route()?;
    let wanted = intent::wanted_weight(s, route.canary);
    if s.status.abort {
        let (weight, until) = intent::abort_weight(s, route.canary);
        let (available, desired) = (s.stable_available(), s.desired());
        return (weight > Weight::ZERO).then_some(Because::AbortHeld { available, desired, weight, until });
    }
    if wanted <= route.canary {
        return None;
    }
    if let Some(what) = &route.undeclared_subset {
        return Some(Because::SubsetUndeclared(what.clone()));
    }
    let service = s.traffic.canary_service.as_ref().filter(|_| intent::can_carry(s, wanted) && !canary_selected(s))?;
    Some(Because::ServiceWaits { service: service.name.clone(), hash: s.revision.hash.clone() })
}
