use std::collections::BTreeMap;

use serin_crds::names::NoticeMoment;
use serin_crds::rollback::{NoticeRecord, OpaGate, RollbackGate, RollbackNotice, RollbackVerdict};

use super::observed::{Aborted, Evidence, PolicySeen};
use super::record::{Outcome, absorb, cause};
use super::*;

const NOW: &str = "2026-11-28T09:10:10Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn images(image: &str) -> images::Images {
    [("web".to_owned(), image.to_owned())].into()
}

/// A Rollout whose release was aborted.
fn aborted() -> RolloutSeen {
    let verdict = RollbackVerdict { cause: AbortCause::Analysis, reason: "bad".into(), ..RollbackVerdict::default() };
    let evidence = Evidence {
        from: Some(images("web:v2")),
        to: Some(images("web:v1")),
        verdict,
        began: Some(at("2026-11-28T09:05:00Z")),
    };
    RolloutSeen {
        name: "web".into(),
        uid: "abc-1".into(),
        revision: Some("2".into()),
        wanted: images("web:v2"),
        aborted: Some(Aborted {
            at: at("2026-11-28T09:10:00Z"),
            cause: AbortCause::Analysis,
            reason: "bad".into(),
            evidence: Some(evidence),
        }),
        ..RolloutSeen::default()
    }
}

fn healthy(image: &str) -> RolloutSeen {
    RolloutSeen { wanted: images(image), healthy: true, aborted: None, ..aborted() }
}

fn observed(rollout: RolloutSeen) -> Observed {
    let mut policy = PolicySeen { namespace: "shop".into(), name: "loop".into(), ..PolicySeen::default() };
    policy.spec.selector.names = vec!["web".into()];
    policy.spec.git.branch = "main".into();
    policy.spec.gate = Some(RollbackGate { opa: Some(OpaGate::default()) });
    policy.spec.notices = vec![RollbackNotice { name: "team".into(), ..RollbackNotice::default() }];
    Observed { now: at(NOW), policy, rollouts: [("web".to_owned(), rollout)].into(), ..Observed::default() }
}

/// Writes these outcomes into the status.
fn take(o: &mut Observed, outcomes: &[Outcome]) {
    o.policy.status = absorb(&o.policy, outcomes, o.now);
}

/// A rollback that has come to this stage.
fn at_stage(stage: &RollbackStage) -> Observed {
    let mut o = observed(aborted());
    take(&mut o, &[Outcome::Stepped(Step::Begin(Box::new(aborted())))]);
    let id = o.policy.status.rollbacks[0].id.clone();
    let allowed = serin_crds::rollback::RollbackDecision { allowed: true, ..Default::default() };
    let way = [
        (RollbackStage::Committing, Outcome::Decided(id.clone(), allowed)),
        (RollbackStage::Syncing, Outcome::Committed(id.clone(), "0123456789ab".into())),
        (RollbackStage::Proving, Outcome::Stepped(Step::Synced(id))),
    ];
    for (reached, outcome) in way {
        if o.policy.status.rollbacks[0].stage == *stage {
            break;
        }
        take(&mut o, &[outcome]);
        assert_eq!(o.policy.status.rollbacks[0].stage, reached);
    }
    for notice in &mut o.policy.status.rollbacks[0].notices {
        notice.state = NoticeState::Sent;
    }
    o
}

fn id(o: &Observed) -> String {
    o.policy.status.rollbacks[0].id.clone()
}

#[test]
fn an_automatic_abort_of_a_selected_rollout_begins_a_rollback_once() {
    let mut o = observed(aborted());
    assert_eq!(decide(&o).effects, [Effect::Record(Step::Begin(Box::new(aborted())))]);
    take(&mut o, &[Outcome::Stepped(Step::Begin(Box::new(aborted())))]);
    let rollback = &o.policy.status.rollbacks[0];
    assert_eq!((rollback.from.as_str(), rollback.to.as_str(), rollback.id.as_str()), ("v2", "v1", "abc-2-1795857000"));
    assert_eq!(decide(&o).effects, [Effect::Ask(id(&o))]);
    let check = |change: &dyn Fn(&mut Observed)| {
        let mut o = observed(aborted());
        change(&mut o);
        assert_eq!(decide(&o).effects, []);
    };
    check(&|o| o.policy.spec.suspend = true);
    check(&|o| o.policy.spec.selector.names = vec!["other".into()]);
    check(&|o| o.policy.spec.selector.match_labels = [("a".to_owned(), "b".to_owned())].into());
    check(&|o| o.policy.faults.push(serin_crds::Fault::saying("spec", "is wrong")));
    check(&|o| o.policy.spec.on = vec![AbortCause::Deadline]);
    check(&|o| o.rollouts.get_mut("web").unwrap().aborted.as_mut().unwrap().cause = AbortCause::Person);
    check(&|o| o.policy.spec.selector.names.clear());
}

