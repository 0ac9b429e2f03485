//! What the rules do when half the world is unwell: a pod is missing, a cache can't be believed, somebody else writes.

use super::*;
use crate::core::exposure::{Exposure, Split};
use crate::core::snapshot::{Left, LeftKind, ReplicaSetSeen};

/// v2 (`old2`) has 20 % when v3 (`new`) comes: recorded, with pods for its first step.
fn superseding() -> Snapshot {
    let mut s = rollout().selecting(Some("mid")).weight(20);
    s.replica_sets.push(rs("mid", 2, 2));
    s.replica_sets[1].revision = 3;
    s
}

#[test]
fn a_superseded_revision_leaves_at_once_although_a_stable_pod_is_missing() {
    let s = superseding().stable_answering(9);
    check(&s, "Converging", &["weight 20 to 0"]);
    let s = superseding().stable_answering(9).canary_pods(2).weight(0);
    check(&s, "Converging", &["switch web-canary to new"]);
}

#[test]
fn a_superseded_revision_that_stable_cannot_serve_is_held_by_name_and_completes_no_step_of_the_new_one() {
    let mut s = superseding().stable_answering(3).pods("new", 2, 1).pods("mid", 5, 5).weight(50);
    let plan = check(&s, "DrainHeld", &[]);
    assert_eq!(plan.record.current_step_index, Some(0), "what is measured would be the wrong revision");
    s.status = plan.record;
    s.now = noon_plus(60);
    check(&s, "Converging", &["weight 50 to 0"]);
}

#[test]
fn with_no_stable_pod_at_all_a_superseded_revision_gives_way_to_one_that_can_serve() {
    let s = superseding().stable_answering(0).canary_pods(2);
    check(&s, "Converging", &["switch web-canary to new"]);
}

#[test]
fn a_selector_that_somebody_moved_is_put_right_under_traffic_and_no_step_goes_on_meanwhile() {
    for hash in [None, Some("old"), Some("nobody")] {
        let s = rollout().canary_pods(2).weight(20).selecting(hash);
        check(&s, "Converging", &["switch web-canary to new"]);
    }
    let s = rollout().pods("new", 2, 1).weight(20).selecting(None);
    let plan = check(&s, "PodsNotReady", &[]);
    assert_eq!(plan.record.current_step_index, Some(0));
}

#[test]
fn a_subset_that_somebody_moved_is_put_right_under_traffic() {
    let mut s = rollout().canary_pods(2).weight(20).selected();
    s.route_mut().subsets = Some((None, Some("old".into())));
    check(&s, "Converging", &["subsets new old"]);
}

#[test]
fn a_canary_without_pods_loses_its_traffic_although_a_stable_pod_is_missing() {
    let s = rollout().pods("new", 2, 0).selected().weight(20).at_step(1).stable_answering(9);
    check(&s, "Converging", &["weight 20 to 0"]);
}

#[test]
fn an_abort_is_judged_by_what_serves_and_not_by_what_an_autoscaler_wants() {
    let s = rollout().canary_pods(2).selected().weight(20).at_step(1).whole(10);
    let s = s.spec(|spec| spec.replicas = Some(50)).ordered_abort();
    check(&s, "Aborting", &["weight 20 to 0"]);
}

#[test]
fn an_abort_is_of_the_revision_that_is_recorded_and_never_of_the_fix_that_follows() {
    // v2 is recorded and aborted, its abort is held; v3 comes.
    let mut s = rollout().selecting(Some("mid")).weight(50).stable_answering(3).ordered_abort();
    s.replica_sets[1] = rs("mid", 2, 5);
    s.status.current_pod_hash = Some("mid".into());
    s.status.aborted_at = Some(noon());
    let plan = check(&s, "NewRevision", &["create rs 3 at 2", "revision 3"]);
    assert!(!plan.record.abort && plan.record.aborted_at.is_none());
    s.status = plan.record;
    s.replica_sets.push(rs("new", 3, 2));
    let plan = decide(&s);
    assert!(plan.record.aborted_at.is_none(), "{plan:#?}");
    for effect in plan.effects {
        assert!(!matches!(effect, Effect::Move(Move { way: crate::core::plan::Way::Abort { .. }, .. })));
    }
}

#[test]
fn a_mark_of_an_earlier_try_at_the_same_revision_is_history() {
    let mut s = rollout().canary_pods(2).weight(0).marked(2, "new");
    s.replica_sets[1].revision = 4;
    assert!(!decide(&s).record.abort);
}

