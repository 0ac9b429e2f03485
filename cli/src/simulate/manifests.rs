//! The objects of a simulation: those of the files that it knows, and what they leave out.

use serde_json::Value;
use serin_crds::decode;
use serin_crds::rollout::Rollout;
use serin_sim::scenario::{NAMESPACE, Span};

use super::missing::Missing;
use crate::view::json::text;

/// What the simulated cluster does something with. Everything else is left out, and named.
const KNOWN: [&str; 8] = [
    "Service",
    "VirtualService",
    "DestinationRule",
    "AnalysisTemplate",
    "ClusterAnalysisTemplate",
    "Secret",
    "ConfigMap",
    "Rollout",
];

/// What is said of the objects before the release.
pub(super) struct Told {
    /// The Rollout's name.
    pub(super) rollout: String,
    /// The image that runs before the release.
    pub(super) image: String,
    /// The host that users ask.
    pub(super) host: String,
    /// What was filled in.
    pub(super) filled: Vec<String>,
    /// What the simulation does nothing with.
    pub(super) left_out: Vec<String>,
}

/// A Rollout and the objects of its namespace.
pub(super) struct Chosen {
    pub(super) rollout: Value,
    pub(super) others: Vec<Value>,
    left_out: Vec<String>,
}

/// Finds the Rollout and what stands beside it.
///
/// # Errors
/// When there is none, or several and none is named.
pub(super) fn choose(objects: Vec<Value>, name: Option<&str>) -> Result<Chosen, String> {
    let is_rollout = |object: &Value| text(object, "/kind") == "Rollout";
    let (rollouts, others): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_rollout);
    let names: Vec<_> = rollouts.iter().map(|one| text(one, "/metadata/name").to_owned()).collect();
    let wanted = |one: &Value| name.is_none_or(|name| name == text(one, "/metadata/name"));
    let mut found: Vec<_> = rollouts.into_iter().filter(wanted).collect();
    let rollout = match (found.pop(), found.is_empty()) {
        (Some(rollout), true) => rollout,
        (Some(_), false) => {
            return Err(format!(
                "these files have {} Rollouts; name one with --rollout: {}",
                names.len(),
                names.join(", ")
            ));
        }
        (None, _) if names.is_empty() => return Err("these files have no Rollout".to_owned()),
        (None, _) => {
            let name = name.unwrap_or_default();
            return Err(format!("these files have no Rollout {name}; they have {}", names.join(", ")));
        }
    };
    let place = text(&rollout, "/metadata/namespace").to_owned();
    let near = |object: &Value| {
        let other = text(object, "/metadata/namespace");
        place.is_empty() || other.is_empty() || other == place
    };
    let (mut others, far): (Vec<_>, Vec<_>) = others.into_iter().partition(near);
    let known = |object: &Value| KNOWN.contains(&text(object, "/kind"));
    let mut left_out: Vec<_> =
        far.iter().filter(|object| known(object)).map(|one| named(one) + " (another namespace)").collect();
    left_out.extend(others.iter().filter(|object| !known(object)).map(named));
    others.retain(known);
    let mut chosen = Chosen { rollout, others, left_out };
    chosen.others.iter_mut().chain([&mut chosen.rollout]).for_each(|object| moved(object, &place));
    Ok(chosen)
}

pub(super) fn named(object: &Value) -> String {
    format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"))
}

/// Moves an object into the namespace of the simulation, the hosts that it names too.
fn moved(object: &mut Value, place: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("namespace");
    }
    if !place.is_empty() && place != NAMESPACE {
        hosts(object, &format!(".{place}.svc"), &format!(".{NAMESPACE}.svc"));
    }
}

fn hosts(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(items) => items.iter_mut().for_each(|item| hosts(item, from, to)),
        Value::Object(fields) => fields.values_mut().for_each(|field| hosts(field, from, to)),
        _ => {}
    }
}

impl Chosen {
    /// Everything that the simulation starts from.
    ///
    /// # Errors
    /// One sentence for everything that is missing, unless it is to be filled in.
    pub(super) fn complete(
        mut self,
        fill: bool,
        promote_after: Option<Span>,
    ) -> Result<(Vec<Value>, Told), Vec<String>> {
        let (rollout, faults): (Rollout, _) = decode::salvage(self.rollout.clone());
        if !faults.is_empty() {
            return Err(faults.into_iter().map(|fault| fault.message).collect());
        }
        if let Some(pause) = promote_after {
            self.shorten_pauses(pause);
        }
        let mut wrong = Vec::new();
        if rollout.spec.strategy.canary.is_none() {
            wrong.push("simulate plays canaries; this Rollout has no spec.strategy.canary".to_owned());
        }
        let image = text(&self.rollout, "/spec/template/spec/containers/0/image").to_owned();
        if image.is_empty() {
            wrong.push(
                "spec.template.spec.containers[0].image is missing; simulate releases another image there".to_owned(),
            );
        }
        let missing = Missing::of(&rollout, &self);
        wrong.extend(missing.unknown.iter().cloned());
        if !fill {
            let hint = "add it, or let it be filled in with --fill";
            wrong.extend(
                missing.objects.iter().map(|one| format!("{} is named and not in these files; {hint}", named(one))),
            );
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let name = text(&self.rollout, "/metadata/name").to_owned();
        let filled = missing.objects.iter().map(named).collect();
        let host = missing.host;
        let mut objects = self.others;
        objects.extend(missing.objects);
        objects.push(self.rollout);
        Ok((objects, Told { rollout: name, image, host, filled, left_out: self.left_out }))
    }

    fn shorten_pauses(&mut self, pause: Span) {
        let steps = self.rollout.pointer_mut("/spec/strategy/canary/steps").and_then(Value::as_array_mut);
        for step in steps.into_iter().flatten() {
            if let Some(pauses) = step.get_mut("pause").and_then(Value::as_object_mut) {
                pauses.entry("duration").or_insert_with(|| pause.to_string().into());
            }
        }
    }

    /// The object of a kind and name, of the files.
    pub(super) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.others.iter().find(|one| text(one, "/kind") == kind && text(one, "/metadata/name") == name)
    }
}
