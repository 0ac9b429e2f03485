//! Gives the arguments of an analysis their values when a run is made from a Rollout.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};
use serin_crds::Fault;
use serin_crds::analysis::Argument;
use serin_crds::names::HashValue;
use serin_crds::rollout::RolloutArgument;

/// What arguments can refer to.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The Rollout (or Experiment), as JSON.
    pub object: &'a Value,
    /// Pod-template hash of the new version.
    pub latest_hash: &'a str,
    /// Pod-template hash of the stable version; empty before the first one.
    pub stable_hash: &'a str,
}

/// Resolves the arguments that a Rollout gives to an analysis; each ends up with a value, possibly empty.
///
/// `path` is where the arguments stand, such as `spec.strategy.canary.analysis`.
///
/// # Errors
/// A fault for each argument that refers to something that cannot be referred to.
pub fn resolve(args: &[RolloutArgument], origin: Origin<'_>, path: &str) -> Result<Vec<Argument>, Vec<Fault>> {
    let mut resolved = Vec::with_capacity(args.len());
    let mut faults = Vec::new();
    for (index, arg) in args.iter().enumerate() {
        match value_of(arg, origin) {
            Ok(value) => {
                resolved.push(Argument { name: arg.name.clone(), value: Some(value), value_from: None });
            }
            Err(message) => faults.push(Fault {
                path: format!("{path}.args[{index}].valueFrom.fieldRef.fieldPath"),
                value: arg.name.clone(),
                message: format!("{path}.args[{index}].valueFrom.fieldRef.fieldPath: {message}"),
            }),
        }
    }
    if faults.is_empty() { Ok(resolved) } else { Err(faults) }
}

/// Resolves `fieldRef` of template arguments that nobody gave a value, against the same object.
///
/// Argo Rollouts accepts them and never resolves them.
///
/// # Errors
/// A fault for each argument whose path leads nowhere.
pub fn complete(args: &mut [Argument], origin: Origin<'_>) -> Result<(), Vec<Fault>> {
    let mut faults = Vec::new();
    for arg in args.iter_mut().filter(|arg| arg.value.is_none()) {
        let Some(reference) = arg.value_from.as_ref().and_then(|from| from.field_ref.as_ref()) else {
            continue;
        };
        match field(origin.object, &reference.field_path) {
            Ok(value) => {
                arg.value = Some(value);
                arg.value_from = None;
            }
            Err(message) => faults.push(Fault {
                path: format!("args.{}.valueFrom.fieldRef.fieldPath", arg.name),
                value: reference.field_path.clone(),
                message: format!("args.{}.valueFrom.fieldRef.fieldPath: {message}", arg.name),
            }),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// The value of one argument. Where several sources are given, a hash goes before a field and a field before a literal.
fn value_of(arg: &RolloutArgument, origin: Origin<'_>) -> Result<String, String> {
    let literal = || arg.value.clone().unwrap_or_default();
    let Some(from) = &arg.value_from else {
        return Ok(literal());
    };
    match (&from.pod_template_hash_value, &from.field_ref) {
        (Some(HashValue::Latest), _) => Ok(origin.latest_hash.to_owned()),
        (Some(HashValue::Stable), _) => Ok(origin.stable_hash.to_owned()),
        (Some(HashValue::Other(_)), _) | (None, None) => Ok(literal()),
        (None, Some(reference)) => field(origin.object, &reference.field_path),
    }
}

/// The text that a field path points at: as in the downward API for paths that start with `metadata`, else a path into
/// the JSON of the object.
///
/// # Errors
/// If it leads nowhere or to something that is no single value.
pub fn field(object: &Value, path: &str) -> Result<String, String> {
    if path.starts_with("metadata") { metadata_field(object, path) } else { json_field(object, path) }
}

fn metadata_field(object: &Value, path: &str) -> Result<String, String> {
    let unsupported = || {
        format!(
            "unsupported fieldPath: {path}; use metadata.name, metadata.namespace, metadata.uid, \
             metadata.labels['key'] or metadata.annotations['key']"
        )
    };
    let metadata = object.get("metadata");
    let entry = |field: &str| metadata.and_then(|metadata| metadata.get(field));
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let rest = path.strip_prefix("metadata.").ok_or_else(unsupported)?;
    match rest {
        "name" | "namespace" | "uid" => return Ok(text(entry(rest))),
        "labels" | "annotations" => return Ok(lines(entry(rest).and_then(Value::as_object))),
        _ => {}
    }
    let (field, key) = rest.split_once("['").ok_or_else(unsupported)?;
    let key = key.strip_suffix("']").ok_or_else(unsupported)?;
    if !matches!(field, "labels" | "annotations") || key.is_empty() {
        return Err(unsupported());
    }
    Ok(text(entry(field).and_then(|entries| entries.get(key))))
}

/// All labels or annotations, one `key="value"` a line, sorted: as the downward API writes them.
fn lines(entries: Option<&Map<String, Value>>) -> String {
    let mut sorted: Vec<_> = entries.into_iter().flatten().collect();
    sorted.sort_by_key(|(key, _)| key.as_str());
    let mut text = String::new();
    for (key, value) in sorted {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key}={value}");
    }
    text.truncate(text.trim_end_matches('\n').len());
    text
}

fn json_field(object: &Value, path: &str) -> Result<String, String> {
    let mut at = object;
    for section in path.split(['.', '[', ']']).filter(|section| !section.is_empty()) {
        at = match at {
            Value::Array(items) => {
                let index: usize = section.parse().map_err(|_| format!("invalid index '{section}' in path {path}"))?;
                items.get(index).ok_or_else(|| format!("index {index} out of range in path {path}"))?
            }
            Value::Object(fields) => fields.get(section).unwrap_or(&Value::Null),
            _ => return Err(format!("invalid path {path} in rollout")),
        };
    }
    match at {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Number(number) => Ok(go_number(number)),
        Value::Null => Err(format!("invalid path {path} in rollout")),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("path {path} in rollout must terminate in a primitive value"))
        }
    }
}