#[test]
fn an_edit_of_the_steps_undoes_no_abort() {
    let mut s = aborted(rollout().canary_pods(2).selected().weight(20).at_step(1)).weight(0);
    s.revision.step_hash = "others".into();
    let plan = check(&s, "NewRevision", &[]);
    assert!(plan.record.abort);
    assert_eq!(plan.record.current_step_hash.as_deref(), Some("others"));
}

#[test]
fn a_full_promotion_of_an_aborted_revision_is_obeyed() {
    let mut s = aborted(rollout().canary_pods(2).selected().weight(20).at_step(1)).weight(0).marked(2, "new");
    s.status.promote_full = true;
    check(&s, "Retrying", &["weight 0 to 0"]);
    s.route_mut().aborted = None;
    let plan = check(&s, "Retrying", &[]);
    assert!(plan.record.promote_full && !plan.record.abort);
    s.status = plan.record;
    check(&s, "Scaling", &["scale web-new 2 to 10"]);
}

#[test]
fn an_abort_during_a_full_promotion_wins() {
    let mut s = rollout().canary_pods(10).selected().weight(20).at_step(1).ordered_abort();
    s.status.promote_full = true;
    let plan = check(&s, "Aborting", &["weight 20 to 0"]);
    assert!(!plan.record.promote_full);
}

#[test]
fn a_resume_is_obeyed_once_and_what_could_not_decide_is_measured_anew() {
    let s = rollout().canary_pods(2).selected().weight(20).at_step(1).judged(AnalysisPhase::Inconclusive, "why");
    let mut paused = s.clone().paused(PauseReason::InconclusiveAnalysisRun, noon());
    check(&paused, "InconclusiveAnalysis", &[]);
    paused.status.pause_conditions.clear();
    let plan = check(&paused, "Analysing", &["run web-new-2-1.1"]);
    assert!(!plan.record.controller_pause, "the next one that can't decide is not passed over");
    // A run that was stopped before it measured is no verdict to wait for.
    let mut stopped = s;
    stopped.analysis.runs[0].phase = AnalysisPhase::Successful;
    stopped.analysis.runs[0].evidence = 0;
    stopped.status.controller_pause = true;
    check(&stopped, "Analysing", &["run web-new-2-1.1"]);
}

#[test]
fn what_cannot_be_read_is_waited_for_and_never_held_against_the_spec() {
    let mut s = rollout().canary_pods(6).selected().weight(60).at_step(3);
    s.look.unreadable = vec!["Service web-stable: not listed yet".into()];
    s.traffic.stable_service = None;
    let plan = check(&s, "Unreadable", &[]);
    assert!(plan.needs.is_empty(), "nothing has to fall");
    let said: Vec<_> = plan.record.conditions.iter().map(|condition| condition.kind.to_string()).collect();
    assert_eq!(said, ["Ready", "Reconciling"], "only the wait is said");
}

#[test]
fn an_abort_waits_for_no_cache() {
    let mut s = rollout().canary_pods(2).selected().weight(20).at_step(1).ordered_abort();
    s.look.unreadable = vec!["VirtualService shop/web: nothing heard for 80 s".into()];
    s.traffic.route = Route::Unreadable("nothing heard for 80 s".into());
    assert!(decide(&s).needs.contains(&Need::Unreadable));
    s.look.asked.insert(Need::Unreadable);
    s.look.unreadable.clear();
    let s = Snapshot { traffic: rollout().selected().weight(20).traffic, ..s };
    check(&s, "Aborting", &["weight 20 to 0"]);
}

#[test]
fn no_step_ends_while_the_route_is_missing() {
    let s = with_steps(json!([{"setWeight": 20}, {"pause": {"duration": "1m"}}, {"setWeight": 100}]));
    let mut s = s.canary_pods(2).selected().weight(20).at_step(1).paused(PauseReason::CanaryPauseStep, noon());
    s.status.pause_conditions.clear();
    assert_eq!(check(&s, "StepDone", &[]).record.current_step_index, Some(2), "a person has ended the pause");
    s.traffic.route = Route::Blind("virtualservices \"web\" not found".into());
    assert_eq!(check(&s, "RouteUnseen", &[]).record.current_step_index, Some(1));
}

#[test]
fn pods_grow_although_a_route_cannot_be_seen() {
    for route in [Route::Blind("not found".into()), Route::Unreadable("forbidden".into())] {
        let mut s = rollout().canary_pods(2).selected().at_step(3).spec(|spec| spec.replicas = Some(20));
        if let Route::Unreadable(why) = &route {
            s.look.unreadable.push(why.clone());
        }
        s.traffic.route = route;
        let plan = decide(&s);
        assert!(plan.effects.iter().any(|e| brief(e) == "scale web-old 10 to 20"), "{plan:#?}");
    }
}

