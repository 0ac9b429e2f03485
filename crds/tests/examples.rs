//! The example manifests are sound: they decode without loss of a field, have no faults, and use nothing that is not built.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use serde_json::Value;
use serin_crds::{
    analysis::{AnalysisTemplate, ClusterAnalysisTemplate},
    decode,
    rollback::RollbackPolicy,
    rollout::Rollout,
    unsupported, validate,
};

/// The objects in every file, with the name of the file.
fn examples() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect(&name);
            let objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect(&name);
            found.extend(objects.into_iter().map(|object| (name.clone(), object)));
        }
    }
    found
}

#[test]
fn every_example_is_sound() {
    let mut ours = 0;
    for (name, object) in examples() {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let faults = match kind.as_str() {
            "Rollout" => {
                let rollout: Rollout = decode(object).expect(&name);
                assert_eq!(unsupported::fields(&rollout), Vec::<String>::new(), "{name}");
                assert_eq!(validate::notes(&rollout), [], "{name}");
                validate::rollout(&rollout)
            }
            "AnalysisTemplate" => validate::analysis_template(&decode::<AnalysisTemplate>(object).expect(&name).spec),
            "ClusterAnalysisTemplate" => {
                validate::analysis_template(&decode::<ClusterAnalysisTemplate>(object).expect(&name).spec)
            }
            "RollbackPolicy" => validate::rollback_policy(&decode::<RollbackPolicy>(object).expect(&name).spec),
            _ => continue,
        };
        assert_eq!(faults, [], "{name}");
        ours += 1;
    }
    assert!(ours >= 6, "{ours}");
}
