//! Traffic: brought to where the record says, down at once, up only where pods answer.

use serin_crds::names::EventReason;

use super::super::because::Because;
use super::super::capacity::{
    self, can_serve, canary_selected, drained, stable_can_serve, stable_selected, superseded,
};
use super::super::goal;
use super::super::managed::{self, ManagedRoute};
use super::super::plan::{Effect, Move, Plan, Way};
use super::super::snapshot::{RouteSeen, ServiceSeen, Snapshot};
use super::super::stage::Stage;
use super::super::weight::Weight;
use super::aborting;

/// Takes down traffic above what the canary may have: a smaller step, an abort that goes on, a superseded revision,
/// a canary without pods, somebody's edit.
///
/// # Guarantees
/// Nothing goes where nothing can answer: unless it has to leave, the stable side must be able to serve what it gets.
pub(super) fn lower(s: &Snapshot) -> Option<Plan> {
    let route = s.route()?;
    let (to, wanted) = (goal::allowed(s), managed::entitled(s));
    if !route.exposure.exceeds(to) && !route.exposure.managed.exceeds(&wanted) {
        return None;
    }
    let repair = stable_repair(s).into_iter().collect();
    // Only the recorded attempt is remembered as aborted; what another revision still has is merely drained.
    let way = match s.stage() {
        Stage::Aborted if superseded(s).is_none() => {
            Way::Abort { attempt: s.attempt(), reason: aborting::recorded_reason(s) }
        }
        _ => Way::Down,
    };
    let (from, kept) = (route.exposure.share(), route.exposure.managed.kept(&wanted));
    Some(moved(s, route, repair, Move { from, to: to.min(from), managed: kept, way }))
}

/// Points the stable side at the stable pods, before traffic is sent there.
pub(super) fn stable_repair(s: &Snapshot) -> Option<Effect> {
    let service = s.traffic.stable_service.as_ref().filter(|_| !stable_selected(s))?;
    due(s, service, s.status.stable_rs.as_deref()?)
}

/// Raises traffic to what is recorded and can be served, and repairs a split that is not as it was written.
pub(super) fn raise(s: &Snapshot) -> Option<Plan> {
    let route = s.route()?;
    let update = s.stage().is_update();
    if !update && s.stage() != Stage::Stable {
        return None;
    }
    let (to, mut wanted) = (goal::allowed(s), managed::entitled(s));
    let fewer = route.exposure.managed.falls_short(&wanted);
    if (route.exposure.is(to) && !fewer) || route.exposure.exceeds(to) {
        return None;
    }
    let ready = update && canary_selected(s) && route.undeclared_subset.is_none();
    if route.exposure.falls_short(to) && (!ready || (s.spec.paused && !recorded_weight(s, to))) {
        return None;
    }
    if fewer && (!ready || (s.spec.paused && !recorded_routes(s, &wanted))) {
        if route.exposure.is(to) {
            return None;
        }
        wanted = route.exposure.managed.kept(&wanted);
    }
    let from = route.exposure.share();
    Some(moved(s, route, Vec::new(), Move { from, to, managed: wanted, way: Way::Up }))
}

/// Whether routes are no more than what an earlier step has put in place: drift may be repaired in a pause.
fn recorded_routes(s: &Snapshot, wanted: &[ManagedRoute]) -> bool {
    let before = s.index().checked_sub(1).map(|index| managed::at(s, index)).unwrap_or_default();
    wanted.iter().all(|route| before.contains(route))
}

/// Whether a weight is no more than the record says that the canary had: drift may be repaired in a pause.
fn recorded_weight(s: &Snapshot, to: Weight) -> bool {
    recorded(s).is_some_and(|was| was >= to)
}

/// The weight that the record says that the canary had.
fn recorded(s: &Snapshot) -> Option<Weight> {
    s.status.canary.weights.as_ref().map(|w| Weight::of(i64::from(w.canary.weight), s.total_weight()))
}

fn moved(s: &Snapshot, route: &RouteSeen, mut effects: Vec<Effect>, change: Move) -> Plan {
    let (from, to, wanted) = (change.from, change.to, change.managed.clone());
    let (was, is) = change.parts();
    let stands = route.exposure.is(to) || from == to;
    let other = route.exposure.managed.exceeds(&wanted) || route.exposure.managed.falls_short(&wanted);
    let text =
        if stands && other { "managed routes follow the record".to_owned() } else { format!("weight {was} -> {is}") };
    effects.push(Effect::Move(change));
    let plan = tell_routes(s, super::act(s, Because::Converging(text), effects), &wanted);
    if stands && other {
        return plan.told();
    }
    if let Some(writer) = drifted(s, route, to) {
        let text = format!("Traffic weight was {was} and is {is} again; '{writer}' had written the route");
        return plan.note(EventReason::TrafficDriftCorrected, text);
    }
    plan.told()
}