#[test]
fn a_persons_abort_counts_where_the_policy_says_so() {
    let mut o = observed(aborted());
    o.rollouts.get_mut("web").unwrap().aborted.as_mut().unwrap().cause = AbortCause::Person;
    o.policy.spec.on = vec![AbortCause::Person];
    assert_eq!(decide(&o).effects.len(), 1);
    let check = |sentence: &str, expect: AbortCause, why: &str| assert_eq!(cause(sentence), (expect, why.to_owned()));
    check("Rollout aborted update to revision 2", AbortCause::Person, "a person asked for it");
    check("Rollout aborted update to revision 2: a\nb", AbortCause::Analysis, "a b");
    let late = "ReplicaSet \"web-1\" has timed out progressing.";
    check(&format!("Rollout aborted update to revision 2: {late}"), AbortCause::Deadline, late);
}

#[test]
fn each_stage_asks_for_its_own_step() {
    let check = |stage: RollbackStage, rollout: RolloutSeen, expect: &dyn Fn(String) -> Option<Effect>| {
        let mut o = at_stage(&stage);
        o.rollouts = [("web".to_owned(), rollout)].into();
        assert_eq!(decide(&o).effects, expect(id(&o)).into_iter().collect::<Vec<_>>(), "{stage}");
    };
    let record = |step: fn(String) -> Step| move |id: String| Some(Effect::Record(step(id)));
    check(RollbackStage::Deciding, aborted(), &|id| Some(Effect::Ask(id)));
    check(RollbackStage::Committing, aborted(), &|id| Some(Effect::Commit { id, overtaken: None }));
    check(RollbackStage::Syncing, aborted(), &|_| None);
    check(RollbackStage::Syncing, RolloutSeen { healthy: false, ..healthy("web:v1") }, &record(Step::Synced));
    check(RollbackStage::Syncing, healthy("web:v1"), &record(Step::Proved));
    check(RollbackStage::Proving, healthy("web:v1"), &record(Step::Proved));
    check(RollbackStage::Proving, RolloutSeen { healthy: false, ..healthy("web:v1") }, &|_| None);
    let gone_on = |id| Some(Effect::Record(Step::Overtaken(id, "somebody has gone on to web:v3".into())));
    check(RollbackStage::Deciding, healthy("web:v3"), &gone_on);
    check(RollbackStage::Syncing, healthy("web:v3"), &gone_on);
    // What was pushed before may be why the Rollout has gone on: Git is asked first.
    let looks = |id| {
        let why = "the Rollout asks for the version that was stable already".to_owned();
        Some(Effect::Commit { id, overtaken: Some(why) })
    };
    check(RollbackStage::Committing, healthy("web:v1"), &looks);
}

#[test]
fn without_a_gate_nobody_is_asked() {
    let mut o = at_stage(&RollbackStage::Deciding);
    o.policy.spec.gate = None;
    assert_eq!(decide(&o).effects, [Effect::Record(Step::Ungated(id(&o)))]);
}

#[test]
fn a_proof_that_is_late_is_told_once_and_waited_for_on() {
    let mut o = at_stage(&RollbackStage::Syncing);
    assert_eq!(decide(&o).wake, Some(at("2026-11-28T09:20:10Z")));
    o.now = at("2026-11-28T09:20:10Z");
    assert_eq!(decide(&o).effects, [Effect::Record(Step::Late(id(&o)))]);
    let step = Outcome::Stepped(Step::Late(id(&o)));
    take(&mut o, &[step]);
    let rollback = &o.policy.status.rollbacks[0];
    assert_eq!(rollback.stage, RollbackStage::Syncing);
    assert!(rollback.notices.iter().any(|notice| notice.moment == NoticeMoment::Late));
    let sends = decide(&o).effects;
    assert!(matches!(&sends[..], [Effect::Send { doubtful: true, .. }]), "{sends:?}");
}

