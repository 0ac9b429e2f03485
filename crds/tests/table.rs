//! The table of refused and accepted specs is well formed, and our types keep all that the API server accepts.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use serin_crds::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    decode,
    experiment::Experiment,
    rollout::Rollout,
};

#[path = "refused/mod.rs"]
mod refused;

use refused::Table;

#[test]
fn the_table_has_at_least_forty_refusals_and_each_case_says_one_thing() {
    let table = Table::read().expect("a well formed table");
    let refused = table.cases.iter().filter(|case| case.refused.is_some()).count();
    assert!(refused >= 40, "{refused}");
    let mut names: Vec<_> = table.cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name stands twice");
    for case in &table.cases {
        assert!(case.refused.is_some() != case.accepted, "{}", case.name);
        assert!(case.object.is_some() != case.kind.is_some(), "{}", case.name);
        assert!(case.update.is_none() || case.kind.is_some(), "{}", case.name);
        let names_a_leaf = |keeps: &refused::Keeps| keeps.path.starts_with('/') && !keeps.value.is_null();
        assert!(case.keeps.as_ref().is_none_or(names_a_leaf), "{}", case.name);
        case.object(&table.bases).expect(&case.name);
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
    let table = Table::read().expect("a well formed table");
    for case in table.cases.iter().filter(|case| case.accepted) {
        let name = case.name.as_str();
        let object = case.object(&table.bases).expect(name);
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
