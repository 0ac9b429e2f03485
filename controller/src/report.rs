//! Report: one status write. Skipped when nothing but time differs; counters and sentences wait a moment, since the
//! next transition mostly carries them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use serin_crds::IntOrString;
use serin_crds::rollout::RolloutStatus;

use crate::api::CallError;
use crate::core::plan::Plan;
use crate::core::{conditions, record};
use crate::observe::Observation;
use crate::world::World;

/// How a status says which generation of the spec it is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum GenerationFormat {
    /// As a decimal string: what Argo Rollouts writes, and all that its CRDs and its plugin take.
    #[default]
    String,
    /// As a number: what Helm 4, Flux and other users of kstatus take.
    Integer,
    /// Not at all: everybody takes it, and nobody can tell a status that is out of date.
    Omit,
}

impl GenerationFormat {
    /// A generation in this format.
    pub fn write(self, generation: i64) -> Option<IntOrString> {
        match self {
            Self::String => Some(IntOrString::String(generation.to_string())),
            Self::Integer => Some(IntOrString::Int(generation)),
            Self::Omit => None,
        }
    }
}

/// How long a change of counters or sentences may wait for a transition to carry it.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

/// What a report came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// The record was written.
    Written,
    /// Nothing differs.
    Same,
    /// Something small differs and may wait until then.
    Later(Timestamp),
}

impl World {
    /// Writes the record of a plan, if it is worth a write now.
    pub async fn report(&self, seen: &Observation, plan: &Plan) -> Result<Reported, CallError> {
        let before = &seen.snapshot.status;
        let key = seen.snapshot.id.uid.as_str();
        let Some(patch) = merge_patch(before, &plan.record) else {
            self.memories.nothing_pending(key);
            return Ok(Reported::Same);
        };
        if !record::differs_materially(before, &plan.record) && !plan.because.is_hindrance() {
            let due =
                self.memories.pending_since(key, seen.snapshot.now).checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
            if seen.snapshot.now < due {
                return Ok(Reported::Later(due));
            }
        }
        // The traffic of an abort goes first, that of others too.
        let _turn = self.limiter.after(&seen.snapshot.id.namespace).await;
        let version = seen.version();
        self.patch_status(seen, json!({"metadata": {"resourceVersion": version}, "status": patch})).await?;
        self.memories.nothing_pending(key);
        self.memories.certain(key);
        self.memories.came(key, seen.snapshot.attempt(), &conditions::reached(&seen.snapshot, &plan.record));
        self.meters.recorded(&seen.snapshot, plan);
        Ok(Reported::Written)
    }
}

/// The JSON merge patch from one status to the next; `None` if they are equal.
pub fn merge_patch(before: &RolloutStatus, after: &RolloutStatus) -> Option<Value> {
    let to_value = |status: &RolloutStatus| serde_json::to_value(status).unwrap_or_default();
    difference(&to_value(before), &to_value(after))
}

fn difference(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            None => {
                patch.insert(key.clone(), value.clone());
            }
            Some(was) => {
                if let Some(inner) = difference(was, value) {
                    patch.insert(key.clone(), inner);
                }
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::{GenerationFormat, difference};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn a_generation_is_written_in_the_format_that_is_asked_for() {
        let written = |format: GenerationFormat| json!(format.write(7));
        assert_eq!(written(GenerationFormat::String), json!("7"));
        assert_eq!(written(GenerationFormat::Integer), json!(7));
        assert_eq!(written(GenerationFormat::Omit), Value::Null);
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<i32>().prop_map(Value::from), "[a-c]".prop_map(Value::from)];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn applying_the_difference_gives_the_next_status(before in json_value(), after in json_value()) {
            let (before, after) = (json!({"s": before}), json!({"s": after}));
            let mut patched = before.clone();
            if let Some(patch) = difference(&before, &after) {
                json_patch::merge(&mut patched, &patch);
            }
            prop_assert_eq!(patched, after);
        }
    }
}
