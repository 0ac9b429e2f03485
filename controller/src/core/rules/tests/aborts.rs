//! Aborts: what asks for them, what holds them, and how they end.

use super::*;

#[test]
fn a_failed_verdict_lowers_the_weight_in_the_turn_that_sees_it() {
    let s = rollout().canary_pods(2).selected().weight(20).at_step(1).failing("error rate 7 %");
    let plan = check(&s, "Aborting", &["weight 20 to 0"]);
    assert!(plan.together, "the record does not stand before the traffic");
    assert!(plan.needs.is_empty(), "no read stands before an abort");
    assert!(plan.record.abort);
    let told: Vec<_> = plan.notes.iter().map(|note| note.reason).collect();
    assert_eq!(told[..2], [EventReason::RolloutAborted, EventReason::TrafficWeightUpdated]);
    assert_eq!(
        plan.record.message.as_deref(),
        Some(
            "RolloutAborted: Rollout aborted update to revision 2: Step-based analysis phase error/failed: error rate 7 %"
        )
    );
}

#[test]
fn an_abort_takes_everything_back_when_four_fifths_of_stable_answer() {
    let at = |available| {
        rollout().canary_pods(5).selected().weight(50).at_step(1).ordered_abort().stable_answering(available)
    };
    check(&at(10), "Aborting", &["weight 50 to 0"]);
    check(&at(9), "Aborting", &["weight 50 to 0"]);
    check(&at(8), "Aborting", &["weight 50 to 0"]);
    check(&at(6), "Aborting", &["weight 50 to 40"]);
    check(&at(3), "Aborting", &[]);
    check(&at(0), "Aborting", &[]);
    check(&at(3).pods("new", 5, 0), "Aborting", &["weight 50 to 0"]);
}

#[test]
fn a_held_abort_goes_on_by_itself_after_a_minute_and_never_upwards() {
    let mut s = aborted(rollout().canary_pods(5).selected().weight(50).at_step(1).stable_answering(3));
    let plan = check(&s, "DrainHeld", &[]);
    assert_eq!(plan.wake, Some(noon_plus(60)));
    s.now = noon_plus(60);
    check(&s, "Converging", &["weight 50 to 0"]);
    let s = s.stable_answering(10).weight(0);
    assert!(!decide(&s).effects.iter().any(|e| matches!(e, Effect::Move(_))));
}

#[test]
fn with_no_stable_pod_an_abort_holds_and_says_so() {
    let mut s = aborted(rollout().canary_pods(5).selected().weight(50).at_step(1).stable_answering(0));
    s.now = noon_plus(600);
    let plan = check(&s, "DrainHeld", &[]);
    assert!(plan.because.sentence().contains("no stable pod is available at all"), "{}", plan.because.sentence());
    check(&s.stable_answering(1), "Converging", &["weight 50 to 0"]);
}

#[test]
fn nothing_stands_before_an_abort() {
    let mut s = rollout().canary_pods(5).selected().weight(50).at_step(1).ordered_abort();
    s.faults = vec!["spec.strategy.canary.steps[0].setWeight is 120; it must be 0 to 100".into()];
    s.id.unsupported = vec!["spec.rollbackWindow".into()];
    check(&s.clone(), "Aborting", &["weight 50 to 0"]);
    check(&s.spec(|spec| spec.paused = true), "Aborting", &["weight 50 to 0"]);
}

#[test]
fn an_aborted_canary_is_unhooked_then_ended_then_removed() {
    let s = aborted(rollout().canary_pods(2).selected().weight(20).at_step(1).judged(AnalysisPhase::Running, ""));
    let s = s.weight(0);
    check(&s, "Aborted", &["end web-new-2-1"]);
    let mut s = s;
    s.analysis.runs[0].terminating = true;
    check(&s, "Aborted", &["switch web-canary to old"]);
    s.traffic.canary_service = Some(service("web-canary", "old"));
    check(&s, "Aborted", &["deadline web-new"]);
    s.replica_sets[1].deadline = Some(noon_plus(30));
    let plan = check(&s, "Aborted", &[]);
    assert_eq!(plan.wake, Some(noon_plus(30)));
    s.now = noon_plus(30);
    check(&s, "Scaling", &["scale web-new 2 to 0"]);
}

#[test]
fn the_mark_on_the_route_alone_finishes_an_abort() {
    let mut s = rollout().canary_pods(2).selected().weight(0).at_step(1);
    s = s.marked(2, "new");
    let plan = check(&s, "Aborting", &[]);
    assert!(plan.record.abort);
    assert!(!decide(&s.clone().marked(2, "another")).record.abort, "a mark of another revision is history");
    assert!(!decide(&s.marked(1, "new")).record.abort, "a mark of an earlier try at the same revision is history");
}

#[test]
fn a_retry_clears_the_mark_before_it_clears_the_record() {
    let mut s = aborted(rollout().canary_pods(2).selected().weight(20).at_step(1)).weight(0);
    s = s.marked(2, "new");
    s.status.abort = false;
    check(&s, "Retrying", &["weight 0 to 0"]);
    s.route_mut().aborted = None;
    let plan = check(&s, "Retrying", &[]);
    assert_eq!((plan.record.abort, plan.record.aborted_at, plan.record.current_step_index), (false, None, Some(0)));
}

#[test]
fn an_abort_with_nothing_in_progress_changes_nothing() {
    let mut s = promoted();
    s.status.abort = true;
    let plan = check(&s, "Settled", &[]);
    assert!(!plan.record.abort);
}
