//! Fields of the strategy that change what a step asks for.

use super::{aborted, check, decide, promoted};
use crate::core::conditions;
use crate::core::exposure::{Exposure, Split};
use crate::core::fixtures::{noon, noon_plus, rollout, rs, service, with_steps};
use crate::core::goal;
use crate::core::plan::Need;
use crate::core::role;
use crate::core::snapshot::{PodSeen, Snapshot};
use serde_json::json;
use serin_crds::names::{EventReason, PauseReason, RolloutPhase};
use serin_crds::rollout::{AntiAffinity, CanaryStrategy};

/// A snapshot with a changed strategy.
fn with(s: Snapshot, change: impl FnOnce(&mut CanaryStrategy)) -> Snapshot {
    s.spec(|spec| change(spec.strategy.canary.as_mut().unwrap()))
}

/// A Rollout of 10 pods whose stable pods follow their share, in the pause at 60 %.
fn shrunk() -> Snapshot {
    let s = with(rollout(), |canary| canary.dynamic_stable_scale = true);
    let s = s.at_step(3).paused(PauseReason::CanaryPauseStep, noon()).selected().canary_pods(6).weight(60);
    s.pods("old", 4, 4).whole(10)
}

/// The standard Rollout with two Services that swap their roles; `web-stable` is ping.
fn pair(s: Snapshot) -> Snapshot {
    let mut s = s.spec(|spec| {
        let pair = json!({"pingService": "web-stable", "pongService": "web-canary"});
        spec.strategy.canary.as_mut().unwrap().ping_pong = serde_json::from_value(pair).unwrap();
    });
    s.status.canary.stable_ping_pong = Some("ping".into());
    s
}

#[test]
fn services_that_swap_their_roles_do_so_with_the_promotion_and_not_before() {
    let swapped = |s: &Snapshot| decide(s).record.canary.stable_ping_pong;
    let at_end = pair(rollout().canary_pods(10).selected().weight(100).at_step(4));
    check(&at_end, "Promoting", &[]);
    assert_eq!(swapped(&at_end).as_deref(), Some("pong"));
    let mut back = at_end.clone();
    back.status.canary.stable_ping_pong = Some("pong".into());
    assert_eq!(swapped(&back).as_deref(), Some("ping"));
    assert_eq!(swapped(&pair(rollout().canary_pods(2).selected().weight(20).ordered_abort())).as_deref(), Some("ping"));
    assert_eq!(swapped(&rollout().canary_pods(10).selected().weight(100).at_step(4)), None);
}

#[test]
fn a_full_promotion_moves_all_traffic_before_the_services_swap_their_roles() {
    let mut s = pair(rollout().canary_pods(6).selected().weight(60).at_step(3));
    s.status.promote_full = true;
    check(&s, "Scaling", &["scale web-new 6 to 10"]);
    let s = s.canary_pods(10);
    check(&s, "Converging", &["weight 60 to 100"]);
    check(&s.weight(100), "Promoting", &[]);
}

#[test]
fn a_stable_side_that_follows_its_share_shrinks_after_traffic_has_left_it() {
    let s = with(rollout(), |canary| canary.dynamic_stable_scale = true).at_step(2).selected().weight(20);
    let s = s.canary_pods(2).pods("old", 8, 8);
    check(&s, "Scaling", &["scale web-new 2 to 6"]);
    let s = s.canary_pods(6);
    check(&s, "Converging", &["weight 20 to 60"]);
    let mut s = s.weight(60);
    s.look.memory.unmoved_since = Some(noon());
    assert_eq!(check(&s, "PauseStep", &[]).record.current_step_index, Some(3), "the step does not wait for that");
    let mut s = s.at_step(3).paused(PauseReason::CanaryPauseStep, noon());
    check(&s, "PauseStep", &[]);
    s.now = noon_plus(5);
    check(&s, "Scaling", &["scale web-old 8 to 4"]);
}

#[test]
fn it_grows_before_a_smaller_step_gives_traffic_back() {
    let s = with_steps(json!([{"setWeight": 60}, {"setWeight": 20}, {"pause": {}}]));
    let s = with(s, |canary| canary.dynamic_stable_scale = true).at_step(1).selected().weight(60).whole(10);
    let s = s.canary_pods(6).pods("old", 4, 4);
    check(&s, "Scaling", &["scale web-old 4 to 8"]);
    check(&s.clone().pods("old", 8, 7), "StableShort", &[]);
    check(&s.pods("old", 8, 8), "Converging", &["weight 60 to 20"]);
}

