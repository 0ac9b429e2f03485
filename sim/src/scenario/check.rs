//! What a scenario can say about the state of the world: to wait for it, to look at it half-way, to expect it in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{NAMESPACE, orders::plural};
use crate::invariants::{
    History, Key,
    view::{self, HASH_LABEL},
    wiring::wiring,
};

/// A state of the world; only what is named counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Check {
    /// `status.phase`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// A part of `status.message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `status.currentStepIndex`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<i64>,
    /// The canary's weight in every `VirtualService`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// The image of the stable version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable: Option<String>,
    /// The image of the desired version, once the controller works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<String>,
    /// Available pods of each side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<Pods>,
    /// Conditions by type: `"True"`, or with its reason `"False/RolloutAborted"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, String>,
    /// Reasons of events of the Rollout or of its analysis runs that have come by now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// How many analysis runs of the Rollout stand in each phase, at least.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub runs: BTreeMap<String, usize>,
    /// How many analysis runs of the Rollout there are, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_at_most: Option<usize>,
    /// Fields of any object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// The release is over, well or not, or goes on only when a person says so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

/// A field of an object, and what it has to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Field {
    /// The object's kind, like `Service`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// A JSON pointer (RFC 6901); empty for the whole object.
    pub path: String,
    /// What stands there; null when nothing does, or when there is no such object.
    #[serde(default)]
    pub is: Value,
}

/// Available pods of each side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Pods {
    /// Of the stable version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable: Option<i64>,
    /// Of all other versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<i64>,
}

/// What there is to see, read from the API server.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// The Rollout; null when there is none.
    pub rollout: Value,
    /// The `ReplicaSets` of the namespace.
    pub replica_sets: Vec<Value>,
    /// The `VirtualServices` that the Rollout names, as far as they exist.
    pub virtual_services: Vec<Value>,
    /// The analysis runs of the namespace.
    pub runs: Vec<Value>,
    /// Reasons of events.
    pub events: BTreeSet<String>,
    /// All objects of the namespace but pods and events.
    pub objects: BTreeMap<Key, Arc<Value>>,
}

impl Observation {
    /// What writes have told of the Rollout with this name and of everything that belongs to it.
    pub fn of(history: &History, rollout: &str) -> Self {
        let key = Key::new("rollouts", NAMESPACE, rollout);
        let object = history.get(&key).cloned().unwrap_or_default();
        let parts = wiring(&object).routes;
        let routes = parts.iter().filter_map(|entry| history.get(&entry.key()));
        let own = |object: &Value| view::owner(object, "Rollout") == Some(rollout);
        let about = |event: &Value| {
            let kind = view::text(event, "/regarding/kind").to_owned() + view::text(event, "/involvedObject/kind");
            kind == "Rollout" || kind == "AnalysisRun"
        };
        let events = history.all("events").filter(|(_, event)| about(event));
        Self {
            replica_sets: history.sets(&key).map(|(_, set)| set.clone()).collect(),
            virtual_services: routes.cloned().collect(),
            runs: history.all("analysisruns").filter(|(_, run)| own(run)).map(|(_, run)| run.clone()).collect(),
            events: events.map(|(_, event)| view::text(event, "/reason").to_owned()).collect(),
            objects: history.objects(NAMESPACE),
            rollout: object,
        }
    }

    /// The `ReplicaSets` of the Rollout.
    pub fn own_sets(&self) -> impl Iterator<Item = &Value> {
        let name = view::text(&self.rollout, "/metadata/name");
        self.replica_sets.iter().filter(move |set| view::owner(set, "Rollout") == Some(name))
    }

    /// The image of the `ReplicaSet` with this hash.
    pub fn image(&self, hash: &str) -> Option<&str> {
        let set = self.own_sets().find(|set| view::label(set, HASH_LABEL) == hash)?;
        Some(view::text(set, "/spec/template/spec/containers/0/image"))
    }

    /// The hash of the stable version; empty when there is none.
    pub fn stable(&self) -> &str {
        view::text(&self.rollout, "/status/stableRS")
    }

    /// The hash of the desired version; empty when the controller has not seen it.
    pub fn current(&self) -> &str {
        view::text(&self.rollout, "/status/currentPodHash")
    }

    /// The canary's weights, one per `VirtualService` that can be read.
    pub fn weights(&self) -> Vec<i64> {
        let wiring = wiring(&self.rollout);
        let key = |service: &Value| {
            let at = |pointer| view::text(service, pointer);
            Key::new("virtualservices", at("/metadata/namespace"), at("/metadata/name"))
        };
        self.virtual_services.iter().filter_map(|service| wiring.canary_weight(&key(service), service)).collect()
    }

    fn available(&self, stable: bool) -> i64 {
        let side = |set: &&Value| (view::label(set, HASH_LABEL) == self.stable()) == stable;
        let available = |set: &Value| view::number(set, "/status/availableReplicas").unwrap_or_default();
        self.own_sets().filter(side).map(available).sum()
    }
}