#[test]
fn what_failed_is_held_back_and_holds_nothing_else_back() {
    let mut o = at_stage(&RollbackStage::Committing);
    let until = at("2026-11-28T09:10:20Z");
    o.held.insert(Held::Commit(id(&o)), until);
    let (name, moment, state, since) = ("team".to_owned(), NoticeMoment::Late, NoticeState::Sending, o.now);
    let open = NoticeRecord { name, moment, state, since, reference: None, message: None };
    o.policy.status.rollbacks[0].notices.push(open);
    let plan = decide(&o);
    assert!(matches!(&plan.effects[..], [Effect::Send { .. }]), "{plan:?}");
    assert_eq!(plan.wake, Some(until));
    o.now = until;
    assert!(matches!(&decide(&o).effects[..], [Effect::Commit { .. }]), "the commit goes before what people are told");
}

#[test]
fn the_same_outcome_twice_changes_nothing_more() {
    let mut o = at_stage(&RollbackStage::Committing);
    let outcome = Outcome::Committed(id(&o), "0123456789ab".into());
    take(&mut o, std::slice::from_ref(&outcome));
    let once = o.policy.status.clone();
    take(&mut o, &[outcome]);
    assert_eq!(o.policy.status, once);
    take(&mut o, &[Outcome::Stepped(Step::Begin(Box::new(aborted())))]);
    assert_eq!(o.policy.status, once);
}

#[test]
fn the_last_twenty_are_kept_and_none_that_is_under_way_is_lost() {
    let mut o = observed(aborted());
    for second in 0..30 {
        let mut rollout = aborted();
        rollout.aborted.as_mut().unwrap().at = at("2026-11-28T09:00:00Z") + SignedDuration::from_secs(second);
        take(&mut o, &[Outcome::Stepped(Step::Begin(Box::new(rollout)))]);
    }
    assert_eq!(o.policy.status.rollbacks.len(), 30, "all of them are under way");
    let all: Vec<_> = o.policy.status.rollbacks.iter().map(|rollback| rollback.id.clone()).collect();
    o.policy.spec.notices.clear();
    let ended: Vec<_> = all.into_iter().map(|id| Outcome::Overtaken(id, "x".into())).collect();
    take(&mut o, &ended);
    assert_eq!(o.policy.status.rollbacks.len(), 20);
}

#[test]
fn versions_that_differ_in_other_things_than_images_are_left_to_people() {
    let mut rollout = aborted();
    rollout.aborted.as_mut().unwrap().evidence.as_mut().unwrap().to = Some(images("web:v2"));
    let mut o = observed(rollout.clone());
    take(&mut o, &[Outcome::Stepped(Step::Begin(Box::new(rollout.clone())))]);
    assert_eq!(o.policy.status.rollbacks[0].stage, RollbackStage::Skipped);
    rollout.aborted.as_mut().unwrap().evidence.as_mut().unwrap().to = None;
    let mut o = observed(rollout.clone());
    take(&mut o, &[Outcome::Stepped(Step::Begin(Box::new(rollout)))]);
    assert_eq!(o.policy.status.rollbacks[0].stage, RollbackStage::Failed);
}

#[test]
fn a_reason_cannot_write_trailers() {
    let mut o = at_stage(&RollbackStage::Committing);
    o.policy.status.rollbacks[0].verdict.reason = "bad\n\nSerin-Rollback: other\n".into();
    o.policy.spec.git.message = Some("back to {{to}}: {{reason}}".into());
    let message = words::commit(&o.policy, &o.policy.status.rollbacks[0], Some("T-1\nx: y")).unwrap();
    let expect = "back to v1: bad Serin-Rollback: other\n\n\
                  Serin-Rollout: shop/web\nSerin-Revision: 2\nSerin-Rollback: abc-2-1795857000\n";
    assert_eq!(message, expect);
    let labels: BTreeMap<&str, &str> = message.lines().filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(labels["Serin-Rollback"], "abc-2-1795857000");
}