#[test]
fn a_deleted_stable_set_leaves_its_traffic_to_the_new_revision() {
    let mut s = rollout().canary_pods(2).selected().weight(20).at_step(3);
    s.replica_sets.remove(0);
    check(&s, "Scaling", &["scale web-new 2 to 10"]);
    let s = s.pods("new", 10, 2);
    check(&s, "Converging", &["switch web-stable to new"]);
    let mut s = s;
    s.traffic.stable_service = Some(service("web-stable", "new"));
    check(&s, "Converging", &["weight 20 to 100"]);
}

#[test]
fn a_recorded_set_that_is_gone_is_made_again_only_for_a_rollout_that_is_there() {
    let mut s = rollout().weight(0);
    s.replica_sets.remove(1);
    let plan = check(&s, "NewRevision", &["create rs 2 at 2"]);
    assert!(
        plan.needs.contains(&Need::Rollout),
        "all goes with a Rollout that was deleted, and its watch may lag behind"
    );
    s.status.current_pod_hash = Some("old".into());
    assert!(
        !check(&s, "NewRevision", &["create rs 2 at 2"]).needs.contains(&Need::Rollout),
        "a new revision costs no read"
    );
}

#[test]
fn what_is_not_stable_is_not_settled() {
    let s = with_steps(json!([{"setWeight": 20}])).at_step(1).canary_pods(9);
    let plan = decide(&s.weight(100).selected());
    assert_ne!(plan.because.code(), "Settled");
    let analysis = json!({"templates": [{"templateName": "error-rate"}], "startingStep": 9});
    let mut s = rollout().canary_pods(10).selected().weight(100).at_step(4).spec(|spec| {
        let canary = spec.strategy.canary.as_mut().unwrap();
        canary.analysis = Some(serde_json::from_value(analysis).unwrap());
    });
    s.analysis.background = Some(std::sync::Arc::default());
    check(&s, "Promoting", &[]);
}

#[test]
fn an_uneven_route_is_never_raised_in_an_abort_and_only_on_a_live_read_otherwise() {
    let uneven = |s: Snapshot| {
        let mut s = s;
        s.route_mut().exposure = Exposure::of(vec![Split::percent(40), Split::percent(0)]);
        s
    };
    let s = uneven(aborted(rollout().canary_pods(5).selected().weight(50).at_step(1).stable_answering(6)));
    check(&s, "DrainHeld", &[]);
    let s = uneven(rollout().canary_pods(6).selected().at_step(3).paused(PauseReason::CanaryPauseStep, noon()));
    assert!(check(&s, "Converging", &["weight 40 to 60"]).needs.contains(&Need::Rollout));
}

#[test]
fn what_is_not_built_and_decides_exposure_holds_everything() {
    let mut s = rollout().canary_pods(2).weight(0);
    s.look.held = vec!["spec.strategy.blueGreen".into()];
    let plan = check(&s, "UnsupportedFields", &[]);
    assert!(plan.record.message.unwrap().contains("spec.strategy.blueGreen"));
    let mut s = rollout();
    s.analysis.unsupported = vec!["metric load-test (provider job)".into()];
    check(&s, "UnsupportedFields", &[]);
    // A new revision is recorded, without pods.
    s.replica_sets.remove(1);
    s.status.current_pod_hash = Some("old".into());
    check(&s, "NewRevision", &["create rs 2 at 0"]);
}

#[test]
fn a_step_that_is_not_built_waits_for_a_person() {
    let steps = json!([{"setHeaderRoute": {"name": "h"}}, {"setMirrorRoute": {"name": "m"}}]);
    for index in 0..2 {
        check(&with_steps(steps.clone()).at_step(index), "UnsupportedStep", &[]);
    }
}

#[test]
fn a_canary_scale_brings_pods_without_traffic_and_is_complete_with_them() {
    let steps = json!([{"setCanaryScale": {"replicas": 1}}, {"pause": {}}, {"setWeight": 20}]);
    check(&with_steps(steps.clone()), "Scaling", &["scale web-new 0 to 1"]);
    check(&with_steps(steps.clone()).pods("new", 1, 0).selected(), "PodsNotReady", &[]);
    let plan = check(&with_steps(steps.clone()).canary_pods(1).selected(), "PauseStep", &[]);
    assert_eq!(plan.record.current_step_index, Some(1));
    check(&with_steps(steps).canary_pods(1).selected().at_step(2), "Converging", &["weight 0 to 20"]);
}

