//! The chart and the plain install files: they have the generated CRDs, grant what the table of rights says and no more, and
//! run the controller without privileges. Whether the install files are what Helm renders is checked where Helm is.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use serin_crds::{
    rbac::{self, Feature},
    schema::crds,
};

fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn objects(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(path)).expect(path)
}

/// The objects of a kind, in an install file.
fn of_kind(path: &str, kind: &str) -> Vec<Value> {
    let mut found = objects(path);
    found.retain(|object| object["kind"] == kind);
    found
}

const CLUSTER: &str = "install/cluster.yaml";
const NAMESPACED: &str = "install/namespaced.yaml";

#[test]
fn the_chart_has_the_version_of_the_program() {
    let chart: Value = serde_saphyr::from_str(&read("charts/serin/Chart.yaml")).expect("Chart.yaml");
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_cluster_install_has_the_crds_that_the_types_make() {
    let installed = of_kind(CLUSTER, "CustomResourceDefinition");
    for crd in crds() {
        let name = &crd.definition["metadata"]["name"];
        let found = installed.iter().find(|installed| &installed["metadata"]["name"] == name);
        assert!(found.expect(&crd.file)["spec"] == crd.definition["spec"], "{}: run `make plain`", crd.file);
    }
    assert_eq!(installed.len(), 5);
    assert_eq!(of_kind(NAMESPACED, "CustomResourceDefinition"), [Value::Null; 0]);
}

/// Each call that the rules of these roles allow: group, resource, verb.
fn allowed(roles: &[Value]) -> BTreeSet<(String, String, String)> {
    let words = |value: &Value| -> Vec<String> {
        value.as_array().expect("a list").iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    let mut calls = BTreeSet::new();
    for rule in roles.iter().flat_map(|role| role["rules"].as_array().expect("rules")) {
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                calls.extend(words(&rule["verbs"]).into_iter().map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    calls
}

/// Each call of these features in the table.
fn wanted(features: &[Feature]) -> BTreeSet<(String, String, String)> {
    let mut calls = BTreeSet::new();
    for rule in features.iter().flat_map(|feature| rbac::of(*feature)) {
        for resource in rule.resources {
            calls.extend(rule.verbs.iter().map(|verb| (rule.group.into(), (*resource).into(), (*verb).into())));
        }
    }
    calls
}

#[test]
fn the_controller_may_do_what_the_table_says_and_no_more() {
    let own = |path: &str, kind: &str| {
        let mut roles = of_kind(path, kind);
        roles.retain(|role| role["metadata"]["name"] == "serin");
        allowed(&roles)
    };
    assert_eq!(own(CLUSTER, "ClusterRole"), wanted(&Feature::WATCHING));
    assert_eq!(own(CLUSTER, "Role"), wanted(&[Feature::LeaderElection]));
    assert_eq!(
        own(NAMESPACED, "Role"),
        wanted(&[Feature::Core, Feature::Istio, Feature::Nginx, Feature::LeaderElection])
    );
    assert_eq!(of_kind(NAMESPACED, "ClusterRole"), [Value::Null; 0]);
    for path in [CLUSTER, NAMESPACED] {
        assert!(!read(path).contains("secrets"), "{path} gives access to Secrets");
    }
}

#[test]
fn the_controller_runs_without_privileges() {
    for path in [CLUSTER, NAMESPACED] {
        let deployment = of_kind(path, "Deployment").pop().expect("a Deployment");
        assert_eq!(deployment["spec"]["replicas"], 2);
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"], json!({"runAsNonRoot": true}));
        let container = &pod["containers"][0];
        assert_eq!(
            container["securityContext"],
            json!({
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true,
                "seccompProfile": {"type": "RuntimeDefault"},
            })
        );
        assert!(container["resources"]["limits"]["memory"].is_string(), "{path}");
        for probe in ["livenessProbe", "readinessProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"], "healthz", "{path}");
        }
    }
}

#[test]
fn the_image_is_one_program_that_is_not_root() {
    let text = read("Dockerfile");
    let (_, image) = text.rsplit_once("\nFROM ").expect("a last stage");
    assert!(image.starts_with("scratch\n"), "{image}");
    let line = |word: &str| image.lines().find_map(|line| line.strip_prefix(word)).expect(word).trim().to_owned();
    assert!(line("USER").split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "runAsNonRoot needs a number");
    assert_eq!(line("ENTRYPOINT"), r#"["/serin-controller"]"#);
    for port in ["healthz", "metrics"] {
        let values: Value = serde_saphyr::from_str(&read("charts/serin/values.yaml")).expect("values.yaml");
        let number = values["controller"]["containerPorts"][port].to_string();
        assert!(line("EXPOSE").split(' ').any(|exposed| exposed == number), "{port} is {number}");
    }
}

/// Names that alerts use and that nothing writes would never fire.
#[test]
fn alerts_ask_for_metrics_that_there_are() {
    let alerts: Value = serde_saphyr::from_str(&read("charts/serin/files/alerts.yaml")).expect("alerts.yaml");
    for rule in alerts["rules"].as_array().expect("rules") {
        let query = rule["expr"].as_str().expect("a query");
        let mut words = query.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
        let named = words.find(|word| word.matches('_').count() >= 1).expect(query);
        let known = read("controller/src/runtime/metrics/standard.rs") + &read("crds/src/names/metrics.rs");
        assert!(known.contains(&format!("\"{named}\"")), "{query}: nothing writes {named}");
        assert!(rule["annotations"]["summary"].is_string() && rule["labels"]["severity"].is_string(), "{query}");
    }
}
