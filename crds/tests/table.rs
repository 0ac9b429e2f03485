//! The table of refused and accepted specs is well formed, and our types keep all that the API server accepts.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use serin_crds::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    decode,
    experiment::Experiment,
    rollout::Rollout,
};

#[derive(Deserialize)]
struct Table {
    bases: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    kind: Option<String>,
    patch: Option<Value>,
    object: Option<Value>,
    repeat: Option<Repeat>,
    update: Option<Value>,
    refused: Option<String>,
    #[serde(default)]
    accepted: bool,
    keeps: Option<Keeps>,
}

#[derive(Deserialize)]
struct Repeat {
    path: String,
    item: Value,
    times: usize,
}

#[derive(Deserialize)]
struct Keeps {
    path: String,
}

fn table() -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused.yaml");
    let text = fs::read_to_string(path).expect("the table");
    serde_saphyr::from_str(&text).expect("a well formed table")
}

fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().expect("an object").remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

impl Case {
    /// The object that is sent.
    fn object(&self, bases: &BTreeMap<String, Value>) -> Value {
        let base = || bases[self.kind.as_deref().expect("a kind")].clone();
        let mut object = self.object.clone().unwrap_or_else(base);
        merge(&mut object, self.patch.as_ref().unwrap_or(&json!({})));
        if let Some(Repeat { path, item, times }) = &self.repeat {
            *object.pointer_mut(path).expect("a place to repeat at") = vec![item.clone(); *times].into();
        }
        object
    }
}

#[test]
fn the_table_has_at_least_forty_refusals_and_each_case_says_one_thing() {
    let table = table();
    let refused = table.cases.iter().filter(|case| case.refused.is_some()).count();
    assert!(refused >= 40, "{refused}");
    let mut names: Vec<_> = table.cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name stands twice");
    for case in &table.cases {
        assert!(case.refused.is_some() != case.accepted, "{}", case.name);
        assert!(case.object.is_some() != case.kind.is_some(), "{}", case.name);
        assert!(case.update.is_none() || case.kind.is_some(), "{}", case.name);
        assert!(case.keeps.as_ref().is_none_or(|keeps| keeps.path.starts_with('/')), "{}", case.name);
        case.object(&table.bases);
    }
}

/// Decoding and encoding again loses nothing.
fn check<T: DeserializeOwned + Serialize>(object: &Value, name: &str) {
    let typed: T = decode(object.clone()).expect(name);
    let mut again = serde_json::to_value(&typed).expect(name);
    // Defaults that encoding spells out say nothing new.
    retain_common(&mut again, object);
    assert_eq!(&again, object, "{name}");
}

fn retain_common(value: &mut Value, like: &Value) {
    match (value, like) {
        (Value::Object(value), Value::Object(like)) => {
            value.retain(|key, _| like.contains_key(key));
            for (key, value) in value.iter_mut() {
                retain_common(value, &like[key]);
            }
        }
        (Value::Array(value), Value::Array(like)) => {
            value.iter_mut().zip(like).for_each(|(value, like)| retain_common(value, like));
        }
        _ => {}
    }
}

#[test]
fn our_types_keep_all_that_is_accepted() {
    let table = table();
    for case in table.cases.iter().filter(|case| case.accepted) {
        let object = case.object(&table.bases);
        let name = case.name.as_str();
        match object["kind"].as_str().expect(name) {
            "Rollout" => check::<Rollout>(&object, name),
            "AnalysisTemplate" => check::<AnalysisTemplate>(&object, name),
            "ClusterAnalysisTemplate" => check::<ClusterAnalysisTemplate>(&object, name),
            "AnalysisRun" => check::<AnalysisRun>(&object, name),
            "Experiment" => check::<Experiment>(&object, name),
            kind => panic!("{name}: {kind}"),
        }
    }
}
