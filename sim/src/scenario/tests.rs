use super::*;

const HEAD: &str = "name: x\ndescription: y\nmanifests:\n- object: {apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: shop}}\n";

fn parse(text: &str) -> Result<Scenario, String> {
    let read = |file: &str| match file {
        "seed/rollout.yaml" => {
            Ok("apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: shop}\nspec: {replicas: 10}"
                .to_owned())
        }
        "two.yaml" => {
            Ok("apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\napiVersion: v1\nkind: B\nmetadata: {name: b}".into())
        }
        _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    Scenario::parse("x.yaml", text, &read).map_err(|error| error.to_string())
}

fn refused(text: &str, expect: &str) {
    assert_eq!(parse(text).expect_err(text), expect);
}

#[test]
fn what_a_scenario_cannot_mean_is_said_with_its_path_and_what_to_change() {
    let end = "expect: {within: 1m, end: {}}\n";
    refused(
        &format!("{HEAD}{end}timeline: [{{at: 1s, after: 1s, do: [abort]}}]"),
        "x.yaml: timeline[0] has `at` beside `when` or `after`; keep one of them",
    );
    refused(
        &format!("{HEAD}{end}timeline: [{{after: 1s}}]"),
        "x.yaml: timeline[0] has neither `do` nor `check` nor `when`; say what happens",
    );
    refused(
        &format!("{HEAD}{end}timeline: [{{at: 1s, within: 1m, do: [abort]}}]"),
        "x.yaml: timeline[0] has `within` without `when`; say what is waited for",
    );
    refused(
        &format!("{HEAD}{end}faults: [{{calls: {{nth: 0, what: hang}}}}]"),
        "x.yaml: faults[0].calls.nth is 0; calls are counted from 1",
    );
    refused(
        &format!("{HEAD}{end}timeline: [{{do: [{{fault: {{calls: {{verbs: [put], what: hang}}}}}}]}}]"),
        "x.yaml: timeline[0].do[0].fault.calls.verbs holds \"put\"; there are get, list, watch, create, update, patch, delete",
    );
    refused(&format!("{HEAD}{end}scale: {{factor: 0}}"), "x.yaml: scale.factor is 0; it must be at least 1");
    refused(
        &format!("{HEAD}{end}images: {{'shop:v1': {{errorRate: 3}}}}"),
        "x.yaml: images[\"shop:v1\"].errorRate is 3; it must be 0 to 1",
    );
    refused(
        &format!("{HEAD}- object: {{kind: Service}}\n{end}"),
        "x.yaml: manifests[1] is no Kubernetes object: it has no apiVersion",
    );
    refused(&format!("{HEAD}- file: none.yaml\n{end}"), "can't read none.yaml");
    refused(
        &format!("{HEAD}- {{file: two.yaml, fill: {{}}}}\n{end}"),
        "x.yaml: manifests[1] has `fill`, but the file holds 2 objects; fill one object at a time",
    );
    refused(
        &format!("{HEAD}- {{file: seed/rollout.yaml}}\n{end}"),
        "x.yaml: manifests hold 2 Rollouts; a scenario is the story of one",
    );
}

#[test]
fn a_misspelt_field_is_refused_by_name() {
    let error = Scenario::parse("x.yaml", &format!("{HEAD}expect: {{within: 1m, end: {{phas: Healthy}}}}"), &|_| {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound))
    });
    let error = error.expect_err("phas is no field");
    let source = std::error::Error::source(&error).expect("the YAML error").to_string();
    assert!(source.contains("phas"), "{source}");
}