#[test]
fn an_abort_gives_back_what_stable_can_serve_pod_by_pod() {
    let s = aborted(shrunk());
    check(&s, "Scaling", &["scale web-old 4 to 10"]);
    check(&s.clone().pods("old", 10, 4), "DrainHeld", &[]);
    check(&s.clone().pods("old", 10, 7), "Converging", &["weight 60 to 30"]);
    check(&s.clone().pods("old", 10, 7).weight(30), "Scaling", &["scale web-new 6 to 3"]);
    check(&s.clone().pods("old", 10, 10), "Converging", &["weight 60 to 0"]);
    let s = s.pods("old", 10, 10).weight(0).canary_pods(3);
    check(&s, "Aborted", &["switch web-canary to old"]);
    let mut s = s;
    s.traffic.canary_service = Some(service("web-canary", "old"));
    check(&s, "Scaling", &["scale web-new 3 to 0"]);
}

#[test]
fn it_is_held_for_a_minute_and_no_longer() {
    let mut s = aborted(shrunk()).pods("old", 10, 4);
    s.now = noon_plus(60);
    check(&s, "Converging", &["weight 60 to 0"]);
    let dead = aborted(shrunk()).pods("old", 10, 4).pods("new", 6, 0);
    check(&dead, "Converging", &["weight 60 to 0"]);
}

#[test]
fn with_a_delay_an_aborted_canary_keeps_its_pods_until_it_is_over() {
    let s = aborted(with(shrunk(), |canary| canary.abort_scale_down_delay_seconds = Some(20)));
    check(&s.clone().pods("old", 10, 7).weight(30), "DrainHeld", &[]);
    let mut s = s.pods("old", 10, 10).weight(0);
    s.traffic.canary_service = Some(service("web-canary", "old"));
    check(&s, "Aborted", &["deadline web-new"]);
}

#[test]
fn a_new_version_or_the_old_one_again_waits_until_stable_has_grown() {
    let mut third = shrunk();
    third.revision.hash = "third".into();
    third.status = check(&third, "NewRevision", &["create rs 3 at 2", "revision 3"]).record;
    third.id.revision = 3;
    third.replica_sets.push(rs("third", 3, 2));
    check(&third, "Scaling", &["scale web-old 4 to 10"]);
    check(&third.clone().pods("old", 10, 8), "Converging", &["weight 60 to 20"]);
    let mut back = shrunk();
    back.revision.hash = "old".into();
    back.status = check(&back, "BackToStable", &["renumber web-old 3", "revision 3"]).record;
    (back.id.revision, back.replica_sets[0].revision) = (3, 3);
    let plan = check(&back, "Scaling", &["scale web-old 4 to 10"]);
    assert_eq!(plan.record.phase, Some(RolloutPhase::Progressing), "nothing is well while traffic is elsewhere");
    check(&back.clone().pods("old", 10, 5), "Converging", &["weight 60 to 50"]);
    check(&back.pods("old", 10, 10), "Converging", &["weight 60 to 0"]);
}

#[test]
fn a_full_promotion_shifts_traffic_with_the_pods_that_come() {
    let mut s = shrunk();
    s.status.promote_full = true;
    check(&s, "Scaling", &["scale web-new 6 to 10"]);
    check(&s.clone().pods("new", 10, 8), "Converging", &["weight 60 to 80"]);
    check(&s.clone().pods("new", 10, 8).weight(80), "Scaling", &["scale web-old 4 to 2"]);
    check(&s.canary_pods(10).weight(100), "Promoting", &[]);
}

#[test]
fn an_unseen_route_and_a_dead_canary_take_no_stable_pod_away() {
    let mut s = shrunk();
    s.traffic.route = crate::core::snapshot::Route::Blind("virtualservices \"web\" not found".into());
    assert_eq!(goal::sizes(&s).stable, 4);
    assert_eq!(goal::sizes(&shrunk().pods("new", 6, 0)).stable, 10);
    assert_eq!(goal::sizes(&shrunk().weight(0)).stable, 10);
}

