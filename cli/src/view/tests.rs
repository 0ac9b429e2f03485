//! A vocabulary of objects for tests, and what a whole view is made of.

use serde_json::{Value, json};

use super::*;

/// Objects that belong together, to be changed by a test.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub rollout: Value,
    pub sets: Vec<Value>,
    pub pods: Vec<Value>,
    pub runs: Vec<Value>,
    pub services: Vec<Value>,
    pub routes: Vec<Value>,
    pub rules: Vec<Value>,
}

/// The canary of shop: revision 1 is stable with 10 pods, revision 2 has 2 pods and 20 % at step 2 of 5.
pub(crate) fn shop() -> World {
    let set = |revision: i64, hash: &str, pods: i64| {
        json!({
            "metadata": {
                "name": format!("shop-{hash}"), "uid": format!("set-{hash}"), "generation": 1,
                "labels": {"rollouts-pod-template-hash": hash},
                "annotations": {"rollout.argoproj.io/revision": revision.to_string()},
                "ownerReferences": [{"uid": "r"}], "creationTimestamp": "2026-01-01T09:00:00Z",
            },
            "spec": {
                "replicas": pods,
                "template": {"spec": {"containers": [{"image": format!("shop:v{revision}")}]}},
            },
            "status": {"replicas": pods, "availableReplicas": pods, "observedGeneration": 1},
        })
    };
    let service = |name: &str, hash: &str| json!({"metadata": {"name": name}, "spec": {"selector": {"rollouts-pod-template-hash": hash}}});
    let pod = |hash: &str, number: i64| {
        json!({
            "metadata": {
                "name": format!("shop-{hash}-{number}"), "ownerReferences": [{"uid": format!("set-{hash}")}],
                "creationTimestamp": format!("2026-01-01T09:00:0{number}Z"),
            },
            "spec": {"containers": [{"name": "shop"}]},
            "status": {"phase": "Running", "containerStatuses": [{"ready": true, "state": {"running": {}}}]},
        })
    };
    let destination = |host: &str, weight: i64| json!({"destination": {"host": host}, "weight": weight});
    World {
        rollout: rollout(),
        sets: vec![set(1, "aaa", 10), set(2, "bbb", 2)],
        pods: (0..10).map(|number| pod("aaa", number)).chain((0..2).map(|number| pod("bbb", number))).collect(),
        runs: vec![run()],
        services: vec![service("shop-stable", "aaa"), service("shop-canary", "bbb")],
        routes: vec![json!({
            "metadata": {"name": "shop", "namespace": "default"},
            "spec": {"http": [
                {"name": "testers", "route": [destination("shop-canary", 100)]},
                {"name": "primary", "route": [destination("shop-stable", 80), destination("shop-canary", 20)]},
            ]},
        })],
        rules: Vec::new(),
    }
}

fn rollout() -> Value {
    json!({
        "metadata": {
            "name": "shop", "namespace": "default", "uid": "r", "generation": 3,
            "creationTimestamp": "2026-01-01T09:00:00Z",
        },
        "spec": {"replicas": 10, "strategy": {"canary": {
            "steps": [
                {"setWeight": 20}, {"analysis": {"templates": [{"templateName": "error-rate"}]}}, {"setWeight": 50},
                {"pause": {"duration": "10m"}}, {"setWeight": 100},
            ],
            "trafficRouting": {
                "managedRoutes": [{"name": "testers"}],
                "istio": {"virtualService": {"name": "shop"}},
            },
        }}},
        "status": {
            "observedGeneration": "3", "phase": "Progressing", "message": "more replicas need to be updated",
            "stableRS": "aaa", "currentPodHash": "bbb", "currentStepIndex": 1,
            "replicas": 12, "updatedReplicas": 2, "readyReplicas": 12, "availableReplicas": 12,
            "canary": {"weights": {"canary": {"weight": 20}}},
            "conditions": [{
                "type": "Reconciling", "status": "True", "reason": "Analysing",
                "message": "waits for the verdict of AnalysisRun shop-bbb-2-1",
                "lastTransitionTime": "2026-01-01T09:01:00Z",
            }],
        },
    })
}