/// Adds an event for each managed route that goes or comes, with the sentences that Argo Rollouts uses.
pub(super) fn tell_routes(s: &Snapshot, mut plan: Plan, wanted: &[ManagedRoute]) -> Plan {
    let Some(managed) = s.route().map(|route| &route.exposure.managed) else { return plan };
    let gone = managed.surplus(wanted);
    if !gone.is_empty() {
        let all = if wanted.is_empty() { "all managed routes" } else { "managed routes" };
        plan = plan.note(EventReason::UpdatedVirtualService, format!("removed {all}: {}", gone.join(", ")));
    }
    for route in managed.missing(wanted) {
        let text = format!("set {} '{}'", route.kind(), route.name());
        plan = plan.note(EventReason::UpdatedVirtualService, text);
    }
    plan
}

/// Who moved the traffic away from what is recorded, if anybody did.
fn drifted<'a>(s: &Snapshot, route: &'a RouteSeen, to: Weight) -> Option<&'a str> {
    let (writer, _) = route.writer.as_ref()?;
    let ours = writer == serin_crds::names::FIELD_MANAGER;
    (!ours && s.recorded() && recorded(s) == Some(to)).then_some(writer.as_str())
}

/// Points Services and subsets at their revision as soon as it has pods that answer.
pub(super) fn switch(s: &Snapshot) -> Option<Plan> {
    if matches!(s.stage(), Stage::Deleting | Stage::Initial | Stage::Unrecorded) {
        return None;
    }
    let stable = s.traffic.stable_service.as_ref().and_then(|svc| due(s, svc, goal::stable_hash(s)?));
    let canary = s.traffic.canary_service.as_ref().filter(|_| may_select_canary(s));
    let canary = canary.and_then(|svc| due(s, svc, &s.revision.hash));
    let effects: Vec<Effect> = stable.into_iter().chain(canary).collect();
    if !effects.is_empty() {
        let because = Because::Converging("Services follow their revision".to_owned());
        return Some(super::act(s, because, effects).told());
    }
    subsets(s)
}

/// Whether what points at the canary may point at the new revision.
///
/// Without traffic on it, always. With traffic, only if the record gives the new revision at least so much, and its pods
/// can serve it: then a selector that somebody moved is repaired, and a superseded revision gives way.
fn may_select_canary(s: &Snapshot) -> bool {
    if s.stage() == Stage::Aborted {
        return false;
    }
    if !s.routed() {
        return true;
    }
    let Some(route) = s.route() else { return false };
    let live = route.exposure.share();
    let entitled = match s.stage() {
        // Both sides reach the stable pods, unless the share still reaches a revision that has to be drained.
        Stage::Stable => superseded(s).is_none(),
        _ => !route.exposure.exceeds(goal::of(s).weight) && can_serve(s, live),
    };
    live == Weight::ZERO || entitled
}

/// The write that points a Service at a revision, if it does not yet and the revision can answer.
fn due(s: &Snapshot, service: &ServiceSeen, hash: &str) -> Option<Effect> {
    if service.hash.as_deref() == Some(hash) {
        return None;
    }
    let rs = s.by_hash(hash)?;
    // A Service that nobody steered yet selects every pod; narrowing it needs a side that is whole.
    let ready = if service.managed || service.hash.is_some() {
        rs.available > 0
    } else {
        rs.spec > 0 && rs.available >= rs.spec
    };
    let (from, to) = (service.hash.clone(), hash.to_owned());
    ready.then(|| Effect::SwitchService { service: service.name.clone(), from, to })
}

fn subsets(s: &Snapshot) -> Option<Plan> {
    let route = s.route()?;
    let (canary_now, stable_now) = route.subsets.as_ref()?;
    let answers = |hash: &str| s.by_hash(hash).is_some_and(|rs| rs.available > 0);
    let stable = goal::stable_hash(s).filter(|hash| answers(hash)).or(stable_now.as_deref());
    let new = Some(s.revision.hash.as_str()).filter(|hash| answers(hash) && may_select_canary(s));
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

/// Why the traffic is not where the record asks for, if it isn't.
pub(super) fn held(s: &Snapshot) -> Option<Because> {
    let route = s.route()?;
    let (wanted, live) = (goal::entitled(s), route.exposure.share());
    let lacks = route.exposure.managed.falls_short(&managed::entitled(s));
    if route.exposure.exceeds(wanted) {
        if goal::must_leave(s) {
            let (weight, until) = drained(s);
            let (available, desired) = (s.stable_available(), s.desired());
            return Some(Because::DrainHeld { available, desired, weight, until });
        }
        let available = s.stable_available();
        return (!stable_can_serve(s, wanted)).then_some(Because::StableShort { available, weight: live });
    }
    if wanted <= live && !lacks {
        return None;
    }
    if let Some(what) = &route.undeclared_subset {
        return Some(Because::SubsetUndeclared(what.clone()));
    }
    let waits = s.stage().is_update() && can_serve(s, wanted) && !capacity::canary_selected(s);
    let service = s.traffic.canary_service.as_ref().filter(|_| waits)?;
    Some(Because::ServiceWaits { service: service.name.clone(), hash: s.revision.hash.clone() })
}
