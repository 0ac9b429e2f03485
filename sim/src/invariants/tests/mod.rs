//! Each promise, seen to be broken and seen to be kept. Histories are made by hand, write by write.

mod exposure;
mod forwards;
mod liveness;
mod objects;
mod orders;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;

const US: &str = "serin-controller";

/// A history being told: the standard release of `shop` from v1 to v2, and whatever a test adds.
struct HistoryBuilder {
    checker: Checker,
    now: Timestamp,
    /// The version of the last write.
    version: u64,
}

impl HistoryBuilder {
    /// `shop` at v1, promoted, with 10 pods, host-level routing and two analyses.
    fn new() -> Self {
        let now = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let mut tale = Self { checker: Checker::new(US), now, version: 0 };
        let analysis = json!({"analysis": {"templates": [{"templateName": "errors"}]}});
        let canary = json!({
            "canaryService": "canary", "stableService": "stable",
            "trafficRouting": {"istio": {"virtualService": {"name": "routes", "routes": ["primary"]}}},
            "steps": [{"setWeight": 20}, analysis, {"setWeight": 50}, analysis],
        });
        tale.make("person", "rollouts", "shop", json!({
            "kind": "Rollout", "metadata": {"name": "shop", "namespace": "default", "uid": "u"},
            "spec": {"replicas": 10, "strategy": {"canary": canary}},
            "status": {"stableRS": "v1", "currentPodHash": "v1", "currentStepHash": "s", "currentStepIndex": 4, "phase": "Healthy"},
        }));
        for name in ["stable", "canary"] {
            tale.make(
                "person",
                "services",
                name,
                json!({"metadata": {}, "spec": {"selector": {"app": "shop", view::HASH_LABEL: "v1"}}}),
            );
        }
        tale.make("person", "virtualservices", "routes", json!({"metadata": {}, "spec": {"http": [
            {"name": "primary", "retries": {"attempts": 3}, "route": [
                {"destination": {"host": "stable"}, "weight": 100}, {"destination": {"host": "canary"}, "weight": 0}]}]}}));
        tale.set("v1", 10, 10).wait(5_000)
    }

    /// The release of v2, at step 1 with 20 % and two of its pods available.
    fn releasing() -> Self {
        Self::new().begun().set("v2", 2, 2).select("canary", "v2").weight(20).step(1)
    }

    fn begun(self) -> Self {
        self.we("rollouts", "shop", |it| {
            it["status"]["currentPodHash"] = "v2".into();
            it["status"]["currentStepIndex"] = 0.into();
            it["status"]["phase"] = "Progressing".into();
        })
    }

    /// A write to the object itself, where `write` goes to the status.
    fn write_main(&mut self, user: &str, key: Key, after: Value) {
        self.write_to(None, user, key, Some(after));
    }

    fn write(&mut self, user: &str, key: Key, after: Option<Value>) {
        let subresource = (key.resource == "rollouts" && user == US).then_some("status");
        self.write_to(subresource, user, key, after);
    }

    fn write_to(&mut self, subresource: Option<&str>, user: &str, key: Key, after: Option<Value>) {
        let before = self.checker.history().get(&key).cloned().map(Arc::new);
        let verb = if after.is_none() { "delete" } else { "update" }.to_owned();
        let subresource = subresource.map(str::to_owned);
        self.version += 1;
        let after = after.map(|mut after| {
            after["metadata"]["resourceVersion"] = self.version.to_string().into();
            Arc::new(after)
        });
        self.checker.see(&WriteRecord {
            at: self.now,
            user: user.into(),
            verb,
            key,
            subresource,
            before,
            after,
            code: 200,
        });
        self.now += SignedDuration::from_millis(1);
    }

    fn make(&mut self, user: &str, resource: &str, name: &str, object: Value) {
        self.write(user, Key::new(resource, "default", name), Some(object));
    }

    fn edit(mut self, user: &str, (resource, name): (&str, &str), edit: impl FnOnce(&mut Value)) -> Self {
        let key = Key::new(resource, "default", name);
        let mut object = self.checker.history().get(&key).cloned().unwrap_or_else(|| json!({"metadata": {}}));
        edit(&mut object);
        self.write(user, key, Some(object));
        self
    }