fn run() -> Value {
    json!({
        "metadata": {
            "name": "shop-bbb-2-1", "ownerReferences": [{"uid": "r"}], "labels": {"step-index": "1"},
            "annotations": {"rollout.argoproj.io/revision": "2"}, "creationTimestamp": "2026-01-01T09:01:00Z",
        },
        "spec": {"metrics": [{
            "name": "error-rate", "failureLimit": 2, "successCondition": "result[0] < 0.05",
        }]},
        "status": {"phase": "Running", "metricResults": [{
            "name": "error-rate", "phase": "Running", "successful": 1, "failed": 1,
            "measurements": [
                {"phase": "Successful", "value": "[0.01]", "finishedAt": "2026-01-01T09:01:15Z"},
                {"phase": "Failed", "value": "[0.2666666]", "finishedAt": "2026-01-01T09:01:23Z"},
            ],
        }]},
    })
}

impl World {
    pub(crate) fn view(&self) -> View {
        View::of(&Objects {
            rollout: &self.rollout,
            replica_sets: self.sets.iter().collect(),
            pods: self.pods.iter().collect(),
            runs: self.runs.iter().collect(),
            services: self.services.iter().collect(),
            virtual_services: self.routes.iter().collect(),
            destination_rules: self.rules.iter().collect(),
        })
    }
}

fn words(view: &View) -> Vec<String> {
    let roles = |set: &Set| set.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(",");
    let set = |set: &Set| format!("{} {} {} {} %", set.meta.name, set.state.word, roles(set), view.percent(set));
    view.sets().map(set).collect()
}

#[test]
fn revisions_come_newest_first_with_their_roles_and_their_traffic() {
    let view = shop().view();
    assert_eq!(words(&view), ["shop-bbb Healthy canary 20 %", "shop-aaa Healthy stable 80 %"]);
    let numbers: Vec<_> = view.revisions.iter().map(|one| (one.number, one.sets.len(), one.runs.len())).collect();
    assert_eq!(numbers, [(2, 1, 1), (1, 1, 0)]);
    assert_eq!(view.sets().map(|set| set.pods.len()).collect::<Vec<_>>(), [2, 10]);
    assert_eq!(view.routes.len(), 1, "its own header route has no weights: {:?}", view.routes);
}

#[test]
fn a_summary_says_where_it_stands_and_what_it_waits_for() {
    let Summary { state, strategy, wait, replicas, .. } = shop().view().summary;
    let canary = strategy.canary().unwrap();
    assert_eq!((state.word.as_str(), state.icon), ("Progressing", Icon::Progressing));
    assert_eq!((canary.place().as_str(), canary.set_weight), ("1/5", 20));
    assert_eq!(
        canary.steps,
        ["setWeight 20 %", "analysis error-rate", "setWeight 50 %", "pause 10m", "setWeight 100 %"]
    );
    let wait = wait.unwrap();
    assert_eq!(wait.message, "waits for the verdict of AnalysisRun shop-bbb-2-1");
    assert_eq!(wait.since, "2026-01-01T09:01:00Z".parse().ok());
    assert_eq!(replicas, Replicas { desired: 10, current: 12, updated: 2, ready: 12, available: 12 });
}

#[test]
fn a_run_shows_what_was_measured_and_what_is_left() {
    let view = shop().view();
    let run = view.latest_run().unwrap();
    let metric = &run.metrics[0];
    assert_eq!((run.step, run.state.icon), (Some(1), Icon::Progressing));
    assert_eq!((metric.condition.as_str(), metric.failures_left()), ("result[0] < 0.05", Some(1)));
    let values: Vec<_> = metric.measurements.iter().map(|one| (one.state.icon, one.value.as_str())).collect();
    assert_eq!(values, [(Icon::Ok, "[0.01]"), (Icon::Bad, "[0.2666666]")]);
}

fn check_weights(change: impl Fn(&mut Value), set: i64, actual: i64) {
    let mut world = shop();
    change(&mut world.rollout);
    let view = world.view();
    assert_eq!(view.summary.strategy.canary().map(|canary| canary.set_weight), Some(set));
    assert_eq!(view.actual_weight(), Some(actual));
}