/// A number as Go prints a `float64` by default: `5`, `0.25`, `1e+06`.
fn go_number(number: &Number) -> String {
    let Some(value) = number.as_f64().filter(|value| *value != 0.0) else {
        return "0".to_owned();
    };
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serin_crds::analysis::{FieldRef, ValueFrom};
    use serin_crds::rollout::RolloutValueFrom;

    use super::*;

    fn rollout() -> Value {
        json!({
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u-1", "generation": 3,
                "labels": {"team": "a", "app.kubernetes.io/name": "web"},
            },
            "spec": {"replicas": 5, "paused": false, "ratio": 0.25, "big": 1_000_000, "tiny": 0.00001},
            "status": {"pauseConditions": [{"reason": "CanaryPauseStep"}]},
        })
    }

    fn check(path: &str, expect: Result<&str, &str>) {
        assert_eq!(field(&rollout(), path), expect.map(str::to_owned).map_err(str::to_owned), "{path}");
    }

    #[test]
    fn metadata_is_read_as_in_the_downward_api() {
        check("metadata.name", Ok("web"));
        check("metadata.namespace", Ok("shop"));
        check("metadata.uid", Ok("u-1"));
        check("metadata.labels['team']", Ok("a"));
        check("metadata.labels['app.kubernetes.io/name']", Ok("web"));
        check("metadata.labels['none']", Ok(""));
        check("metadata.annotations['none']", Ok(""));
        check("metadata.labels", Ok("app.kubernetes.io/name=\"web\"\nteam=\"a\""));
        check("metadata.annotations", Ok(""));
        for path in ["metadata", "metadata.generation", "metadata.labels[team]", "metadata.labels['']", "metadataX"] {
            let why = field(&rollout(), path).unwrap_err();
            assert!(why.starts_with(&format!("unsupported fieldPath: {path}; use ")), "{why}");
        }
    }

    #[test]
    fn other_paths_lead_into_the_json_of_the_rollout() {
        check("spec.replicas", Ok("5"));
        check("spec.paused", Ok("false"));
        check("spec.ratio", Ok("0.25"));
        check("spec.big", Ok("1e+06"));
        check("spec.tiny", Ok("1e-05"));
        check("status.pauseConditions[0].reason", Ok("CanaryPauseStep"));
        check("status.pauseConditions[1].reason", Err("index 1 out of range in path status.pauseConditions[1].reason"));
        check("status.pauseConditions[x]", Err("invalid index 'x' in path status.pauseConditions[x]"));
        check("status.nothing", Err("invalid path status.nothing in rollout"));
        check("spec.replicas.more", Err("invalid path spec.replicas.more in rollout"));
        check("spec", Err("path spec in rollout must terminate in a primitive value"));
    }

    fn from(value_from: RolloutValueFrom) -> RolloutArgument {
        RolloutArgument { name: "x".into(), value: None, value_from: Some(value_from) }
    }

    fn resolved(arg: RolloutArgument) -> Result<String, String> {
        let object = rollout();
        let origin = Origin { object: &object, latest_hash: "new", stable_hash: "old" };
        match resolve(&[arg], origin, "spec.strategy.canary.analysis") {
            Ok(args) => Ok(args[0].value.clone().unwrap()),
            Err(faults) => Err(faults[0].message.clone()),
        }
    }

    #[test]
    fn every_argument_of_a_rollout_ends_up_with_a_value() {
        let hash = |value| from(RolloutValueFrom { pod_template_hash_value: Some(value), field_ref: None });
        let path = |path: &str| {
            let field_ref = Some(FieldRef { field_path: path.into() });
            from(RolloutValueFrom { pod_template_hash_value: None, field_ref })
        };
        let plain = RolloutArgument { name: "x".into(), value: Some("v".into()), value_from: None };
        assert_eq!(resolved(plain), Ok("v".into()));
        assert_eq!(resolved(hash(HashValue::Latest)), Ok("new".into()));
        assert_eq!(resolved(hash(HashValue::Stable)), Ok("old".into()));
        assert_eq!(resolved(path("metadata.name")), Ok("web".into()));
        assert_eq!(resolved(RolloutArgument { name: "x".into(), ..RolloutArgument::default() }), Ok(String::new()));
        assert_eq!(
            resolved(path("spec.nothing")),
            Err("spec.strategy.canary.analysis.args[0].valueFrom.fieldRef.fieldPath: \
                 invalid path spec.nothing in rollout"
                .into())
        );
    }

    #[test]
    fn of_several_sources_the_one_that_argo_rollouts_takes_wins() {
        let check = |value: Option<&str>, hash: Option<HashValue>, path: Option<&str>, expect: &str| {
            let field_ref = path.map(|path| FieldRef { field_path: path.into() });
            let value_from = Some(RolloutValueFrom { pod_template_hash_value: hash, field_ref });
            let arg = RolloutArgument { name: "x".into(), value: value.map(str::to_owned), value_from };
            assert_eq!(resolved(arg), Ok(expect.to_owned()));
        };
        check(Some("v"), Some(HashValue::Latest), None, "new");
        check(Some("v"), None, Some("metadata.name"), "web");
        check(None, Some(HashValue::Stable), Some("metadata.name"), "old");
        check(Some("v"), None, None, "v");
        check(Some("v"), Some(HashValue::Other("Newest".into())), Some("metadata.name"), "v");
    }

    #[test]
    fn template_field_references_are_resolved_against_the_rollout() {
        let object = rollout();
        let origin = Origin { object: &object, latest_hash: "new", stable_hash: "old" };
        let reference = |path: &str| Argument {
            name: "x".into(),
            value: None,
            value_from: Some(ValueFrom { secret_key_ref: None, field_ref: Some(FieldRef { field_path: path.into() }) }),
        };
        let mut args = [reference("metadata.name")];
        complete(&mut args, origin).unwrap();
        assert_eq!((args[0].value.as_deref(), &args[0].value_from), (Some("web"), &None));
        let mut args = [reference("spec.nothing")];
        assert_eq!(complete(&mut args, origin).unwrap_err().len(), 1);
    }
}
