//! The objects that figures are taken of.

use serde_json::{Value, json};

use crate::judge::JUDGE;

/// Where Rollouts are.
pub const ROLLOUTS: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts";
/// Where routes are.
pub const ROUTES: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices";
/// Where templates of analyses are.
pub const TEMPLATES: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/analysistemplates";

/// So many names with a common beginning.
pub fn names(prefix: &str, number: usize) -> Vec<String> {
    (0..number).map(|n| format!("{prefix}{n:04}")).collect()
}

/// One Rollout with everything that belongs to it, each with the path that it is sent to.
pub fn service(name: &str, replicas: i64, strategy: &Value) -> Vec<(&'static str, Value)> {
    let service = |side: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("{name}-{side}")},
               "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}})
    };
    let mut canary = json!({
        "canaryService": format!("{name}-canary"),
        "stableService": format!("{name}-stable"),
        "trafficRouting": {"istio": {"virtualService": {"name": name}}},
    });
    json_patch::merge(&mut canary, strategy);
    let route = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name},
                       "spec": {"hosts": [name], "http": http(name, 0)}});
    let rollout = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:v1"}]}},
        "strategy": {"canary": canary}}});
    vec![
        ("/api/v1/namespaces/default/services", service("stable")),
        ("/api/v1/namespaces/default/services", service("canary")),
        (ROUTES, route),
        (ROLLOUTS, rollout),
    ]
}

/// The routes of a `VirtualService` with this weight for the canary.
pub fn http(name: &str, canary: i64) -> Value {
    json!([{"route": [
        {"destination": {"host": format!("{name}-stable")}, "weight": 100 - canary},
        {"destination": {"host": format!("{name}-canary")}, "weight": canary}]}])
}

/// A template that asks the judge once a second; `count` measurements, or without end.
pub fn template(count: Option<u32>) -> Value {
    let query = "errors{name=\"{{args.name}}\"}";
    let mut metric = json!({"name": "errors", "interval": "1s", "successCondition": "result[0] < 0.5",
        "provider": {"prometheus": {"address": format!("http://{JUDGE}"), "query": query}}});
    json_patch::merge(&mut metric, &json!({ "count": count }));
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": "judge"},
           "spec": {"args": [{"name": "name"}], "metrics": [metric]}})
}

/// An analysis of a Rollout by the template.
pub fn analysis(name: &str) -> Value {
    json!({"templates": [{"templateName": "judge"}], "args": [{"name": "name", "value": name}]})
}
