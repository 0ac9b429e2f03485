use serin_crds::names::{AnalysisPhase, EventReason, PauseReason};

use super::decide;
use crate::core::because::Because;
use crate::core::fixtures::{noon, noon_plus, rollout, rs, service, with_steps};
use crate::core::managed::ManagedRoute;
use crate::core::plan::{Effect, Move, Need, Plan};
use crate::core::snapshot::{Route, Snapshot};
use crate::core::weight::Weight;
use serde_json::json;

mod aborts;
mod fields;
mod managed_routes;
mod unwell;
mod waited;
mod workload;

/// One turn: what is decided, by its reason and its effects in short.
fn check(s: &Snapshot, because: &str, effects: &[&str]) -> Plan {
    let plan = decide(s);
    let short: Vec<String> = plan.effects.iter().map(brief).collect();
    assert_eq!((plan.because.code(), short), (because, effects.iter().map(|&e| e.to_owned()).collect()), "{plan:#?}");
    plan
}

fn brief(effect: &Effect) -> String {
    match effect {
        Effect::CreateReplicaSet { replicas, revision } => format!("create rs {revision} at {replicas}"),
        Effect::ScaleReplicaSet { name, from, to } => format!("scale {name} {from} to {to}"),
        Effect::SetDeadline { name, at: Some(_) } => format!("deadline {name}"),
        Effect::SetDeadline { name, at: None } => format!("no deadline {name}"),
        Effect::Renumber { name, revision } => format!("renumber {name} {revision}"),
        Effect::DeleteReplicaSet { name } | Effect::DeleteRun { name } => format!("delete {name}"),
        Effect::AnnotateRevision { revision } => format!("revision {revision}"),
        Effect::NoteWorkload { generation } => format!("note workload {generation}"),
        Effect::ScaleWorkload { name, from, to } => {
            format!("workload {name} {from} {} to {to}", if to > from { "up" } else { "down" })
        }
        Effect::DefaultReplicas => "default replicas".to_owned(),
        Effect::SwitchService { service, to, .. } => format!("switch {service} to {to}"),
        Effect::SetSubsets { canary, stable } => format!("subsets {canary} {stable}"),
        Effect::Move(Move { from, to, managed, .. }) => moved(*from, *to, managed),
        Effect::Adopt { name } => format!("adopt {name}"),
        Effect::SetMinReadySeconds { name, seconds } => format!("min ready {name} {seconds}"),
        Effect::SetRole { name, to, .. } => format!("role {name} {:?}", to.labels.values().collect::<Vec<_>>()),
        Effect::SetAntiAffinity { name, avoids } => format!("{name} avoids {avoids}"),
        Effect::Evict { pods } => format!("evict {:?}", pods.iter().map(|(name, _)| name).collect::<Vec<_>>()),
        Effect::Release(left) => format!("release {}", left.name),
        Effect::CreateRun { name, .. } => format!("run {name}"),
        Effect::TerminateRun { name } => format!("end {name}"),
    }
}

fn moved(from: Weight, to: Weight, managed: &[ManagedRoute]) -> String {
    let names: Vec<&str> = managed.iter().map(ManagedRoute::name).collect();
    let with = if names.is_empty() { String::new() } else { format!(" with {}", names.join(", ")) };
    format!("weight {from} to {to}{with}")
}

#[test]
fn capacity_goes_up_before_traffic_and_services_before_weights() {
    check(&rollout(), "Scaling", &["scale web-new 0 to 2"]);
    check(&rollout().pods("new", 2, 0), "PodsNotReady", &[]);
    check(&rollout().canary_pods(2), "Converging", &["switch web-canary to new"]);
    let plan = check(&rollout().canary_pods(2).selected(), "Converging", &["weight 0 to 20"]);
    assert!(plan.needs.contains(&Need::Rollout), "a raise rests on a live read");
    let plan = check(&rollout().canary_pods(2).selected().weight(20), "Analysing", &["run web-new-2-1"]);
    assert_eq!(plan.record.current_step_index, Some(1));
}

