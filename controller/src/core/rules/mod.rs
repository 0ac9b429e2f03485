//! Rules: a list in order of priority; the first that answers decides the turn.
//!
//! What takes traffic off the canary stands first and asks nobody. What writes to the world comes before what waits,
//! so that a wait never hides work. Each rule is `fn(&Snapshot) -> Option<Plan>`.

mod aborting;
mod capacity;
mod cleanup;
mod promote;
mod restart;
mod revision;
mod runs;
mod standing;
mod stepping;
mod traffic;
mod workload;

use super::because::Because;
use super::plan::Plan;
use super::record;
use super::snapshot::Snapshot;

/// One rule.
type Rule = fn(&Snapshot) -> Option<Plan>;

/// The rules in order of priority.
const RULES: &[(&str, Rule)] = &[
    ("deleting: a deleted Rollout is left alone, and what it steered is released", standing::deleting),
    ("unsupported: what is not built and decides exposure holds everything", standing::unsupported),
    ("retry: a person's second try, or full promotion, clears what the abort left", revision::retry),
    ("abort: an order, a verdict, a mark or a deadline takes the traffic off the canary", aborting::abort),
    ("lower: traffic above the intent comes down, whatever else is wrong", traffic::lower),
    (
        "unreadable pods: they are waited for, or read live with whatever else a lowering needs",
        standing::pods_unreadable,
    ),
    ("finish abort: an aborted revision leaves the Services and gets its end", aborting::finish_abort),
    ("invalid: an unusable spec changes nothing else", standing::invalid),
    ("default: an absent size is written once, for autoscalers", standing::default_replicas),
    ("adopt: ReplicaSets that belong to nobody belong to the Rollout again", standing::adopt),
    ("untemplated: nothing is made of a template that can't be seen", standing::untemplated),
    ("note workload: the generation that the template comes from", workload::note),
    ("new revision: what the spec describes is recorded", revision::start_revision),
    ("resume: a person who cleared a pause is obeyed once", stepping::resume),
    ("inconclusive: an undecided analysis stops the Rollout", stepping::inconclusive),
    ("grow: capacity goes up before traffic does", capacity::grow),
    ("workload back: while it is taken over, it makes up for pods that are gone", workload::grow),
    ("unreadable: nothing rises, moves or goes on what can't be seen", standing::unreadable),
    ("switch: Services and subsets follow their revision", traffic::switch),
    ("raise: traffic goes up to what is recorded and can be served", traffic::raise),
    ("promote: a revision with evidence becomes stable", promote::promote),
    ("measure: the analyses that the step needs exist, others end", runs::measure),
    ("advance: a complete step gives way to the next", stepping::advance),
    ("shrink: capacity goes down after traffic has", capacity::shrink),
    ("workload down: its pods give way to those that serve in their place", workload::shrink),
    ("synchronize: fields that belong to no template follow the spec", standing::synchronize),
    ("release: what is no longer named loses our marks", standing::release),
    ("clean up: old ReplicaSets and AnalysisRuns go", cleanup::clean_up),
    ("restart: pods that are older than asked for are evicted, a few at a time", restart::restart),
];

/// Decides one turn.
///
/// # Guarantees
/// Total: every snapshot gets a plan, and every plan a reason.
pub fn decide(s: &Snapshot) -> Plan {
    let mut plan = RULES.iter().find_map(|(_, rule)| rule(s)).unwrap_or_else(|| stepping::wait(s));
    if matches!(plan.because, Because::Unreadable(_)) {
        // No status is ever without a phase: viewers take that for an error.
        if plan.record.phase.is_none() {
            plan.record.phase = Some(serin_crds::names::RolloutPhase::Progressing);
            plan.record.message = Some(plan.because.sentence());
        }
        super::conditions::summarize(&mut plan.record, &plan.because, s.now);
    } else if !matches!(plan.because, Because::Deleting | Because::Adopting) {
        plan.record = record::finish(s, plan.record, &plan.because);
        plan = standing::tell_faults(s, plan);
    }
    let kind = serin_crds::names::ConditionType::UnsupportedFields;
    if let Some(new) = super::conditions::find(&plan.record, &kind)
        && super::conditions::find(&s.status, &kind).is_none_or(|old| old.message != new.message)
    {
        let text = new.message.clone();
        plan = plan.note(serin_crds::names::EventReason::UnsupportedFields, text);
    }
    let deadline = super::conditions::deadline(s);
    plan.wake_at(deadline.map(|at| super::capacity::seconds_later(at, 1)).filter(|at| *at > s.now))
}

/// The plan that says why a turn came to nothing: the record as it was, with the reason.
pub fn hindered(s: &Snapshot, because: Because) -> Plan {
    let mut plan = Plan::wait(record::draft(s), because);
    plan.record = record::finish(s, plan.record, &plan.because);
    plan
}

/// A plan whose record is the refreshed last one.
fn act(s: &Snapshot, because: Because, effects: Vec<super::plan::Effect>) -> Plan {
    Plan::act(record::draft(s), because, effects)
}

#[cfg(test)]
mod tests;