#[test]
fn weights_are_parts_of_the_whole_that_the_rollout_names() {
    let s = with(with_steps(json!([{"setWeight": 5}, {"pause": {}}])), |canary| {
        canary.traffic_routing.as_mut().unwrap().max_traffic_weight = Some(1000);
    });
    check(&s, "Scaling", &["scale web-new 0 to 1"]);
    let mut s = s.canary_pods(1).selected();
    let plan = check(&s, "Converging", &["weight 0 to 0.5"]);
    let told = plan.notes.iter().any(|note| note.message == "Traffic weight updated from 0 to 5");
    assert!(told, "people read the number that they wrote: {:?}", plan.notes);
    s.route_mut().exposure = Exposure::of(vec![Split { canary: 5, stable: 995, others: 0, total: 1000 }]);
    let plan = check(&s, "PauseStep", &[]);
    let weights = plan.record.canary.weights.unwrap();
    assert_eq!((weights.canary.weight, weights.stable.weight), (5, 995));
}

#[test]
fn a_side_with_any_pods_has_as_many_as_are_asked_for_at_least() {
    let least = |s: Snapshot, pods| with(s, |canary| canary.min_pods_per_replica_set = Some(pods));
    check(&least(rollout(), 3), "Scaling", &["scale web-new 0 to 3"]);
    check(&least(rollout(), 30), "Scaling", &["scale web-new 0 to 10"]);
    check(&least(rollout(), 3).pods("new", 3, 2).selected(), "PodsNotReady", &[]);
    check(&least(rollout(), 3).canary_pods(3).selected(), "Converging", &["weight 0 to 20"]);
    assert_eq!(goal::sizes(&least(shrunk(), 5)).stable, 5, "of a stable side that follows its share too");
    let by_hand = with_steps(json!([{"setCanaryScale": {"replicas": 1}}, {"pause": {}}]));
    check(&least(by_hand, 3), "Scaling", &["scale web-new 0 to 1"]);
    let mut basic = least(rollout(), 3);
    basic.traffic.route = crate::core::snapshot::Route::Unrouted;
    assert_eq!(goal::sizes(&basic).canary, 2, "without traffic routing pods are the weight");
}

/// A strategy that gives each role a label.
fn with_roles(s: Snapshot) -> Snapshot {
    let metadata = |role: &str| Some(serde_json::from_value(json!({"labels": {"role": role}})).unwrap());
    with(s, |canary| (canary.canary_metadata, canary.stable_metadata) = (metadata("canary"), metadata("stable")))
}

#[test]
fn pods_have_the_labels_of_their_role_and_lose_them_with_it() {
    let s = with_roles(rollout().canary_pods(2).selected().weight(20).at_step(3));
    let mut s = s.paused(PauseReason::CanaryPauseStep, noon()).canary_pods(6).weight(60);
    check(&s, "Converging", &["role web-old [\"stable\"]"]);
    s.replica_sets[0].role = role::metadata(&s, "old");
    check(&s, "Converging", &["role web-new [\"canary\"]"]);
    s.replica_sets[1].role = role::metadata(&s, "new");
    check(&s, "PauseStep", &[]);
    let mut promoted = s.clone().canary_pods(10).weight(0).at_step(4);
    promoted.status.pause_conditions.clear();
    promoted.status.controller_pause = false;
    promoted.status.stable_rs = Some("new".into());
    promoted.traffic.stable_service = Some(service("web-stable", "new"));
    promoted.replica_sets[0].deadline = Some(noon_plus(30));
    check(&promoted, "Converging", &["role web-old []"]);
    promoted.replica_sets[0].role = role::metadata(&promoted, "old");
    check(&promoted, "Converging", &["role web-new [\"stable\"]"]);
    let aborted = aborted(s);
    assert_eq!(role::metadata(&aborted, "new").labels["role"], "canary", "aborted pods are canary pods still");
    let gone = with(aborted, |canary| (canary.canary_metadata, canary.stable_metadata) = (None, None));
    assert!(role::is_empty(&role::metadata(&gone, "old")), "a field that is removed takes its labels along");
}