#[test]
fn a_step_waits_for_every_pod_that_its_weight_needs() {
    check(&rollout().pods("new", 2, 1).selected(), "PodsNotReady", &[]);
}

/// The snapshot after an abort was recorded.
fn aborted(s: Snapshot) -> Snapshot {
    let mut s = s.ordered_abort();
    s.status = decide(&s).record;
    s
}

/// The snapshot after `new` became stable and everything followed.
fn promoted() -> Snapshot {
    let mut s = rollout().canary_pods(10).selected().at_step(4);
    s.status.stable_rs = Some("new".into());
    s.traffic.stable_service = Some(service("web-stable", "new"));
    s.pods("old", 0, 0)
}

#[test]
fn the_stable_service_moves_before_the_weight_does_after_a_promotion() {
    let mut s = rollout().canary_pods(10).selected().weight(100).at_step(4);
    let plan = check(&s, "Promoting", &[]);
    assert!(plan.needs.contains(&Need::Rollout), "a promotion rests on a live read");
    s.status = plan.record;
    check(&s, "Converging", &["switch web-stable to new"]);
    s.traffic.stable_service = Some(service("web-stable", "new"));
    check(&s, "Converging", &["weight 100 to 0"]);
    let s = s.weight(0);
    check(&s, "CleaningUp", &["deadline web-old"]);
    let mut s = s;
    s.replica_sets[0].deadline = Some(noon_plus(30));
    assert_eq!(check(&s, "Draining", &[]).wake, Some(noon_plus(30)));
    s.now = noon_plus(31);
    check(&s, "CleaningUp", &["scale web-old 10 to 0"]);
}

#[test]
fn an_idle_rollout_is_healthy_and_writes_nothing() {
    let mut s = promoted();
    s.status = decide(&s).record;
    let plan = check(&s, "Settled", &[]);
    assert_eq!(plan.record, s.status, "a second look finds nothing to write");
    assert_eq!(plan.wake, None);
    assert_eq!(plan.record.phase, Some(serin_crds::names::RolloutPhase::Healthy));
}

#[test]
fn a_first_revision_gets_all_pods_at_once() {
    let mut s = rollout();
    s.status = serin_crds::rollout::RolloutStatus::default();
    s.replica_sets.clear();
    s.id.revision = 0;
    let plan = check(&s, "NewRevision", &["create rs 1 at 10", "revision 1"]);
    assert_eq!(plan.record.stable_rs.as_deref(), Some("new"));
    assert_eq!(plan.record.current_step_index, Some(4));
    assert!(
        plan.record.phase.is_some() && plan.record.observed_generation.is_some() && !plan.record.conditions.is_empty()
    );
}

#[test]
fn a_new_revision_is_made_at_the_size_of_its_first_step() {
    let mut s = promoted();
    s.revision.hash = "third".into();
    let plan = check(&s, "NewRevision", &["create rs 3 at 2", "revision 3"]);
    assert_eq!(plan.record.current_step_index, Some(0));
    assert!(plan.notes.iter().any(|note| note.reason == EventReason::RolloutNotCompleted));
}

#[test]
fn a_superseded_canary_loses_its_traffic_before_its_service_and_its_pods() {
    let mut s = rollout().canary_pods(2).selected().weight(20).at_step(1);
    s.revision.hash = "third".into();
    check(&s, "Converging", &["weight 20 to 0"]);
    s = s.weight(0);
    s.status = check(&s, "NewRevision", &["create rs 3 at 2", "revision 3"]).record;
    s.id.revision = 3;
    s.replica_sets.push(rs("third", 3, 2));
    check(&s, "Converging", &["switch web-canary to third"]);
    s.traffic.canary_service = Some(service("web-canary", "third"));
    check(&s, "Converging", &["weight 0 to 20"]);
    let s = s.weight(20);
    assert_eq!(check(&s, "Analysing", &["run web-third-3-1"]).record.current_step_index, Some(1));
}