#[test]
fn weights_are_those_that_the_steps_ask_for_and_those_that_are_there() {
    check_weights(|_| {}, 20, 20);
    check_weights(|rollout| rollout["status"]["currentStepIndex"] = json!(3), 50, 20);
    check_weights(|rollout| rollout["status"]["currentStepIndex"] = json!(5), 100, 100);
    check_weights(|rollout| rollout["status"]["abort"] = json!(true), 0, 20);
    check_weights(|rollout| rollout["status"]["canary"] = json!({}), 20, 20);
    check_weights(|rollout| rollout["status"]["availableReplicas"] = json!(0), 20, 0);
    let by_pods = |rollout: &mut Value| rollout["spec"]["strategy"]["canary"]["trafficRouting"] = Value::Null;
    check_weights(by_pods, 20, 16);
}

#[test]
fn without_routes_pods_share_the_traffic() {
    let mut world = shop();
    world.rollout["spec"]["strategy"]["canary"]["trafficRouting"] = Value::Null;
    assert_eq!(words(&world.view()), ["shop-bbb Healthy canary 16 %", "shop-aaa Healthy stable 83 %"]);
}

#[test]
fn subsets_are_looked_up_in_the_rule_of_their_host() {
    let mut world = shop();
    let route = |subset: &str, weight: i64| json!({"destination": {"host": "shop.default.svc", "subset": subset}, "weight": weight});
    world.routes[0]["spec"]["http"] = json!([{"route": [route("old", 70), route("new", 30)]}]);
    let subset = |name: &str, hash: &str| json!({"name": name, "labels": {"rollouts-pod-template-hash": hash}});
    world.rules = vec![json!({"spec": {"host": "shop", "subsets": [subset("old", "aaa"), subset("new", "bbb")]}})];
    let view = world.view();
    assert_eq!(words(&view), ["shop-bbb Healthy canary 30 %", "shop-aaa Healthy stable 70 %"]);
    assert_eq!(view.routes[0].shares[1].to, "shop/new");
}

fn check_phase(change: impl Fn(&mut Value), expect: (&str, &str)) {
    let mut world = shop();
    change(&mut world.rollout);
    let summary = world.view().summary;
    assert_eq!((summary.state.word.as_str(), summary.message.as_str()), expect);
}

#[test]
fn a_status_that_is_out_of_date_is_not_believed() {
    check_phase(|_| {}, ("Progressing", "more replicas need to be updated"));
    check_phase(
        |rollout| rollout["metadata"]["generation"] = json!(4),
        ("Progressing", "waiting for rollout spec update to be observed"),
    );
    check_phase(
        |rollout| rollout["status"]["controllerPause"] = json!(true),
        ("Progressing", "waiting for rollout to unpause"),
    );
}

#[test]
fn ping_and_pong_follow_which_of_them_is_stable() {
    let mut world = shop();
    world.rollout["spec"]["strategy"]["canary"]["pingPong"] = json!({});
    let roles = |world: &World| world.view().sets().map(|set| set.roles.clone()).collect::<Vec<_>>();
    assert_eq!(roles(&world), [vec![Role::Canary, Role::Ping], vec![Role::Stable, Role::Pong]]);
    world.rollout["status"]["canary"]["stablePingPong"] = json!("ping");
    assert_eq!(roles(&world), [vec![Role::Canary, Role::Pong], vec![Role::Stable, Role::Ping]]);
}

#[test]
fn anything_at_all_can_be_looked_at() {
    let odd = [Value::Null, json!(1), json!([]), json!({"metadata": 1, "spec": [], "status": "x"})];
    for object in &odd {
        let all = vec![object.clone()];
        let world = World {
            rollout: object.clone(),
            sets: all.clone(),
            pods: all.clone(),
            runs: all.clone(),
            services: all.clone(),
            routes: all.clone(),
            rules: all,
        };
        world.view();
    }
    let mut world = shop();
    world.routes[0]["spec"]["http"][1]["route"][0]["weight"] = json!(i64::MAX);
    world.rollout["status"]["currentStepIndex"] = json!(u64::MAX);
    world.rollout["status"]["availableReplicas"] = json!(i64::MIN);
    assert!(world.view().actual_weight().is_some());
}