/// Version 3 is stable, and the spec names version 1 again; so many revisions are a lately stable one.
fn back_to_the_first(revisions: i32, pods: i64) -> Snapshot {
    let mut s =
        rollout().spec(|spec| spec.rollback_window = serde_json::from_value(json!({"revisions": revisions})).unwrap());
    s.replica_sets = vec![rs("new", 1, pods), rs("second", 2, 0), rs("old", 3, 10)];
    s.status.current_pod_hash = Some("old".into());
    s.id.revision = 3;
    s
}

#[test]
fn a_rollback_within_the_window_needs_no_steps_and_moves_traffic_only_to_all_its_pods() {
    let s = back_to_the_first(2, 0);
    let plan = check(&s, "NewRevision", &["renumber web-new 4", "revision 4"]);
    assert_eq!(plan.record.current_step_index, Some(4));
    assert!(plan.notes.iter().any(|note| note.reason == EventReason::SkipSteps));
    let mut s = s;
    (s.status, s.id.revision, s.replica_sets[0].revision) = (plan.record, 4, 4);
    check(&s, "Scaling", &["scale web-new 0 to 10"]);
    check(&s.clone().pods("new", 10, 9), "Converging", &["switch web-canary to new"]);
    check(&s.clone().pods("new", 10, 9).selected(), "PodsNotReady", &[]);
    let plan = check(&s.canary_pods(10).selected(), "Promoting", &[]);
    assert!(plan.because.sentence().contains("Rollback within window"));
    assert_eq!(plan.record.stable_rs.as_deref(), Some("new"));
}

#[test]
fn what_is_older_than_the_window_takes_the_steps() {
    let plan = check(&back_to_the_first(1, 0), "NewRevision", &["renumber web-new 4", "revision 4"]);
    assert_eq!(plan.record.current_step_index, Some(0));
    let newer = rollout().spec(|spec| spec.rollback_window = serde_json::from_value(json!({"revisions": 9})).unwrap());
    check(&newer, "Scaling", &["scale web-new 0 to 2"]);
}

#[test]
fn a_rollback_can_be_aborted() {
    let mut s = back_to_the_first(2, 4).selected();
    (s.status.current_pod_hash, s.status.current_step_index) = (Some("new".into()), Some(4));
    let s = aborted(s);
    check(&s, "Aborted", &["switch web-canary to old"]);
}

#[test]
fn only_so_many_old_revisions_wait_for_their_delay_at_one_time() {
    let limited = |limit, deadline: Option<i64>| {
        let mut s = with(rollout(), |canary| canary.scale_down_delay_revision_limit = Some(limit)).canary_pods(10);
        s = s.selected().at_step(4);
        s.status.stable_rs = Some("new".into());
        s.traffic.stable_service = Some(service("web-stable", "new"));
        s.replica_sets = vec![rs("first", 1, 10), rs("old", 2, 10), rs("new", 3, 10)];
        s.replica_sets[1].deadline = deadline.map(noon_plus);
        s
    };
    check(&limited(2, None), "CleaningUp", &["deadline web-old", "deadline web-first"]);
    check(&limited(1, None), "CleaningUp", &["deadline web-old", "scale web-first 10 to 0"]);
    check(&limited(1, Some(20)), "CleaningUp", &["scale web-first 10 to 0"]);
    check(&limited(0, Some(20)), "CleaningUp", &["scale web-old 10 to 0", "scale web-first 10 to 0"]);
}

#[test]
fn a_release_that_makes_no_progress_is_aborted_where_the_spec_says_so() {
    let late = |abort: bool| {
        let mut s = rollout().pods("new", 2, 0).spec(|spec| spec.progress_deadline_abort = abort);
        s.status = decide(&s).record;
        s.look.memory.best = conditions::reached(&s, &s.status);
        s.now = noon_plus(601);
        s
    };
    let plan = check(&late(true), "Aborting", &[]);
    let said = plan.record.message.unwrap_or_default();
    assert!(said.ends_with("ReplicaSet \"web-new\" has timed out progressing."), "{said}");
    let plan = check(&late(false), "PodsNotReady", &[]);
    assert_eq!(plan.record.phase, Some(RolloutPhase::Degraded));
    let mut waiting = late(true).canary_pods(2).selected().weight(20).at_step(3);
    waiting = waiting.paused(PauseReason::CanaryPauseStep, noon());
    assert!(!decide(&waiting).record.abort, "a pause is no lack of progress");
}

