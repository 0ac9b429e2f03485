//! `serin simulate` on files as people have them: what is printed, and how it ends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::process::{Command, Output};

use serde_json::Value;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sim/scenarios/base");
const SEED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sim/scenarios/seed");

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_serin")).arg("simulate").args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap() + &String::from_utf8(output.stdout.clone()).unwrap()
}

/// Runs it; says what it printed, which has to hold these parts.
fn check(arguments: &[&str], code: i32, parts: &[&str]) {
    let output = simulate(arguments);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{arguments:?} does not say {part:?}: {said}");
    }
}

#[test]
fn a_good_version_is_promoted_and_a_bad_one_is_not() {
    check(&["-f", BASE, "--release", "shop:v2"], 0, &["weight 50 -> 100", "shop:v2 is promoted.", "100 % │"]);
    let parts =
        ["error-rate  has to be result[0] < 0.05", "shop:next is not promoted: RolloutAborted", "weight 20 -> 0"];
    check(&["-f", BASE, "--behaviour", "errors=8%"], 1, &parts);
    // The version before is not the one that is judged.
    check(&["-f", BASE, "--behaviour", "errors=8%@stable"], 0, &["is promoted"]);
}

#[test]
fn a_program_reads_the_same_as_json() {
    let output = simulate(&["-f", BASE, "--behaviour", "errors=8%", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["outcome"], "refused");
    let weights: Vec<_> = report["weights"].as_array().unwrap().iter().map(|one| one["percent"].clone()).collect();
    assert_eq!(weights, [0, 20, 0]);
    let measured = report["metrics"][0]["measurements"].as_array().unwrap();
    assert_eq!(measured.iter().map(|one| one["phase"].as_str().unwrap()).collect::<Vec<_>>(), ["Failed", "Failed"]);
    assert!(report["requests"]["applicationErrors"].as_u64().unwrap() > 0);
    assert_eq!(report["wrong"], serde_json::json!([]));
}

const PAUSES: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, namespace: prod}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'web:1.0', ports: [{containerPort: 9000}]}]}
  strategy:
    canary:
      canaryService: web-canary
      stableService: web-stable
      trafficRouting: {istio: {virtualService: {name: web, routes: [primary]}}}
      steps: [{setWeight: 20}, {pause: {}}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: prod}
";

#[test]
fn what_the_files_leave_out_is_named_or_filled_in() {
    let folder = std::env::temp_dir().join(format!("serin-simulate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("web.yaml");
    std::fs::write(&file, PAUSES).unwrap();
    let file = file.to_str().unwrap();
    let missing =
        ["Service web-stable is named", "Service web-canary", "VirtualService web is named", "Service web is named"];
    check(&["-f", file], 2, &missing);
    let waits = [
        "Filled in: Service web-stable, Service web-canary, VirtualService web, Service web",
        "Not simulated: HorizontalPodAutoscaler web",
        "web:next waits at step 1/2 (CanaryPauseStep): a person decides; --promote-after 5m",
    ];
    check(&["-f", file, "--fill"], 3, &waits);
    check(&["-f", file, "--fill", "--promote-after", "5m"], 0, &["web:next is promoted."]);
    check(&["-f", file, "--fill", "--behaviour", "never-ready", "--within", "5m"], 3, &["is under way still"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_cannot_be_simulated_is_said_in_a_sentence() {
    let template = ["AnalysisTemplate success-rate is named and not in these files; add it"];
    check(&["-f", &format!("{SEED}/rollout-istio.yaml"), "--fill"], 2, &template);
    check(&["-f", SEED], 2, &["these files have 2 Rollouts; name one with --rollout: "]);
    check(&["-f", SEED, "--rollout", "shop"], 2, &["these files have no Rollout shop; they have "]);
    check(&["-f", BASE, "--release", "shop:v1"], 2, &["which runs already; name another image"]);
    check(&["-f", "/nowhere"], 2, &["can't read /nowhere"]);
    check(&["-f", BASE, "--behaviour", "errors=8"], 1, &["write a percentage such as 8%"]);
}
