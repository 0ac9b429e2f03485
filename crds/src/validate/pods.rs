//! Selector and pod template.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use serde_json::Value;

use super::Faults;
use crate::{names::HASH_LABEL, rollout::RolloutSpec, template::wrong_kinds};

/// Where the pod template of a Rollout stands.
pub(super) const TEMPLATE: &str = "spec.template";

pub(super) fn check(spec: &RolloutSpec, faults: &mut Faults) {
    let RolloutSpec { selector, template, workload_ref, .. } = spec;
    let by_reference = workload_ref.is_some();
    match selector {
        Some(selector) if is_empty(selector) && !by_reference => {
            faults.say("spec.selector", "is empty; give the labels of the pods in matchLabels");
        }
        Some(selector) => requirements(selector, faults),
        None if by_reference => {}
        None => faults.missing("spec.selector", "give the labels of the pods in spec.selector.matchLabels"),
    }
    match template {
        Some(template) if by_reference => emptiness(template, faults),
        Some(template) => {
            pod(template, faults);
            faults.extend(wrong_kinds(template, TEMPLATE));
            if let Some(selector) = selector {
                matching(selector, template, faults);
            }
        }
        None if by_reference => {}
        None => faults.missing("spec.template", "give a pod template, or name a workload in spec.workloadRef"),
    }
}

fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}

fn requirements(selector: &LabelSelector, faults: &mut Faults) {
    for (index, requirement) in selector.match_expressions.iter().flatten().enumerate() {
        let at = format!("spec.selector.matchExpressions[{index}]");
        let LabelSelectorRequirement { key, operator, values } = requirement;
        let given = values.as_ref().is_some_and(|values| !values.is_empty());
        if key.is_empty() {
            faults.missing(&format!("{at}.key"), "give the label");
        }
        match (operator.as_str(), given) {
            ("In" | "NotIn", true) | ("Exists" | "DoesNotExist", false) => {}
            ("In" | "NotIn", false) => {
                faults.missing(&format!("{at}.values"), &format!("{operator} needs values"));
            }
            ("Exists" | "DoesNotExist", true) => {
                faults.say(&format!("{at}.values"), &format!("must be left out with {operator}"));
            }
            _ => faults.wrong(&format!("{at}.operator"), operator, "it must be In, NotIn, Exists or DoesNotExist"),
        }
    }
}

/// With a workload to refer to, the template says nothing.
fn emptiness(template: &Value, faults: &mut Faults) {
    let metadata = template.get("metadata");
    let says = |key: &str| {
        let map = metadata.and_then(|metadata| metadata.get(key)).and_then(Value::as_object);
        map.is_some_and(|map| !map.is_empty())
    };
    if says("labels") || says("annotations") {
        faults.say("spec.template", "must be left out when spec.workloadRef is given");
    }
}

fn pod(template: &Value, faults: &mut Faults) {
    let Some(spec) = template.get("spec") else {
        return faults.missing("spec.template.spec", "give the pod's containers");
    };
    if let Some(policy) = spec.get("restartPolicy").and_then(Value::as_str)
        && !policy.is_empty()
        && policy != "Always"
    {
        faults.wrong("spec.template.spec.restartPolicy", policy, "it must be Always");
    }
    let containers = spec.get("containers").and_then(Value::as_array);
    match containers {
        Some(containers) if !containers.is_empty() => {
            for (index, container) in containers.iter().enumerate() {
                for field in ["name", "image"] {
                    let value = container.get(field).and_then(Value::as_str).unwrap_or_default();
                    if value.is_empty() {
                        let path = format!("spec.template.spec.containers[{index}].{field}");
                        faults.missing(&path, "every container needs one");
                    }
                }
            }
        }
        _ => faults.missing("spec.template.spec.containers", "a pod needs at least one container"),
    }
}

fn matching(selector: &LabelSelector, template: &Value, faults: &mut Faults) {
    let labels = template.pointer("/metadata/labels").and_then(Value::as_object);
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    for (key, value) in selector.match_labels.iter().flatten() {
        if label(key) != Some(value) {
            let path = format!("spec.selector.matchLabels[{key:?}]");
            let found = label(key).map_or("has no such label".to_owned(), |found| format!("has {found:?}"));
            faults.wrong(
                &path,
                format!("{value:?}"),
                &format!("spec.template.metadata.labels {found}; make them equal"),
            );
        }
    }
    for (index, requirement) in selector.match_expressions.iter().flatten().enumerate() {
        let LabelSelectorRequirement { key, operator, values } = requirement;
        let listed = label(key).is_some_and(|label| values.iter().flatten().any(|value| value == label));
        let fits = match operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => label(key).is_some(),
            "DoesNotExist" => label(key).is_none(),
            _ => true,
        };
        if !fits {
            let path = format!("spec.selector.matchExpressions[{index}]");
            faults.say(&path, "does not match spec.template.metadata.labels");
        }
    }
    if label(HASH_LABEL).is_some() {
        faults.say("spec.template.metadata.labels", &format!("must not have {HASH_LABEL:?}; the controller sets it"));
    }
}
