//! Whatever is sent, nothing here panics.

use proptest::prelude::*;
use serde_json::Value;

use serin_crds::{
    analysis::AnalysisRun, decode, experiment::Experiment, hash, rollout::Rollout, salvage, template, unsupported,
    validate,
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
        let (rollout, faults) = salvage::<Rollout>(object.clone());
        prop_assert!(faults.len() < 400);
        match decode::<Rollout>(object.clone()) {
            Ok(decoded) => prop_assert_eq!((&decoded, faults.len()), (&rollout, 0)),
            Err(fault) => prop_assert_eq!(Some(&fault), faults.first()),
        }
        let _ = validate::rollout(&rollout);
        let _ = validate::notes(&rollout);
        let _ = unsupported::fields(&rollout);
        let _ = hash::steps(&rollout.spec.strategy.canary.unwrap_or_default().steps);
        let _ = validate::analysis_run(&salvage::<AnalysisRun>(object.clone()).0.spec);
        let _ = validate::experiment(&salvage::<Experiment>(object.clone()).0);
        let _ = hash::pod_template(&object, None);
        let _ = template::fingerprint(&object, None);
        let _ = template::unknown_fields(&object, "spec.template");
        let _ = template::wrong_kinds(&object, "spec.template");
    }
}
