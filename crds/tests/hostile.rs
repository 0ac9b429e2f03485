//! Whatever is sent, nothing here panics.

use proptest::prelude::*;
use serde_json::Value;

use serin_crds::{
    analysis::AnalysisRun, decode, decode::decode_tolerantly, experiment::Experiment, hash, rollout::Rollout, template,
    unsupported, validate,
};

/// Any JSON whose keys are those of our API, so that it reaches far.
#[allow(clippy::too_many_lines, reason = "a list of words")]
fn any_json() -> impl Strategy<Value = Value> {
    let keys = [
        "metadata",
        "spec",
        "status",
        "strategy",
        "canary",
        "blueGreen",
        "steps",
        "setWeight",
        "pause",
        "duration",
        "analysis",
        "templates",
        "args",
        "name",
        "value",
        "valueFrom",
        "fieldRef",
        "fieldPath",
        "selector",
        "matchLabels",
        "matchExpressions",
        "key",
        "operator",
        "values",
        "template",
        "containers",
        "trafficRouting",
        "istio",
        "virtualService",
        "virtualServices",
        "managedRoutes",
        "setHeaderRoute",
        "match",
        "headerValue",
        "exact",
        "maxSurge",
        "maxUnavailable",
        "replicas",
        "conditions",
        "experiment",
        "pingPong",
        "antiAffinity",
        "metrics",
        "provider",
        "count",
        "interval",
        "plugins",
        "workloadRef",
        "type",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        proptest::bool::ANY.prop_map(Value::from),
        proptest::num::i64::ANY.prop_map(Value::from),
        (-3..103).prop_map(Value::from),
        proptest::num::f64::ANY.prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "[0-9]{0,20}[a-z%]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 128, 8, move |inner| {
        let key = proptest::sample::select(keys.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => proptest::collection::btree_map(key, inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_is_sent_makes_us_panic(object in any_json()) {
        let _ = decode::<Rollout>(object.clone());
        if let Ok((rollout, _)) = decode_tolerantly::<Rollout>(object.clone()) {
            let _ = validate::rollout(&rollout);
            let _ = unsupported::fields(&rollout);
            let _ = hash::steps(&rollout.spec.strategy.canary.unwrap_or_default().steps);
        }
        if let Ok((run, _)) = decode_tolerantly::<AnalysisRun>(object.clone()) {
            let _ = validate::analysis_run(&run.spec);
        }
        if let Ok((one, _)) = decode_tolerantly::<Experiment>(object.clone()) {
            let _ = validate::experiment(&one);
        }
        let _ = hash::pod_template(&object, None);
        let _ = template::fingerprint(&object, None);
        let _ = template::unknown_fields(&object, "spec.template");
        let _ = template::wrong_kinds(&object, "spec.template");
    }
}
