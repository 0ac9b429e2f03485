//! Answers in the JSON of Prometheus' HTTP API.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;

use super::error::QueryError;
use super::eval::{Element, Value};
use super::labels::Labels;
use super::tsdb::Sample;

/// A status and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200, or 400 and 422 for errors.
    pub status: StatusCode,
    /// The JSON.
    pub body: Bytes,
}

/// The answer to an instant query.
pub(super) fn instant(value: Result<Value, QueryError>, at: i64) -> Reply {
    match value {
        Ok(Value::Scalar(value)) => success("scalar", &point((at, value))),
        Ok(Value::String(text)) => success("string", &format!("[{},{}]", seconds(at), json(&text))),
        Ok(Value::Vector(elements)) => {
            let one = |element: &Element| {
                format!("{{\"metric\":{},\"value\":{}}}", metric(&element.labels), point((at, element.value)))
            };
            success("vector", &array(elements.iter().map(one)))
        }
        Ok(Value::Matrix(series)) => {
            success("matrix", &matrix(series.iter().map(|series| (&series.labels, series.samples.as_slice()))))
        }
        Err(error) => failure(&error),
    }
}

/// The answer to a range query: the values of each step.
pub(super) fn range(steps: Result<Vec<(i64, Value)>, QueryError>) -> Reply {
    let steps = match steps {
        Ok(steps) => steps,
        Err(error) => return failure(&error),
    };
    let mut series: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
    for (at, value) in steps {
        match value {
            Value::Scalar(value) => series.entry(Labels::default()).or_default().push((at, value)),
            Value::Vector(elements) => {
                for Element { labels, value } in elements {
                    series.entry(labels).or_default().push((at, value));
                }
            }
            Value::String(_) | Value::Matrix(_) => {
                let why = "invalid parameter \"query\": invalid expression type for range query, must be Scalar or instant Vector";
                return failure(&QueryError::BadData(why.into()));
            }
        }
    }
    success("matrix", &matrix(series.iter().map(|(labels, samples)| (labels, samples.as_slice()))))
}

/// The answer to a request that went wrong.
pub(super) fn failure(error: &QueryError) -> Reply {
    let (status, kind) = match error {
        QueryError::BadData(_) => (StatusCode::BAD_REQUEST, "bad_data"),
        QueryError::Execution(_) => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
    };
    let body = format!("{{\"status\":\"error\",\"errorType\":\"{kind}\",\"error\":{}}}", json(&error.to_string()));
    Reply { status, body: body.into() }
}

/// The answer of a Prometheus that knows nothing.
pub(super) fn no_data() -> Reply {
    success("vector", "[]")
}

/// An answer with NaN in the place of each value; where there is none, one that has no labels.
pub(super) fn not_numbers(reply: &Reply) -> Reply {
    let Ok(mut answer) = serde_json::from_slice::<serde_json::Value>(&reply.body) else {
        return reply.clone();
    };
    let now = serde_json::json!([0, "NaN"]);
    match answer.pointer_mut("/data/result") {
        Some(serde_json::Value::Array(result)) if result.is_empty() => {
            result.push(serde_json::json!({ "metric": {}, "value": now }));
        }
        Some(result) => blank(result),
        None => {}
    }
    Reply { status: reply.status, body: answer.to_string().into() }
}

/// Replaces the value of each sample below.
fn blank(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Array(items) => match items.as_mut_slice() {
            [serde_json::Value::Number(_), value @ serde_json::Value::String(_)] => *value = "NaN".into(),
            items => items.iter_mut().for_each(blank),
        },
        serde_json::Value::Object(fields) => fields.values_mut().for_each(blank),
        _ => {}
    }
}

fn success(kind: &str, result: &str) -> Reply {
    let body = format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"{kind}\",\"result\":{result}}}}}");
    Reply { status: StatusCode::OK, body: body.into() }
}

fn matrix<'a>(series: impl Iterator<Item = (&'a Labels, &'a [Sample])>) -> String {
    array(series.map(|(labels, samples)| {
        let values = array(samples.iter().map(|sample| point(*sample)));
        format!("{{\"metric\":{},\"values\":{values}}}", metric(labels))
    }))
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn metric(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{}:{}", json(name), json(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

fn point((at, value): Sample) -> String {
    format!("[{},\"{}\"]", seconds(at), number(value))
}

/// Milliseconds as seconds, with three decimals or none.
fn seconds(at: i64) -> String {
    let sign = if at < 0 { "-" } else { "" };
    let (whole, rest) = (at.unsigned_abs() / 1000, at.unsigned_abs() % 1000);
    if rest == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest:03}") }
}

/// A number as Prometheus writes it: shortest form, with an exponent where it is very small or very large.
fn number(value: f64) -> String {
    let size = value.abs();
    if size.is_nan() || size.is_infinite() || size == 0.0 || (1e-6..1e21).contains(&size) {
        return serin_analysis::provider::prometheus::number(value);
    }
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_instants_are_written_as_prometheus_writes_them() {
        let cases = [
            (0.0, "0"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (1.5e-10, "1.5e-10"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-2.5e120, "-2.5e+120"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ];
        for (value, expect) in cases {
            assert_eq!(number(value), expect);
        }
        for (at, expect) in
            [(0, "0"), (1000, "1"), (1001, "1.001"), (1_435_781_451_780, "1435781451.780"), (-1500, "-1.500")]
        {
            assert_eq!(seconds(at), expect);
        }
    }
}
