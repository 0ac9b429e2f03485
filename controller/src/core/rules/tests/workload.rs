//! A workload that a Rollout refers to: noted before it is observed, and down only where the Rollout's pods serve.

use serin_crds::names::{ConditionType, ScaleDown};

use super::{brief, check, decide, promoted};
use crate::core::conditions;
use crate::core::fixtures::{noon, noon_plus, rollout, rs};
use crate::core::plan::Need;
use crate::core::snapshot::{Snapshot, WorkloadSeen};

/// The same Rollout with its template from Deployment `web` at generation 3, which is noted and has so many pods.
fn referring(mut s: Snapshot, replicas: i64, mode: ScaleDown) -> Snapshot {
    s = s.spec(|spec| {
        spec.workload_ref = serde_json::from_value(serde_json::json!({"kind": "Deployment", "name": "web"})).unwrap();
    });
    s.status.workload_observed_generation = Some("3".into());
    s.revision.workload = Some(WorkloadSeen {
        name: "web".into(),
        generation: 3,
        noted: Some("3".into()),
        replicas: Some(replicas),
        scale_down: Some(mode),
    });
    s
}

/// The first revision of a Rollout that takes the place of 10 pods, with so many of its own 10 available.
fn taking_over(available: i64, replicas: i64, mode: ScaleDown) -> Snapshot {
    let mut s = promoted();
    s.replica_sets = vec![rs("new", 1, 10)];
    s.id.revision = 1;
    s = s.pods("new", 10, available);
    s.replica_sets[0].revision = 1;
    referring(s, replicas, mode)
}

/// What happens to the Deployment in this turn.
#[track_caller]
fn resized(s: &Snapshot, expect: Option<&str>) {
    let plan = decide(s);
    let seen = plan.effects.iter().map(brief).find(|text| text.contains("workload"));
    assert_eq!(seen.as_deref(), expect, "{plan:#?}");
    if seen.is_some_and(|text| text.contains("down")) {
        assert!(plan.needs.contains(&Need::Rollout), "it rests on a live read");
    }
}

/// After the Rollout was healthy once.
fn healthy(mut s: Snapshot) -> Snapshot {
    let condition = decide(&taking_over(10, 0, ScaleDown::Never)).record;
    let condition = conditions::find(&condition, &ConditionType::Healthy).cloned().expect("a healthy Rollout");
    s.status.conditions.push(condition);
    s
}

#[test]
fn the_generation_is_noted_on_the_rollout_before_the_status_says_that_it_is_observed() {
    let mut s = taking_over(10, 10, ScaleDown::Never);
    s.revision.workload.as_mut().unwrap().generation = 4;
    let plan = check(&s, "Converging", &["note workload 4"]);
    assert_eq!(plan.record.workload_observed_generation.as_deref(), Some("3"));
    s.revision.workload.as_mut().unwrap().noted = Some("4".into());
    assert_eq!(decide(&s).record.workload_observed_generation.as_deref(), Some("4"));
    let own = s.spec(|spec| spec.workload_ref = None);
    assert_eq!(decide(&own).record.workload_observed_generation, None);
}

#[test]
fn on_success_the_deployment_goes_down_once_all_pods_serve_and_services_have_settled() {
    let check = |available, expect| resized(&taking_over(available, 10, ScaleDown::OnSuccess), expect);
    check(0, None);
    check(9, None);
    check(10, Some("workload web 10 down to 0"));
    resized(&taking_over(10, 0, ScaleDown::OnSuccess), None);
    let mut s = taking_over(10, 10, ScaleDown::OnSuccess);
    s.look.memory.unmoved_since = Some(noon_plus(-3));
    resized(&s, None);
    s.look.memory.unmoved_since = Some(noon_plus(-6));
    resized(&s, Some("workload web 10 down to 0"));
    s.traffic.stable_service.as_mut().unwrap().hash = None;
    s.traffic.stable_service.as_mut().unwrap().managed = false;
    resized(&s, None);
}

#[test]
fn step_by_step_both_have_as_many_pods_together_as_are_asked_for() {
    let check =
        |available, replicas, expect| resized(&taking_over(available, replicas, ScaleDown::Progressively), expect);
    check(0, 10, None);
    check(3, 10, Some("workload web 10 down to 7"));
    check(10, 1, Some("workload web 1 down to 0"));
    check(3, 7, None);
    check(3, 4, Some("workload web 4 up to 7"));
    check(0, 7, Some("workload web 7 up to 10"));
}

#[test]
fn after_the_take_over_the_deployment_is_never_brought_up() {
    let check = |s: Snapshot, expect| resized(&referring(healthy(s), 0, ScaleDown::Progressively), expect);
    check(taking_over(3, 0, ScaleDown::Progressively), None);
    // Its template is that of the version that was aborted.
    check(super::aborted(rollout().canary_pods(2).selected().weight(20)), None);
    check(rollout().canary_pods(2).selected().weight(20).stable_answering(3), None);
}

#[test]
fn one_that_is_brought_up_beside_a_rollout_that_serves_goes_down_in_any_revision() {
    let updating = rollout().canary_pods(2).selected().weight(20).at_step(3);
    let paused = |s: Snapshot| s.paused(serin_crds::names::PauseReason::CanaryPauseStep, noon());
    let s = paused(updating.weight(60).canary_pods(6));
    resized(&referring(s.clone(), 4, ScaleDown::OnSuccess), Some("workload web 4 down to 0"));
    resized(&referring(s.clone(), 4, ScaleDown::Never), None);
    resized(&referring(s.clone(), 4, ScaleDown::Other("always".into())), None);
    let mut other = referring(s, 4, ScaleDown::OnSuccess);
    other.revision.workload.as_mut().unwrap().replicas = None;
    resized(&other, None);
}

#[test]
fn a_rollout_that_asks_for_no_pods_takes_none_from_the_deployment() {
    let s = taking_over(0, 10, ScaleDown::OnSuccess).spec(|spec| spec.replicas = Some(0));
    resized(&s.pods("new", 0, 0), None);
}

#[test]
fn without_a_template_nothing_begins_and_what_is_recorded_goes_on() {
    let unseen = |mut s: Snapshot| {
        s = s.spec(|spec| spec.template = None);
        s.revision.workload = None;
        s.look.unreadable = vec!["spec.workloadRef: Deployment web: forbidden".into()];
        s.look.asked.insert(Need::Unreadable);
        s
    };
    let mut first = unseen(rollout());
    first.status = serin_crds::rollout::RolloutStatus::default();
    first.revision.hash = String::new();
    first.replica_sets.clear();
    let plan = check(&first, "Unreadable", &[]);
    assert!(plan.record.message.as_deref().unwrap_or_default().contains("Deployment web"), "{plan:#?}");
    check(&unseen(rollout()), "Scaling", &["scale web-new 0 to 2"]);
    check(&unseen(rollout().ordered_abort().weight(20)), "Aborting", &["weight 20 to 0"]);
}