    fn we(self, resource: &str, name: &str, edit: impl FnOnce(&mut Value)) -> Self {
        self.edit(US, (resource, name), edit)
    }

    fn person(self, edit: impl FnOnce(&mut Value)) -> Self {
        self.edit("person", ("rollouts", "shop"), edit)
    }

    fn wait(mut self, millis: i64) -> Self {
        self.now += SignedDuration::from_millis(millis);
        self
    }

    /// A `ReplicaSet` of shop: its size by us, its available pods by Kubernetes.
    fn set(self, hash: &str, size: i64, available: i64) -> Self {
        let name = format!("shop-{hash}");
        let fill = |it: &mut Value| {
            it["metadata"]["labels"] = json!({view::HASH_LABEL: hash});
            it["metadata"]["ownerReferences"] = owners();
            it["spec"]["template"]["spec"]["containers"] = json!([{"image": hash}]);
            it["spec"]["replicas"] = size.into();
        };
        self.we("replicasets", &name, fill).available(hash, available)
    }

    fn available(self, hash: &str, available: i64) -> Self {
        let name = format!("shop-{hash}");
        self.edit("kubernetes", ("replicasets", &name), |it| {
            it["status"]["availableReplicas"] = available.into();
        })
    }

    /// We read an object of the API server.
    fn read(mut self, resource: &str, name: &str) -> Self {
        let (at, key, version) = (self.now, Key::new(resource, "default", name), self.version);
        self.checker.hear(&CallRecord { at, verb: "get".to_owned(), key, version, code: 200 });
        self
    }

    fn select(self, service: &str, hash: &str) -> Self {
        self.we("services", service, |it| {
            it["spec"]["selector"][view::HASH_LABEL] = hash.into();
        })
    }

    fn weights(self, user: &str, stable: i64, canary: i64) -> Self {
        self.edit(user, ("virtualservices", "routes"), |it| {
            let route = &mut it["spec"]["http"][0]["route"];
            route[0]["weight"] = stable.into();
            route[1]["weight"] = canary.into();
        })
    }

    fn weight(self, canary: i64) -> Self {
        self.weights(US, 100 - canary, canary)
    }

    fn step(self, step: i64) -> Self {
        self.we("rollouts", "shop", |it| {
            it["status"]["currentStepIndex"] = step.into();
        })
    }

    /// An analysis run of the step (or of the whole release when there is none) comes to a verdict.
    fn verdict(self, step: Option<i64>, phase: &str, successful: i64) -> Self {
        let name = format!("run-{}", step.unwrap_or(-1));
        self.we("analysisruns", &name, |it| {
            let kind = if step.is_some() { "Step" } else { "Background" };
            it["metadata"]["labels"] = json!({view::HASH_LABEL: "v2", "rollout-type": kind});
            if let Some(step) = step {
                it["metadata"]["labels"]["step-index"] = step.to_string().into();
            }
            it["metadata"]["ownerReferences"] = owners();
            it["status"] = json!({"phase": phase, "metricResults": [{"name": "errors", "successful": successful}]});
        })
    }

    fn promoted(self) -> Self {
        self.we("rollouts", "shop", |it| {
            it["status"]["stableRS"] = "v2".into();
            it["status"]["currentStepIndex"] = 4.into();
            it["status"]["promoteFull"] = false.into();
        })
    }

    fn aborted(self) -> Self {
        self.we("rollouts", "shop", |it| {
            it["status"]["abort"] = true.into();
            it["status"]["currentStepIndex"] = 0.into();
            it["status"]["phase"] = "Degraded".into();
        })
    }

    /// The names of the promises that were broken.
    fn broken(&self) -> Vec<&'static str> {
        self.checker.violations().iter().map(|violation| violation.invariant).collect()
    }
}

/// The owner of everything that belongs to shop.
fn owners() -> Value {
    json!([{"kind": "Rollout", "name": "shop", "uid": "u", "controller": true}])
}

#[track_caller]
fn keeps(tale: &HistoryBuilder) {
    assert_eq!(tale.checker.violations(), [], "no promise is broken");
}

#[track_caller]
fn breaks(tale: &HistoryBuilder, invariant: &str) {
    assert_eq!(tale.broken(), [invariant], "{:?}", tale.checker.violations());
}