impl Check {
    /// Says what is not as it should be, one sentence each; nothing when all is well.
    pub fn faults(&self, seen: &Observation) -> Vec<String> {
        let status = |pointer: &str| view::text(&seen.rollout, pointer).to_owned();
        let mut faults = Vec::new();
        // A status that does not speak of the present spec says nothing.
        if (self.phase.is_some() || self.step.is_some()) && !observed(&seen.rollout) {
            faults.push("the controller has not observed the present spec".to_owned());
        }
        differs(&mut faults, "phase", self.phase.as_ref(), &status("/status/phase"));
        differs(&mut faults, "the stable image", self.stable.as_ref(), &text(seen.image(seen.stable())));
        differs(&mut faults, "the desired image", self.desired.as_ref(), &text(seen.image(seen.current())));
        let message = status("/status/message");
        if let Some(part) = self.message.as_ref().filter(|part| !message.contains(part.as_str())) {
            faults.push(format!("the message is {message:?} and does not contain {part:?}"));
        }
        let step = view::number(&seen.rollout, "/status/currentStepIndex").unwrap_or(-1);
        differs(&mut faults, "the step", self.step.as_ref(), &step);
        if let Some(weight) = self.weight {
            let weights = seen.weights();
            if weights.is_empty() || weights.iter().any(|one| *one != weight) {
                faults.push(format!("the canary's weights are {weights:?}, expected {weight}"));
            }
        }
        let pods = self.pods.unwrap_or_default();
        differs(&mut faults, "the number of stable pods", pods.stable.as_ref(), &seen.available(true));
        differs(&mut faults, "the number of other pods", pods.others.as_ref(), &seen.available(false));
        self.conditions_differ(seen, &mut faults);
        let missing = self.events.iter().filter(|event| !seen.events.contains(*event));
        faults.extend(missing.map(|event| format!("there is no event {event}")));
        for (phase, count) in &self.runs {
            let there = seen.runs.iter().filter(|run| view::text(run, "/status/phase") == phase).count();
            if there < *count {
                faults.push(format!("{there} analysis runs are {phase}, expected {count}"));
            }
        }
        if let Some(most) = self.runs_at_most.filter(|most| seen.runs.len() > *most) {
            faults.push(format!("there are {} analysis runs, expected {most} at most", seen.runs.len()));
        }
        faults.extend(self.fields.iter().filter_map(|field| field.fault(seen)));
        if self.over && !(observed(&seen.rollout) && is_over(&seen.rollout)) {
            faults.push(format!("the release is under way: phase is {}", status("/status/phase")));
        }
        faults
    }

    fn conditions_differ(&self, seen: &Observation, faults: &mut Vec<String>) {
        let conditions = view::conditions(&seen.rollout);
        for (name, expect) in &self.conditions {
            let condition = conditions.get(name.as_str());
            let status = condition.map_or("absent", |condition| view::text(condition, "/status"));
            let reason = condition.map_or("", |condition| view::text(condition, "/reason"));
            let (wanted, because) = expect.split_once('/').unwrap_or((expect, ""));
            if status != wanted || (!because.is_empty() && because != reason) {
                faults.push(format!("the condition {name} is {status}/{reason}, expected {expect}"));
            }
        }
    }
}

impl Field {
    fn fault(&self, seen: &Observation) -> Option<String> {
        let object = seen.objects.get(&Key::new(&plural(&self.kind), NAMESPACE, &self.name));
        let value = object.and_then(|object| object.pointer(&self.path)).unwrap_or(&Value::Null);
        let Self { kind, name, path, is } = self;
        let shown = |value: &Value| match value {
            Value::Object(_) => "an object".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            other => other.to_string(),
        };
        (value != is).then(|| format!("{path:?} of {kind} {name} is {}, expected {}", shown(value), shown(is)))
    }
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or("unknown").to_owned()
}

fn differs<T: PartialEq + std::fmt::Display>(faults: &mut Vec<String>, what: &str, expect: Option<&T>, seen: &T) {
    if let Some(expect) = expect.filter(|expect| *expect != seen) {
        faults.push(format!("{what} is {seen}, expected {expect}"));
    }
}

/// Says whether a release has ended, or waits for a person.
fn is_over(rollout: &Value) -> bool {
    let step = view::number(rollout, "/status/currentStepIndex").and_then(|step| usize::try_from(step).ok());
    let pause = step.and_then(|step| view::list(rollout, "/spec/strategy/canary/steps").get(step)?.get("pause"));
    let reasons = view::list(rollout, "/status/pauseConditions").iter().map(|one| view::text(one, "/reason"));
    match view::text(rollout, "/status/phase") {
        "Healthy" | "Degraded" => true,
        "Paused" => {
            view::flag(rollout, "/spec/paused")
                || pause.is_some_and(|pause| pause.get("duration").is_none())
                || reasons.into_iter().any(|reason| reason == "InconclusiveAnalysisRun")
        }
        _ => false,
    }
}

fn observed(rollout: &Value) -> bool {
    let generation = view::number(rollout, "/metadata/generation").unwrap_or_default();
    view::observed_generation(rollout).is_some_and(|seen| seen >= generation)
}