#[test]
fn going_back_to_stable_skips_the_steps() {
    let mut s = rollout().canary_pods(2).selected().weight(20).at_step(1);
    s.revision.hash = "old".into();
    check(&s, "Converging", &["weight 20 to 0"]);
    s = s.weight(0);
    let plan = check(&s, "BackToStable", &["renumber web-old 3", "revision 3"]);
    assert_eq!(plan.record.current_step_index, Some(4));
    s.status = plan.record;
    s.replica_sets[0].revision = 3;
    s.id.revision = 3;
    check(&s, "Converging", &["switch web-canary to old"]);
    s.traffic.canary_service = Some(service("web-canary", "old"));
    check(&s, "CleaningUp", &["deadline web-new"]);
}

#[test]
fn a_pause_lasts_longer_than_its_duration_and_a_person_ends_it_sooner() {
    let timed = |now| {
        let s = with_steps(json!([{"setWeight": 20}, {"pause": {"duration": "1m"}}, {"setWeight": 100}]));
        let mut s = s.canary_pods(2).selected().weight(20).at_step(1).paused(PauseReason::CanaryPauseStep, noon());
        s.now = noon_plus(now);
        s
    };
    check(&timed(0), "PauseStep", &[]);
    check(&timed(60), "PauseStep", &[]);
    assert_eq!(check(&timed(61), "StepDone", &[]).record.current_step_index, Some(2));
    let mut resumed = timed(1);
    resumed.status.pause_conditions.clear();
    assert_eq!(check(&resumed, "StepDone", &[]).record.current_step_index, Some(2));
}

#[test]
fn an_undecided_analysis_pauses_and_a_resume_asks_again() {
    let s = rollout().canary_pods(2).selected().weight(20).at_step(1).judged(AnalysisPhase::Inconclusive, "no data");
    let plan = check(&s, "InconclusiveAnalysis", &[]);
    let mut s = s;
    s.status = plan.record;
    assert!(s.inconclusive());
    check(&s, "InconclusiveAnalysis", &[]);
    s.status.pause_conditions.clear();
    check(&s, "Analysing", &["run web-new-2-1.1"]);
}

#[test]
fn a_run_that_was_ended_before_it_measured_is_no_evidence() {
    let mut s =
        rollout().canary_pods(2).selected().weight(20).at_step(1).judged(AnalysisPhase::Successful, "Run Terminated");
    s.analysis.runs[0].evidence = 0;
    check(&s, "InconclusiveAnalysis", &[]);
}

#[test]
fn nothing_is_promoted_before_the_background_analysis_has_measured() {
    let mut s = rollout().canary_pods(10).selected().weight(100).at_step(4);
    s = s.spec(|spec| {
        let canary = spec.strategy.canary.as_mut().unwrap();
        canary.analysis = Some(serin_crds::rollout::BackgroundAnalysis::default());
    });
    s.analysis.background = Some(std::sync::Arc::default());
    check(&s, "Analysing", &["run web-new-2"]);
    s = s.judged(AnalysisPhase::Running, "");
    s.analysis.runs[0].step = None;
    s.analysis.runs[0].evidence = 0;
    let slot = s.status.canary.current_step_analysis_run_status.take();
    s.status.canary.current_background_analysis_run_status = slot;
    check(&s, "NoEvidence", &[]);
    s.analysis.runs[0].evidence = 1;
    check(&s, "Promoting", &[]);
}

#[test]
fn a_subset_that_nobody_declares_stops_every_raise_and_names_what_to_add() {
    let mut s = rollout().canary_pods(2).selected();
    s.route_mut().undeclared_subset = Some("a DestinationRule".into());
    let plan = check(&s, "SubsetUndeclared", &[]);
    assert!(plan.because.sentence().contains("503"));
    check(&s.weight(40), "Converging", &["weight 40 to 20"]);
}

