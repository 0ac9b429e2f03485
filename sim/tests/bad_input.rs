//! Rollouts, Services and routes that make no sense: each is told what to change and where, nothing is tried again and
//! again, and a Rollout beside them is released as if they were not there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    reason = "a test may panic; a table may be long"
)]

mod common;

use std::time::Duration;

use common::{Judge, ROLLOUTS, TEMPLATES, seconds, send};
use serde_json::{Value, json};
use serin_sim::cluster::{CONTROLLER, SimWorld};
use serin_sim::play;
use serin_sim::scenario::{World, WorldError};

const ROUTES: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices";
const SERVICES: &str = "/api/v1/namespaces/default/services";

/// One bad input: a merge patch of one object of an ordinary service, and what its Rollout has to say then.
struct Case {
    name: &'static str,
    to: &'static str,
    patch: Value,
    says: &'static [&'static str],
}

fn rollout(name: &'static str, patch: Value, says: &'static [&'static str]) -> Case {
    Case { name, to: ROLLOUTS, patch, says }
}

fn canary(name: &'static str, canary: Value, says: &'static [&'static str]) -> Case {
    rollout(name, json!({"spec": {"strategy": {"canary": canary}}}), says)
}

fn analysis(template: &str, args: Value) -> Value {
    json!({"steps": [{"setWeight": 20}, {"analysis": {"templates": [{"templateName": template}], "args": args}}]})
}

fn cases() -> Vec<Case> {
    let steps = |step: Value| json!({"steps": [{"setWeight": 20}, step]});
    let many: Vec<Value> = (0..10_000).map(|n| json!({"setWeight": n % 101})).collect();
    vec![
        canary(
            "bad-duration",
            steps(json!({"pause": {"duration": "5 minutes"}})),
            &["canary.steps[1].pause.duration", "5 minutes"],
        ),
        canary("bad-delay", json!({"scaleDownDelaySeconds": -1}), &["scaleDownDelaySeconds"]),
        canary("two-actions", steps(json!({"pause": {}, "setWeight": 5})), &["canary.steps[1]"]),
        canary("no-action", steps(json!({})), &["canary.steps[1]"]),
        canary("both-zero", json!({"maxSurge": 0, "maxUnavailable": 0}), &["maxSurge", "maxUnavailable"]),
        canary("no-template", analysis("nowhere", json!([])), &["canary.steps[1].analysis", "'nowhere' not found"]),
        canary(
            "no-argument",
            analysis("asking", json!([])),
            &["canary.steps[1].analysis", "args.service", "give it a value"],
        ),
        canary(
            "no-service",
            json!({"canaryService": "nobody"}),
            &["canaryService", "\"nobody\" not found", "create it"],
        ),
        canary("same-service", json!({"canaryService": "same-service-stable"}), &["canaryService", "stableService"]),
        canary(
            "no-route",
            json!({"trafficRouting": {"istio": {"virtualService": {"name": "nowhere"}}}}),
            &["virtualService.name", "\"nowhere\" not found"],
        ),
        rollout(
            "two-strategies",
            json!({"spec": {"strategy": {"blueGreen": {"activeService": "a"}}}}),
            &["spec.strategy", "blueGreen"],
        ),
        rollout("no-selector", json!({"spec": {"selector": null}}), &["spec.selector"]),
        rollout(
            "other-selector",
            json!({"spec": {"selector": {"matchLabels": {"app": "other"}}}}),
            &["spec.selector", "spec.template.metadata.labels"],
        ),
        rollout("no-pods", json!({"spec": {"template": null}}), &["spec.template"]),
        canary("many-steps", json!({"steps": many}), &["canary.steps has 10000 steps", "at most 1000"]),
        canary(
            "big-argument",
            analysis("asking", json!([{"name": "service", "value": "x".repeat(1 << 20)}])),
            &["canary.steps[1].analysis.args", "at most 65536", "shorten it"],
        ),
        rollout(
            "garbage",
            json!({"metadata": {"annotations": {"rollout.argoproj.io/revision": "many", "scale-down-deadline": "soon"}}}),
            &[],
        ),
        Case {
            name: "service-elsewhere",
            to: SERVICES,
            patch: json!({"spec": {"selector": {"app": "other"}}}),
            says: &["stableService", "\"service-elsewhere-stable\"", "make them agree"],
        },
        Case {
            name: "service-foreign",
            to: ROLLOUTS,
            patch: json!({"spec": {"strategy": {"canary": {"stableService": "good-stable"}}}}),
            says: &["stableService", "managed by another Rollout (good)"],
        },
        Case {
            name: "route-text",
            to: ROUTES,
            patch: json!({"spec": {"http": "all of them"}}),
            says: &["virtualService", "HTTP routes"],
        },
        Case {
            name: "route-odd",
            to: ROUTES,
            patch: json!({"spec": {"http": [{"route": [{"destination": 5}, null]}]}}),
            says: &["virtualService", "route"],
        },
        Case {
            name: "route-words",
            to: ROUTES,
            patch: json!({"spec": {"http": [{"route": [
            {"destination": {"host": "route-words-stable"}, "weight": "most"},
            {"destination": {"host": "route-words-canary"}, "weight": -3}]}]}}),
            // The weights are ours: they are put right, whatever stands there.
            says: &[],
        },
        Case {
            name: "route-none",
            to: ROUTES,
            patch: json!({"spec": null}),
            says: &["virtualService", "HTTP, TCP or TLS routes"],
        },
    ]
}

/// An ordinary service: what is created where.
fn objects(name: &str) -> [(&'static str, Value); 4] {
    let service = |side: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("{name}-{side}")},
               "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}})
    };
    let destination =
        |side: &str, weight: i64| json!({"destination": {"host": format!("{name}-{side}")}, "weight": weight});
    let route = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name},
        "spec": {"hosts": [name], "http": [{"route": [destination("stable", 100), destination("canary", 0)]}]}});
    let rollout = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name}, "spec": {
    "replicas": 2, "selector": {"matchLabels": {"app": name}},
    "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:v1"}]}},
    "strategy": {"canary": {
        "canaryService": format!("{name}-canary"), "stableService": format!("{name}-stable"),
        "trafficRouting": {"istio": {"virtualService": {"name": name}}},
        "steps": [{"setWeight": 20}, {"pause": {"duration": "30s"}}, {"setWeight": 60}],
    }}}});
    // The stable Service is the first: it is the one that cases change.
    [(SERVICES, service("stable")), (SERVICES, service("canary")), (ROUTES, route), (ROLLOUTS, rollout)]
}

