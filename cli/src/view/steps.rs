//! Steps of a canary in words.

use serde_json::Value;

use super::json::{list, text};

/// A step as short as it can be said: its kind as the manifest has it, and what it asks for.
pub(super) fn describe(step: &Value) -> String {
    let Some((kind, value)) = step.as_object().and_then(|fields| fields.iter().next()) else {
        return "nothing".to_owned();
    };
    let detail = match (kind.as_str(), value) {
        ("setWeight", weight) => format!("{weight} %"),
        ("pause", pause) => duration(pause.get("duration")),
        ("analysis", analysis) => names(analysis, "templateName"),
        ("experiment", experiment) => names(experiment, "name"),
        ("setCanaryScale", scale) => scale_of(scale),
        _ => text(value, "/name").to_owned(),
    };
    format!("{kind} {detail}").trim_end().to_owned()
}

/// A duration as it is written; a number is seconds.
fn duration(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) if text.parse::<u64>().is_ok() => format!("{text}s"),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(seconds)) => format!("{seconds}s"),
        _ => String::new(),
    }
}

fn names(value: &Value, field: &str) -> String {
    let templates = list(value, "/templates").iter();
    templates.filter_map(|template| template.get(field)?.as_str()).collect::<Vec<_>>().join(", ")
}

fn scale_of(scale: &Value) -> String {
    let field = |name: &str| scale.get(name).filter(|value| !value.is_null());
    if field("matchTrafficWeight") == Some(&Value::Bool(true)) {
        return "as the weight".to_owned();
    }
    match (field("replicas"), field("weight")) {
        (Some(replicas), _) => format!("{replicas} pods"),
        (None, Some(weight)) => format!("{weight} %"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[track_caller]
    fn check(step: &Value, expect: &str) {
        assert_eq!(super::describe(step), expect);
    }

    #[test]
    fn a_step_says_its_kind_and_what_it_asks_for() {
        check(&json!({"setWeight": 20}), "setWeight 20 %");
        check(&json!({"pause": {}}), "pause");
        check(&json!({"pause": {"duration": "10m"}}), "pause 10m");
        check(&json!({"pause": {"duration": 30}}), "pause 30s");
        check(&json!({"pause": {"duration": "30"}}), "pause 30s");
        check(
            &json!({"analysis": {"templates": [{"templateName": "errors"}, {"templateName": "latency"}]}}),
            "analysis errors, latency",
        );
        check(&json!({"experiment": {"templates": [{"name": "baseline"}]}}), "experiment baseline");
        check(&json!({"setCanaryScale": {"replicas": 3}}), "setCanaryScale 3 pods");
        check(&json!({"setCanaryScale": {"weight": 25}}), "setCanaryScale 25 %");
        check(&json!({"setCanaryScale": {"matchTrafficWeight": true}}), "setCanaryScale as the weight");
        check(&json!({"setHeaderRoute": {"name": "testers"}}), "setHeaderRoute testers");
        check(&json!({}), "nothing");
        check(&json!(7), "nothing");
    }
}