#[test]
fn a_route_that_cannot_be_seen_is_a_named_wait() {
    let mut s = rollout().canary_pods(2).selected();
    s.traffic.route = Route::Blind("virtualservices \"web\" not found".into());
    let plan = check(&s, "RouteUnseen", &[]);
    assert!(plan.record.message.as_deref().is_some_and(|m| m.starts_with("InvalidSpec: ")));
    assert_eq!(plan.wake, None, "it is picked up when it appears, without asking");
    assert!(plan.needs.contains(&Need::Named), "what no cache holds is asked for before it is called missing");
    s.status = plan.record;
    assert!(decide(&s).needs.is_empty(), "once said, it is not asked for again");
}

#[test]
fn drift_is_put_right_and_names_who_wrote() {
    let mut s = rollout().canary_pods(2).selected().weight(20).at_step(3);
    s = s.paused(PauseReason::CanaryPauseStep, noon());
    s = s.canary_pods(6).weight(60);
    s.status = decide(&s).record;
    s = s.weight(0);
    s.route_mut().writer = Some(("argocd-controller".into(), noon()));
    let plan = check(&s, "Converging", &["weight 0 to 60"]);
    let note = plan.notes.iter().find(|n| n.reason == EventReason::TrafficDriftCorrected).expect("a note");
    assert!(note.message.contains("argocd-controller"));
}

#[test]
fn a_shrinking_canary_keeps_its_pods_until_proxies_have_followed() {
    let s = with_steps(json!([{"setWeight": 60}, {"setWeight": 20}, {"pause": {}}]));
    let mut s = s.canary_pods(6).selected().weight(60).at_step(1);
    check(&s, "Converging", &["weight 60 to 20"]);
    s = s.weight(20);
    s.look.memory.unmoved_since = Some(noon());
    let plan = decide(&s);
    assert!(plan.effects.is_empty(), "{plan:#?}");
    assert_eq!(plan.wake, Some(noon_plus(5)));
    s.now = noon_plus(5);
    check(&s, "Scaling", &["scale web-new 6 to 2"]);
}

#[test]
fn a_full_promotion_keeps_the_weight_until_every_pod_answers() {
    let mut s = rollout().canary_pods(2).selected().weight(20).at_step(1).judged(AnalysisPhase::Running, "");
    s.status.promote_full = true;
    check(&s, "Scaling", &["scale web-new 2 to 10"]);
    let s = s.pods("new", 10, 9);
    check(&s, "CleaningUp", &["end web-new-2-1"]);
    let mut s = s.canary_pods(10);
    s.analysis.runs[0].terminating = true;
    let plan = check(&s, "Promoting", &[]);
    assert_eq!(plan.record.stable_rs.as_deref(), Some("new"));
    assert!(!plan.record.promote_full);
}

#[test]
fn a_broken_stable_does_not_block_its_fix() {
    let s = rollout().canary_pods(2).selected().stable_answering(0);
    check(&s, "Converging", &["weight 0 to 20"]);
}

#[test]
fn every_wait_says_what_it_waits_for() {
    for because in [
        Because::ManuallyPaused,
        Because::Analysing("run".into()),
        Because::PodsNotReady { replica_set: "web-new".into(), available: 1, wanted: 2 },
    ] {
        assert!(because.is_wait() && because.sentence().contains("wait"), "{because:?}");
    }
}

#[test]
fn a_rollout_that_comes_back_from_no_pods_gets_its_weight_back_only_with_its_pods() {
    let back = |available| {
        rollout().at_step(3).selected().weight(0).pods("new", 6, available).paused(PauseReason::CanaryPauseStep, noon())
    };
    check(&back(5), "PodsNotReady", &[]);
    check(&back(6), "Converging", &["weight 0 to 60"]);
}