#[test]
fn every_action_reads_as_a_scenario_writes_it() {
    let actions = r#"
- do:
  - release: {image: "shop:v2"}
  - abort
  - retry
  - promote
  - promoteFull
  - skipStep
  - pause
  - resume
  - undo: {}
  - undo: {toRevision: 1}
  - scale: {replicas: 0}
  - patch: {target: {kind: VirtualService, name: shop}, type: json, body: [], as: gitops}
  - apply: {manifest: {object: {apiVersion: v1, kind: Service, metadata: {name: shop}}}, every: 3s, for: 1m, as: gitops}
  - delete: {target: {kind: VirtualService, name: shop}}
  - killController
  - startController
  - prometheus: down
  - prometheus: {slow: 5s}
  - behave: {image: "shop:v2", behaviour: {errorRate: 0.3}}
  - killPods: {of: stable, count: 1}
  - load: {requestsPerSecond: 10}
  - delete: {target: {kind: Rollout, name: shop}, cascade: orphan}
  - fault: {calls: {verbs: [patch], kind: VirtualService, nth: 2, times: 3, for: 10s, what: {refused: 403}}}
  - fault: {calls: {what: crashAfter}}
  - fault: {lag: {kind: ReplicaSet, by: 30s, events: 2}}
  - fault: {silence: {kind: Rollout, for: 290s}}
  - fault: {coalesce: {kind: Service, over: 5s}}
  - fault: {repeat: {kind: Service}}
  - fault: {forget: {kind: Service}}
  - fault: cutWatches
  - fault: {webhook: {kind: VirtualService, patch: [{op: remove, path: /spec/http}]}}
  - fault: {clock: {forward: 1h}}
"#;
    let scenario =
        parse(&format!("{HEAD}expect: {{within: 1m, end: {{}}}}\ntimeline:{actions}")).expect("it is well formed");
    assert_eq!(scenario.timeline[0].actions.len(), 32);
    assert_eq!(scenario.timeline[0].actions[17], Action::Prometheus(PrometheusMode::Slow(Span::seconds(5))));
}

#[test]
fn a_fill_is_merged_into_the_manifest_as_it_was_written() {
    let text = "name: x\ndescription: y\nmanifests: [{file: seed/rollout.yaml, fill: {spec: {selector: {}}}}]\nexpect: {within: 1m, end: {}}";
    let scenario = parse(text).expect("it is well formed");
    let spec = scenario.rollout().and_then(|rollout| rollout.get("spec")).cloned();
    assert_eq!(spec, Some(serde_json::json!({"replicas": 10, "selector": {}})));
    assert_eq!(scenario.host(), "shop");
}

#[test]
fn shortening_divides_durations_and_windows_but_keeps_the_floor() {
    let text = format!(
        "{HEAD}- object: {{apiVersion: v1, kind: T, metadata: {{name: t}}, spec: {{interval: 1m, count: 60, \
         query: 'rate(x{{status=~\"[45]..\"}}[5m])', steps: [{{pause: {{duration: 300}}}}, {{pause: {{duration: 5m}}}}], \
         progressDeadlineSeconds: 600}}}}\nscale: {{factor: 60, floor: 2s}}\ntimeline: [{{at: 10m, do: [abort]}}]\n\
         expect: {{within: 1m, end: {{}}}}"
    );
    let scenario = parse(&text).expect("it is well formed").shortened();
    let spec = scenario.objects().nth(1).and_then(|object| object.get("spec")).cloned();
    let expect = serde_json::json!({
        "interval": "2s", "count": 60, "query": "rate(x{status=~\"[45]..\"}[5s])",
        "steps": [{"pause": {"duration": 5}}, {"pause": {"duration": "5s"}}], "progressDeadlineSeconds": 10,
    });
    assert_eq!(spec, Some(expect));
    assert_eq!(scenario.timeline[0].at, Some(Span::seconds(10)));
    assert_eq!(scenario.expect.within, Span::seconds(60), "a limit is no duration of the story");
}

#[test]
fn every_shipped_scenario_is_well_formed() {
    for name in shipped_names() {
        let scenario =
            shipped(name).unwrap_or_else(|error| panic!("{name}: {error}: {:?}", std::error::Error::source(&error)));
        assert_eq!(scenario.name, name);
        assert!(scenario.description.ends_with('.'), "{name}: the description is a sentence");
    }
}