async fn begin(world: &mut SimWorld, cases: &[Case]) -> Result<(), WorldError> {
    let template = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": "asking"},
        "spec": {"args": [{"name": "service"}], "metrics": [{"name": "errors", "successCondition": "true",
            "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "up{service=\"{{args.service}}\"}"}}}]}});
    world.start_controller().await?;
    send(world, "POST", TEMPLATES, &template).await;
    for case in cases {
        let mut changed = false;
        for (path, mut object) in objects(case.name) {
            if path == case.to && !changed {
                json_patch::merge(&mut object, &case.patch);
                changed = true;
            }
            send(world, "POST", path, &object).await;
        }
        assert!(changed, "{}", case.name);
    }
    for (path, object) in objects("good") {
        send(world, "POST", path, &object).await;
    }
    seconds(world, 30).await;
    for name in cases.iter().map(|case| case.name).chain(["good"]) {
        let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:v2"}]}}}});
        if name != "no-pods" {
            send(world, "PATCH", &format!("{ROLLOUTS}/{name}"), &image).await;
        }
    }
    seconds(world, 120).await;
    Ok(())
}

/// What a Rollout says of itself: its message, and the conditions that say something is wrong.
fn said(rollout: &Value) -> String {
    let conditions = rollout.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    let invalid = conditions.iter().filter(|c| c["type"] == "InvalidSpec").map(|c| c["message"].as_str().unwrap());
    invalid.collect::<Vec<_>>().join("\n")
}

#[test]
fn bad_input_is_told_what_to_change_and_harms_nobody_else() {
    let cases = cases();
    play::in_virtual_time(async {
        let mut world = play::world()?;
        let judge = Judge::of(&world);
        begin(&mut world, &cases).await?;
        let mut wrong = Vec::new();
        for case in &cases {
            let rollout = send(&world, "GET", &format!("{ROLLOUTS}/{}", case.name), &Value::Null).await;
            let said = said(&rollout);
            let misses = case.says.iter().any(|text| !said.contains(text));
            if misses || case.says.is_empty() != said.is_empty() || said.len() > 4000 {
                wrong.push(format!("{}: {said} {}", case.name, rollout["status"]["phase"]));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let good = send(&world, "GET", &format!("{ROLLOUTS}/good"), &Value::Null).await;
        assert_eq!(good["status"]["phase"], "Healthy", "{good:#}");
        assert_eq!(good["status"]["stableRS"], good["status"]["currentPodHash"], "{good:#}");
        // Nothing goes on: whatever is wrong is said once, and nothing is tried again and again, refused or not.
        judge.nothing_was_broken(&mut world).await;
        Ok::<_, WorldError>(())
    })
    .unwrap();
}

#[test]
fn what_a_slow_watch_has_not_shown_yet_is_not_called_missing() {
    play::in_virtual_time(async {
        let mut world = play::world()?;
        let judge = Judge::of(&world);
        for kind in ["services", "virtualservices"] {
            world.server.faults().set_lag(kind, Duration::from_secs(600));
        }
        world.start_controller().await?;
        for (path, object) in objects("late") {
            send(&world, "POST", path, &object).await;
        }
        seconds(&mut world, 30).await;
        let late = send(&world, "GET", &format!("{ROLLOUTS}/late"), &Value::Null).await;
        assert_eq!(late["status"]["phase"], "Healthy", "{late:#}");
        let ours = world.server.writes().into_iter().filter(|write| write.user == CONTROLLER);
        let called = ours.filter_map(|write| write.after.as_ref().map(ToString::to_string));
        assert_eq!(called.filter(|object| object.contains("InvalidSpec")).count(), 0);
        judge.nothing_was_broken(&mut world).await;
        Ok::<_, WorldError>(())
    })
    .unwrap();
}