/// A Rollout in a pause whose pods are to be restarted, with pods of a revision made so many seconds after the order.
fn restarting(pods: &[(&str, &str, i64)]) -> Snapshot {
    let mut s = rollout().canary_pods(2).selected().weight(20).at_step(3).paused(PauseReason::CanaryPauseStep, noon());
    s = s.canary_pods(6).weight(60).spec(|spec| spec.restart_at = Some(noon_plus(-100)));
    let seen = |(name, hash, age): &(&str, &str, i64)| PodSeen {
        name: (*name).into(),
        uid: (*name).into(),
        hash: (*hash).into(),
        created: noon_plus(-100 + age),
        available: true,
        ending: false,
    };
    s.look.asked.insert(Need::Pods);
    s.look.pods = Some(pods.iter().map(seen).collect());
    // 14 others are young and fine.
    let young: Vec<_> = (0..16 - pods.len()).map(|_| seen(&("young", "old", 1))).collect();
    s.look.pods.as_mut().unwrap().extend(young);
    s
}

#[test]
fn old_pods_are_evicted_as_far_as_they_may_be_missing_stable_and_oldest_first() {
    let pods = [("a", "new", -5), ("b", "old", -1), ("c", "old", -9), ("d", "old", 0)];
    let s = restarting(&pods);
    check(&s, "Restarting", &["evict [\"c\", \"b\"]"]);
    let mut one = s.clone();
    one.look.pods.as_mut().unwrap()[5].available = false;
    check(&one, "Restarting", &["evict [\"c\"]"]);
    one.look.pods.as_mut().unwrap()[6].available = false;
    let plan = check(&one, "PauseStep", &[]);
    assert_eq!(plan.wake, Some(noon_plus(30)), "it is looked at again");
    check(&restarting(&[("a", "new", -5), ("b", "new", -4)]), "Restarting", &["evict [\"a\"]"]);
    check(&restarting(&[("a", "new", -5)]), "Restarting", &["evict [\"a\"]"]);
    let mut unasked = s;
    unasked.look.asked.clear();
    assert!(decide(&unasked).needs.contains(&Need::Pods), "pods are in no cache");
}

#[test]
fn a_restart_is_recorded_once_no_old_pod_is_left_and_begins_when_it_is_time() {
    let plan = check(&restarting(&[("a", "old", 0)]), "Restarted", &[]);
    assert_eq!(plan.record.restarted_at, Some(noon_plus(-100)));
    let mut ending = restarting(&[("a", "old", -1)]);
    (ending.look.pods.as_mut().unwrap()[0].ending, ending.look.pods.as_mut().unwrap()[0].available) = (true, false);
    assert_eq!(check(&ending, "PauseStep", &[]).record.restarted_at, None);
    let mut done = restarting(&[("a", "old", -1)]);
    done.status.restarted_at = Some(noon_plus(-100));
    check(&done, "PauseStep", &[]);
    let later = restarting(&[("a", "old", -1)]).spec(|spec| spec.restart_at = Some(noon_plus(10)));
    let plan = check(&later, "PauseStep", &[]);
    assert!(plan.wake.is_some_and(|at| at > noon_plus(10) && at < noon_plus(11)));
    let mut alone = promoted().spec(|spec| spec.restart_at = Some(noon_plus(10)));
    alone.status = decide(&alone).record;
    assert_eq!(alone.status.message.as_deref(), Some("rollout is restarting"));
}

#[test]
fn pods_of_the_new_revision_avoid_the_nodes_of_the_stable_one() {
    let s = rollout().canary_pods(6).selected().weight(60).at_step(3).paused(PauseReason::CanaryPauseStep, noon());
    let mut s = with(s, |canary| canary.anti_affinity = Some(AntiAffinity::default()));
    check(&s, "Converging", &["web-new avoids old"]);
    s.replica_sets[1].avoids = Some("older".into());
    check(&s, "Converging", &["web-new avoids old"]);
    s.replica_sets[1].avoids = Some("old".into());
    check(&s, "PauseStep", &[]);
    assert_eq!(role::avoids(&with(promoted(), |canary| canary.anti_affinity = Some(AntiAffinity::default()))), None);
}
