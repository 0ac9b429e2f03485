//! What is wrong with a Rollout's spec: every fault at once, each with its path and what to change.
//!
//! Rules that need other objects (Services, templates, routes) are the controller's.

mod steps;
mod strategy;

use serde_json::Value;

use crate::Fault;
use crate::names::defaults;
use crate::rollout::{Rollout, RolloutSpec};

/// The most steps that are carried out; beyond it a list is a mistake or an attack.
pub const MOST_STEPS: usize = 1000;

/// The most bytes that the arguments of one analysis may have together.
pub const MOST_ARGUMENT_BYTES: usize = 64 * 1024;

/// Collects faults.
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault; `message` says what is wrong and what to change, after the path.
    pub(crate) fn add(&mut self, path: impl Into<String>, value: impl ToString, message: &str) {
        let path = path.into();
        let value: String = value.to_string().chars().take(120).collect();
        let message = format!("{path} {message}");
        self.0.push(Fault { path, value, message });
    }
}

/// Finds every fault of a Rollout's spec.
pub fn rollout(rollout: &Rollout) -> Vec<Fault> {
    let spec = &rollout.spec;
    let mut faults = Faults(Vec::new());
    numbers(spec, &mut faults);
    template(spec, &mut faults);
    strategy::check(spec, &mut faults);
    faults.0
}

fn numbers(spec: &RolloutSpec, faults: &mut Faults) {
    let non_negative = [
        ("spec.replicas", spec.replicas),
        ("spec.minReadySeconds", spec.min_ready_seconds),
        ("spec.revisionHistoryLimit", spec.revision_history_limit),
    ];
    for (path, value) in non_negative {
        if let Some(value) = value.filter(|value| *value < 0) {
            faults.add(path, value, &format!("is {value}; it must be 0 or more"));
        }
    }
    let deadline = spec.progress_deadline_seconds.unwrap_or(defaults::PROGRESS_DEADLINE_SECONDS);
    let ready = spec.min_ready_seconds.unwrap_or(0);
    if deadline <= ready {
        let text = format!("is {deadline}; it must be greater than minReadySeconds ({ready})");
        faults.add("spec.progressDeadlineSeconds", deadline, &text);
    }
}

fn template(spec: &RolloutSpec, faults: &mut Faults) {
    if spec.workload_ref.is_some() {
        return;
    }
    let selector = spec.selector.as_ref();
    let empty = selector.is_none_or(|selector| {
        selector.match_labels.as_ref().is_none_or(std::collections::BTreeMap::is_empty)
            && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
    });
    if empty {
        faults.add("spec.selector", "", "is missing; name the labels of the pod template, e.g. matchLabels: {app: ...}");
    }
    let Some(template) = &spec.template else {
        return faults.add("spec.template", "", "is missing; it must describe the pods");
    };
    let labels = template.pointer("/metadata/labels");
    for (key, value) in selector.and_then(|selector| selector.match_labels.as_ref()).into_iter().flatten() {
        let have = labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
        if have != Some(value) {
            let text = format!("lacks the label {key}={value} that spec.selector asks for");
            faults.add("spec.template.metadata.labels", have.unwrap_or_default(), &text);
        }
    }
    pods(template, faults);
}

fn pods(template: &Value, faults: &mut Faults) {
    let containers = template.pointer("/spec/containers").and_then(Value::as_array);
    let Some(containers) = containers.filter(|list| !list.is_empty()) else {
        return faults.add("spec.template.spec.containers", "", "is empty; a pod needs at least one container");
    };
    let mut names = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let path = format!("spec.template.spec.containers[{index}]");
        let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() {
            faults.add(format!("{path}.name"), "", "is missing; every container needs a name");
        } else if names.contains(&name) {
            faults.add(format!("{path}.name"), name, &format!("is {name:?} a second time; names must be unique"));
        }
        if container.get("image").and_then(Value::as_str).unwrap_or_default().is_empty() {
            faults.add(format!("{path}.image"), "", "is missing; every container needs an image");
        }
        names.push(name);
    }
    let policy = template.pointer("/spec/restartPolicy").and_then(Value::as_str).unwrap_or("Always");
    if policy != "Always" {
        faults.add("spec.template.spec.restartPolicy", policy, &format!("is {policy:?}; it must be Always"));
    }
}

#[cfg(test)]
mod tests;
