//! Managed routes: there once a pod can answer, gone whatever else is wrong.

use serde_json::json;

use super::{aborted, check};
use crate::core::fixtures::{rs, with_steps};
use crate::core::managed::{LiveRoute, ManagedRoute};
use crate::core::plan::Need;
use crate::core::snapshot::{Route, Snapshot};

/// At the step that asks for the route `testers`, with 2 canary pods at 20 % and no route yet.
fn testers() -> Snapshot {
    let matches = json!([{"headerName": "x-tester", "headerValue": {"exact": "yes"}}]);
    let steps = json!([
        {"setWeight": 20}, {"setHeaderRoute": {"name": "testers", "match": matches}}, {"pause": {}},
        {"setHeaderRoute": {"name": "testers"}}, {"pause": {}},
    ]);
    let mut s = with_steps(steps).canary_pods(2).selected().weight(20).at_step(1).spec(|spec| {
        let routing = spec.strategy.canary.as_mut().and_then(|canary| canary.traffic_routing.as_mut()).unwrap();
        routing.managed_routes = serde_json::from_value(json!([{"name": "testers"}])).unwrap();
    });
    s.route_mut().exposure.managed.0.push(Vec::new());
    s
}

/// The same with the route in place.
fn routed(s: Snapshot) -> Snapshot {
    let route = ManagedRoute::of(&s.steps()[1]).unwrap();
    standing(s, Some(route))
}

fn standing(mut s: Snapshot, route: Option<ManagedRoute>) -> Snapshot {
    s.route_mut().exposure.managed.0[0] = vec![LiveRoute { name: "testers".into(), route }];
    s
}

#[test]
fn a_header_route_comes_with_its_step_and_ends_it() {
    let plan = check(&testers(), "Converging", &["weight 20 to 20 with testers"]);
    assert!(plan.needs.contains(&Need::Rollout), "a raise rests on a live read");
    let told: Vec<_> = plan.notes.iter().map(|note| (note.reason.as_str(), note.message.as_str())).collect();
    assert_eq!(told, [("Updated VirtualService", "set headerRoute 'testers'")]);
    let plan = check(&routed(testers()), "PauseStep", &[]);
    assert_eq!(plan.record.current_step_index, Some(2));
}

#[test]
fn no_route_leads_to_a_canary_that_can_not_answer() {
    check(&testers().selecting(Some("old")), "Converging", &["switch web-canary to new"]);
    check(&testers().pods("new", 2, 0), "Converging", &["weight 20 to 0"]);
    check(&routed(testers()).pods("new", 2, 0), "Converging", &["weight 20 to 0"]);
    check(&testers().weight(0).pods("new", 2, 0), "PodsNotReady", &[]);
}

#[test]
fn a_step_that_has_no_pods_goes_on_and_the_route_follows_with_the_first() {
    let mut s = testers().weight(0).canary_pods(0).at_step(0);
    s = s.spec(|spec| {
        let steps = &mut spec.strategy.canary.as_mut().unwrap().steps;
        steps.swap(0, 1);
    });
    assert_eq!(check(&s, "StepDone", &[]).record.current_step_index, Some(1));
    check(&s.at_step(1).canary_pods(2), "Converging", &["weight 0 to 20 with testers"]);
}

#[test]
fn an_entry_without_match_takes_the_route_away() {
    check(&routed(testers()).at_step(3), "Converging", &["weight 20 to 20"]);
    check(&testers().at_step(3), "PauseStep", &[]);
}

#[test]
fn what_somebody_made_of_a_route_goes_at_once_and_comes_back_as_it_was() {
    let plan = check(&standing(testers(), None), "Converging", &["weight 20 to 20"]);
    assert!(plan.needs.is_empty() && plan.together, "what lowers waits for no read");
    let paused = |s: Snapshot| s.spec(|spec| spec.paused = true);
    check(&paused(standing(testers(), None)), "Converging", &["weight 20 to 20"]);
    check(&paused(testers()), "ManuallyPaused", &[]);
    check(&paused(testers().at_step(2)), "Converging", &["weight 20 to 20 with testers"]);
}

#[test]
fn an_abort_takes_the_route_away_in_its_first_write_whatever_can_answer() {
    let plan = check(&routed(testers()).ordered_abort(), "Aborting", &["weight 20 to 0"]);
    assert!(plan.together && plan.needs.is_empty());
    check(&routed(testers()).weight(0).ordered_abort(), "Aborting", &["weight 0 to 0"]);
    check(&routed(testers()).ordered_abort().stable_answering(0), "Aborting", &["weight 20 to 20"]);
    // One that comes back later, from a cache or by hand, goes again, and holds the pods until then.
    let again = aborted(routed(testers()).weight(0));
    check(&again, "Converging", &["weight 0 to 0"]);
}

#[test]
fn the_end_of_a_release_a_full_promotion_and_a_rollback_take_the_route_away() {
    let mut stable = routed(testers()).weight(0).at_step(5);
    stable.status.stable_rs = Some("new".into());
    check(&stable, "Converging", &["switch web-stable to new", "weight 0 to 0"]);
    let mut full = routed(testers());
    full.status.promote_full = true;
    check(&full, "Converging", &["weight 20 to 20"]);
    let mut back = routed(testers());
    back.revision.hash = "old".into();
    check(&back, "Converging", &["weight 20 to 0"]);
}

#[test]
fn a_superseding_revision_takes_the_route_away_before_it_is_recorded() {
    let mut s = routed(testers()).weight(0);
    s.revision.hash = "newer".into();
    s.replica_sets.push(rs("newer", 3, 0));
    check(&s, "Converging", &["weight 0 to 0"]);
}

#[test]
fn where_no_route_can_stand_the_step_waits_for_a_person() {
    let mut s = testers();
    s.route_mut().exposure.managed.0.clear();
    check(&s, "UnsupportedStep", &[]);
    s.traffic.route = Route::Blind("create it".into());
    check(&s, "RouteUnseen", &[]);
}
