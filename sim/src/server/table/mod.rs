//! Tables for people: what `kubectl get` prints.

mod builtin;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    json::{at_keys, dotted, text},
    kind::{Column, Kind, Origin},
};

/// Returns the headings of the tables of a kind.
pub fn columns(kind: &Kind) -> Value {
    let name = json!({
        "name": "Name", "type": "string", "format": "name", "priority": 0,
        "description": "Name must be unique within a namespace.",
    });
    let mut columns = vec![name];
    if event(kind) {
        columns.clear();
    }
    match &kind.origin {
        Origin::Custom(custom) if custom.columns.is_empty() => {
            columns.push(heading("Age", "date", 0, ""));
        }
        Origin::Custom(custom) => columns.extend(
            custom.columns.iter().map(|column| heading(&column.name, &column.of, column.priority, &column.description)),
        ),
        Origin::Builtin(_) => columns.extend(
            builtin::columns(&kind.names.kind).iter().map(|(name, priority)| heading(name, "string", *priority, "")),
        ),
    }
    Value::Array(columns)
}

fn heading(name: &str, of: &str, priority: i64, description: &str) -> Value {
    json!({"name": name, "type": of, "format": "", "priority": priority, "description": description})
}

/// Returns the row of an object.
pub fn cells(kind: &Kind, object: &Arc<Value>, now: Timestamp) -> Vec<Value> {
    let name = Value::from(text(object, &["metadata", "name"]));
    let rest = match &kind.origin {
        Origin::Custom(custom) if custom.columns.is_empty() => vec![age(object, now)],
        Origin::Custom(custom) => custom.columns.iter().map(|column| cell(column, object, now)).collect(),
        Origin::Builtin(_) => builtin::cells(&kind.names.kind, object, now),
    };
    if event(kind) {
        return rest;
    }
    std::iter::once(name).chain(rest).collect()
}

/// Events are read by what they say, not by their names, which come last.
fn event(kind: &Kind) -> bool {
    kind.names.kind == "Event" && kind.builtin().is_some()
}

fn cell(column: &Column, object: &Value, now: Timestamp) -> Value {
    let Some(value) = look(object, &column.path) else {
        return Value::Null;
    };
    match column.of.as_str() {
        "date" => value.as_str().map_or(Value::Null, |time| since(time, now).into()),
        "string" => match value {
            Value::String(_) => value.clone(),
            other => other.to_string().into(),
        },
        _ => value.clone(),
    }
}

/// Follows a path such as `.status.conditions[?(@.type=="Ready")].status`.
fn look<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let Some((before, rest)) = path.split_once("[?(@.") else {
        return at_keys(object, &dotted(path)).filter(|value| !value.is_null());
    };
    let (test, after) = rest.split_once(")]")?;
    let (field, wanted) = test.split_once("==")?;
    let wanted = wanted.trim().trim_matches(['"', '\'']);
    let items = at_keys(object, &dotted(before))?.as_array()?;
    let item = items.iter().find(|item| text(item, &[field.trim()]) == wanted)?;
    at_keys(item, &dotted(after))
}

/// Returns how old an object is.
pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    since(text(object, &["metadata", "creationTimestamp"]), now).into()
}

/// Returns how long ago a time was, as kubectl writes it.
pub(super) fn since(time: &str, now: Timestamp) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => human(now.duration_since(time).as_secs()),
        Err(_) => "<unknown>".to_owned(),
    }
}

/// Writes seconds with as many units as people want to read.
fn human(seconds: i64) -> String {
    let two = |first: i64, unit: &str, second: i64, small: &str| {
        if second == 0 { format!("{first}{unit}") } else { format!("{first}{unit}{second}{small}") }
    };
    let (minutes, hours, days, years) = (seconds / 60, seconds / 3600, seconds / 86_400, seconds / (86_400 * 365));
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..=0 => "0s".to_owned(),
        1..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_written_as_kubectl_writes_them() {
        let check = |seconds: i64, expect: &str| assert_eq!(human(seconds), expect);
        check(-5, "<invalid>");
        check(0, "0s");
        check(119, "119s");
        check(120, "2m");
        check(121, "2m1s");
        check(601, "10m");
        check(10_799, "179m");
        check(10_860, "3h1m");
        check(30_000, "8h");
        check(172_800, "2d");
        check(3 * 86_400 + 3600, "3d1h");
        check(400 * 86_400, "400d");
        check(800 * 86_400, "2y70d");
    }
}
