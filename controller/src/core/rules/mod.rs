//! Rules: a list in order of priority; the first that answers decides the turn.
//!
//! What takes traffic off the canary stands first and asks nobody. What writes to the world comes before what waits,
//! so that a wait never hides work. Each rule is `fn(&Snapshot) -> Option<Plan>`.

mod aborting;
mod capacity;
mod cleanup;
mod promote;
mod refused;
mod revision;
mod runs;
mod stepping;
mod traffic;

use super::because::Because;
use super::plan::Plan;
use super::record;
use super::snapshot::Snapshot;

/// One rule.
type Rule = fn(&Snapshot) -> Option<Plan>;

/// The rules in order of priority.
const RULES: &[(&str, Rule)] = &[
    ("deleting: a deleted Rollout is left alone", refused::deleting),
    ("retry: a person's second try clears what the abort left", revision::retry),
    ("abort: an order, a verdict, a mark or a deadline takes the traffic back", aborting::abort),
    ("lower: traffic above the intent comes down, whatever else is wrong", traffic::lower),
    ("finish_abort: an aborted revision is unhooked from Services and told to end", aborting::finish_abort),
    ("refused: an unusable spec changes nothing else", refused::invalid),
    ("default: an absent size is written once, for autoscalers", refused::default_replicas),
    ("new revision: what the spec describes is taken up", revision::start_revision),
    ("inconclusive: an undecided analysis stops the Rollout", stepping::inconclusive),
    ("grow: capacity goes up before traffic does", capacity::grow),
    ("switch: Services and subsets follow their revision", traffic::switch),
    ("raise: traffic goes up to what is recorded and carried", traffic::raise),
    ("promote: a revision with evidence becomes stable", promote::promote),
    ("measure: the analyses that the step needs exist, others end", runs::measure),
    ("advance: a complete step gives way to the next", stepping::advance),
    ("shrink: capacity goes down after traffic has", capacity::shrink),
    ("clean up: old ReplicaSets and AnalysisRuns go", cleanup::clean_up),
];

/// Decides one turn.
///
/// # Guarantees
/// Total: every snapshot gets a plan, and every plan a reason.
pub fn decide(s: &Snapshot) -> Plan {
    let mut plan = RULES.iter().find_map(|(_, rule)| rule(s)).unwrap_or_else(|| stepping::wait(s));
    plan.record = record::finish(s, plan.record, &plan.because);
    let kind = serin_crds::names::ConditionType::UnsupportedFields;
    if let Some(new) = super::conditions::find(&plan.record, &kind)
        && super::conditions::find(&s.status, &kind).is_none_or(|old| old.message != new.message)
    {
        let text = new.message.clone();
        plan = plan.note(serin_crds::names::EventReason::UnsupportedFields, text);
    }
    let deadline = super::conditions::deadline(s);
    plan.wake_at(deadline.map(|at| super::intent::seconds_later(at, 1)).filter(|at| *at > s.now))
}

/// A plan whose record is the refreshed last one.
fn act(s: &Snapshot, because: Because, effects: Vec<super::plan::Effect>) -> Plan {
    Plan::act(record::draft(s), because, effects)
}

#[cfg(test)]
mod tests;