#[test]
fn sizes_follow_the_spec_whatever_is_held() {
    let s = rollout().canary_pods(2).selected().weight(20).at_step(1);
    let s = s.spec(|spec| (spec.paused, spec.replicas) = (true, Some(20)));
    check(&s, "Scaling", &["scale web-old 10 to 20", "scale web-new 2 to 4"]);
    let s = rollout().spec(|spec| spec.paused = true);
    check(&s, "ManuallyPaused", &[]);
}

#[test]
fn pods_that_come_and_go_are_no_progress() {
    let mut s = rollout().pods("new", 2, 1).spec(|spec| spec.progress_deadline_seconds = Some(60));
    s.status = decide(&s).record;
    s.look.memory.best = crate::core::conditions::reached(&s, &s.status);
    for second in (20..=80).step_by(20) {
        s.now = noon_plus(second);
        let available = i64::from(second % 40 == 0);
        s = s.pods("new", 2, available);
        s.status = decide(&s).record;
    }
    assert!(s.status.message.unwrap().starts_with("ProgressDeadlineExceeded"));
}

#[test]
fn old_pods_that_wait_for_their_delay_hide_no_late_release() {
    let mut s = rollout().pods("new", 2, 0);
    s.replica_sets.push(ReplicaSetSeen { deadline: Some(noon_plus(3600)), ..rs("older", 0, 10) });
    assert!(crate::core::conditions::deadline(&Snapshot { status: decide(&s).record, ..s }).is_some());
}

#[test]
fn an_orphan_of_ours_is_adopted_and_starts_no_revision() {
    let mut s = rollout().canary_pods(2).selected();
    s.replica_sets[0].orphan = true;
    check(&s, "Adopting", &["adopt web-old"]);
}

#[test]
fn what_is_no_longer_named_is_released() {
    let left = Left { kind: LeftKind::Service, namespace: "shop".into(), name: "web-old-name".into() };
    let mut s = promoted();
    s.traffic.left = vec![left.clone()];
    check(&s, "CleaningUp", &["release web-old-name"]);
    s.id.deleting = true;
    check(&s, "Deleting", &["release web-old-name"]);
}

#[test]
fn min_ready_seconds_follow_the_spec_without_a_revision() {
    let s = promoted().spec(|spec| spec.min_ready_seconds = Some(45));
    check(&s, "Converging", &["min ready web-new 45"]);
}

#[test]
fn counts_of_an_earlier_size_carry_no_raise() {
    let mut s = rollout().canary_pods(2).selected();
    s.replica_sets[1].observed = false;
    assert!(decide(&s).effects.is_empty());
}

#[test]
fn a_name_that_somebody_elses_run_has_is_passed_over() {
    let mut s = rollout().canary_pods(2).selected().weight(20).at_step(1);
    s.analysis.occupied = ["web-new-2-1".to_owned()].into();
    check(&s, "Analysing", &["run web-new-2-1.1"]);
}

#[test]
fn history_is_limited_without_a_router_too() {
    let mut s = promoted().spec(|spec| {
        spec.revision_history_limit = Some(0);
        let canary = spec.strategy.canary.as_mut().unwrap();
        (canary.traffic_routing, canary.canary_service, canary.stable_service) = (None, None, None);
    });
    (s.traffic.route, s.traffic.canary_service, s.traffic.stable_service) = (Route::Unrouted, None, None);
    check(&s, "CleaningUp", &["delete web-old"]);
}

#[test]
fn without_a_router_no_service_selects_nobody() {
    let basic = |s: Snapshot| {
        let mut s = s.spec(|spec| spec.strategy.canary.as_mut().unwrap().traffic_routing = None);
        s.traffic.route = Route::Unrouted;
        s
    };
    // The last pods of the stable Service stay until it selects the new ones.
    let s =
        basic(with_steps(json!([{"setWeight": 100}, {"pause": {}}])).pods("new", 10, 10).selected().pods("old", 1, 1));
    check(&s, "Converging", &["switch web-stable to new"]);
    // An aborted canary keeps a pod until its Service selects stable ones.
    let s = basic(aborted(basic(rollout().canary_pods(2).selected().at_step(1))));
    check(&s, "Aborted", &["switch web-canary to old"]);
}

#[test]
fn a_run_whose_step_could_not_be_recorded_is_named_and_not_ended() {
    let begun = || rollout().canary_pods(2).selected().at_step(1).judged(AnalysisPhase::Running, "").at_step(0);
    let unrecorded = |mut s: Snapshot| {
        s.status.canary.current_step_analysis_run_status = None;
        s
    };
    let plan = check(&unrecorded(begun().weight(20)), "Analysing", &[]);
    assert_eq!(plan.record.canary.current_step_analysis_run_status.map(|run| run.name), Some("web-new-2-1".to_owned()));
    assert_eq!(plan.record.current_step_index, Some(1));
}
