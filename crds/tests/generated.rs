//! The generated files are those that the types and the table of rights make; the CRDs are small enough to be applied plainly.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;
use serin_crds::{
    generated::{File, files},
    schema::crds,
};

#[test]
fn the_committed_files_are_what_the_types_and_the_table_make() {
    for File { path, text } in files().expect("yaml") {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&path);
        let committed = fs::read_to_string(committed).unwrap_or_default();
        assert!(committed == text, "{path} is out of date; run `make crds`");
    }
}

/// Plain `kubectl apply` keeps a copy in an annotation, which may have 256 KiB.
#[test]
fn each_crd_is_less_than_200_kb_of_compact_json() {
    for crd in crds() {
        let size = crd.definition.to_string().len();
        assert!(size < 200_000, "{}: {size} bytes", crd.file);
    }
}

#[test]
fn the_yaml_says_what_the_definition_says() {
    for crd in crds() {
        let yaml = crd.to_yaml().expect("yaml");
        let read: serde_json::Value = serde_saphyr::from_str(&yaml).expect(&crd.file);
        assert_eq!(read, crd.definition, "{}", crd.file);
    }
}

/// Every path of a schema, from its root, with what stands there.
fn walk(schema: &Value, path: &str, see: &mut impl FnMut(&str, &Value)) {
    see(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{name}"), see);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{path}[]"), see);
    }
}

fn schema(file: &str) -> Value {
    let crd = crds().into_iter().find(|crd| crd.file == file).expect(file);
    crd.definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Where Argo's CRDs are installed, the API server drops a field of status that they do not have, without a word.
#[test]
fn status_has_the_fields_of_argo_and_no_others() {
    let expect = include_str!("status-fields.txt").lines().filter(|line| !line.starts_with('#'));
    let mut found = BTreeSet::new();
    for kind in ["rollouts", "analysisruns", "experiments"] {
        let schema = schema(&format!("{kind}.yaml"));
        walk(&schema["properties"]["status"], &format!("{kind}.status"), &mut |path, _| {
            found.insert(path.replace("[]", ""));
        });
    }
    let expect: BTreeSet<String> = expect.map(str::to_owned).collect();
    assert_eq!(found, expect);
}

/// What Argo CD, Helm 4 and `kubectl apply --server-side` need in order to merge a container instead of the whole list.
#[test]
fn lists_of_a_pod_are_merged_by_their_keys() {
    let pod = schema("rollouts.yaml")["properties"]["spec"]["properties"]["template"].clone();
    let mut found = BTreeMap::new();
    walk(&pod, "template", &mut |path, schema| {
        if schema["x-kubernetes-list-type"] == "map" {
            let keys = schema["x-kubernetes-list-map-keys"].as_array().expect(path);
            let keys: Vec<_> = keys.iter().map(|key| key.as_str().expect(path)).collect();
            found.insert(path.to_owned(), keys.join(" "));
        }
    });
    let mut expect = BTreeMap::from([
        ("template.spec.hostAliases".to_owned(), "ip".to_owned()),
        ("template.spec.imagePullSecrets".to_owned(), "name".to_owned()),
        ("template.spec.resourceClaims".to_owned(), "name".to_owned()),
        ("template.spec.resources.claims".to_owned(), "name".to_owned()),
        ("template.spec.schedulingGates".to_owned(), "name".to_owned()),
        ("template.spec.topologySpreadConstraints".to_owned(), "topologyKey whenUnsatisfiable".to_owned()),
    ]);
    for containers in ["containers", "initContainers", "ephemeralContainers"] {
        let at = format!("template.spec.{containers}");
        expect.insert(at.clone(), "name".to_owned());
        for (list, keys) in [
            ("env", "name"),
            ("ports", "containerPort protocol"),
            ("resources.claims", "name"),
            ("volumeDevices", "devicePath"),
            ("volumeMounts", "mountPath"),
        ] {
            expect.insert(format!("{at}[].{list}"), keys.to_owned());
        }
    }
    assert_eq!(found, expect);
}
