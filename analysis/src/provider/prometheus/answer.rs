//! What Prometheus answered, or what it ought to have answered.
//!
//! Everything is taken apart with explicit types; nothing is skipped that could make a wrong value look right.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::numbers;
use crate::expr::ResultValue;
use crate::provider::fetch::FetchResponse;
use crate::provider::quote::quote;

/// How many samples an answer may hold.
const SAMPLE_LIMIT: usize = 10_000;
/// How deep the JSON of an answer may be nested.
const DEPTH_LIMIT: usize = 32;

/// An answer that can be judged.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// What conditions see.
    pub value: crate::expr::ResultValue,
    /// What is recorded.
    pub display: String,
    /// Prometheus' warnings, quoted and joined.
    pub warnings: Option<String>,
    /// Whether there may be no data behind it: no element at all, or the NaN of `scalar()`.
    pub missing: bool,
}

/// Reads the answer that `from` gave.
///
/// # Errors
/// A sentence that says what was answered instead.
pub(super) fn read(response: &FetchResponse, from: &str) -> Result<Answer, String> {
    let FetchResponse { status, headers, body, .. } = response;
    if status.is_redirection() {
        return Err(format!(
            "prometheus at {from} answered {status}, a redirect; metrics are read only from the address that is given, so give the one it redirects to"
        ));
    }
    let unusable = |what: &str| format!("prometheus at {from} answered {status} {what}");
    let depth = check_depth(body);
    let envelope = depth.and_then(|()| {
        serde_json::from_slice::<Object<Envelope<'_>>>(body)
            .map(|Object(envelope)| envelope)
            .map_err(|error| quote(&error.to_string()))
    });
    match envelope {
        Ok(Envelope { status: said, error_type, error, .. }) if said == "error" => {
            Err(unusable(&format!("with an error: {}: {}", quote(&error_type), quote(&error))))
        }
        Ok(envelope) if status.is_success() && envelope.status == "success" => {
            let warnings = warnings(&envelope.warnings);
            let Object(data) = envelope.data.ok_or_else(|| unusable("without data"))?;
            let answer = data.read().map_err(|why| unusable(&format!("with something else than a result: {why}")))?;
            Ok(Answer { warnings, ..answer })
        }
        _ if !status.is_success() => {
            Err(unusable(&format!("{}: {}", reason(*status), quote(&String::from_utf8_lossy(body)))))
        }
        Ok(envelope) => Err(unusable(&format!("with the status {:?}", quote(&envelope.status)))),
        Err(why) if looks_like_json(headers, body) => Err(unusable(&format!("with broken JSON: {why}"))),
        Err(_) => Err(unusable(&format!(
            "with {} instead of JSON: {}",
            content_type(headers),
            quote(&String::from_utf8_lossy(body))
        ))),
    }
}

/// What to change when a request is turned away.
fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "(check the metric's authentication)",
        StatusCode::NOT_FOUND => "(check the path of the address)",
        _ => "instead of a result",
    }
}

fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.map_or_else(|| "no content type".to_owned(), quote)
}

fn looks_like_json(headers: &HeaderMap, body: &[u8]) -> bool {
    content_type(headers).contains("json") || body.trim_ascii_start().starts_with(b"{")
}

/// Prometheus' warnings as Argo records them: `"one", "two"`.
fn warnings(given: &[Cow<'_, str>]) -> Option<String> {
    const LIMIT: usize = 16;
    let list: Vec<String> = given.iter().take(LIMIT).map(|warning| format!("\"{}\"", quote(warning))).collect();
    (!list.is_empty()).then(|| list.join(", "))
}

/// Refuses JSON that is nested too deep, by a look at its brackets.
fn check_depth(body: &[u8]) -> Result<(), String> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_LIMIT {
            return Err(format!("it is nested deeper than {DEPTH_LIMIT}"));
        }
    }
    Ok(())
}

/// What must be a JSON object; on its own a struct is also read from an array.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<Object<Data<'a>>>,
    #[serde(borrow, default)]
    error_type: Cow<'a, str>,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
    #[serde(borrow, default)]
    warnings: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    result_type: Cow<'a, str>,
    #[serde(borrow)]
    result: &'a RawValue,
}

impl Data<'_> {
    fn read(&self) -> Result<Answer, String> {
        let json = self.result.get();
        let answer = |value, display, missing| Answer { value, display, warnings: None, missing };
        match &*self.result_type {
            "scalar" => {
                let Point(_, Number(value)) = typed(json)?;
                Ok(answer(ResultValue::Scalar(value), numbers::number(value), value.is_nan()))
            }
            "vector" => {
                let series: Vec<Object<VectorSeries>> = typed(json)?;
                check_unique(series.iter().map(|Object(series)| &series.metric))?;
                let values = series
                    .iter()
                    .map(|Object(series)| histogram_free(series.histogram, series.value.as_ref()).copied());
                values.collect::<Result<Vec<_>, _>>().and_then(|points| flat(points.iter()))
            }
            "matrix" => {
                let series: Vec<Object<MatrixSeries>> = typed(json)?;
                check_unique(series.iter().map(|Object(series)| &series.metric))?;
                let values =
                    series.iter().map(|Object(series)| histogram_free(series.histograms, series.values.as_ref()));
                values.collect::<Result<Vec<_>, _>>().and_then(|lists| flat(lists.into_iter().flatten()))
            }
            "string" => Err("Prometheus metric type not supported: string".into()),
            other => Err(format!("Prometheus metric type not supported: {}", quote(other))),
        }
    }
}

/// Reads a part of the answer; the sentence says what is in its place.
fn typed<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| quote(&error.to_string()))
}

fn flat<'a>(points: impl Iterator<Item = &'a Point>) -> Result<Answer, String> {
    let values: Vec<f64> = points.map(|Point(_, Number(value))| *value).take(SAMPLE_LIMIT + 1).collect();
    if values.len() > SAMPLE_LIMIT {
        return Err(format!("more than {SAMPLE_LIMIT} samples; aggregate them in the query"));
    }
    let (display, missing) = (numbers::list(&values), values.is_empty());
    Ok(Answer { value: ResultValue::Vector(values), display, warnings: None, missing })
}

fn histogram_free<T>(histogram: Option<serde::de::IgnoredAny>, value: Option<&T>) -> Result<&T, String> {
    match (histogram, value) {
        (None, Some(value)) => Ok(value),
        (Some(_), _) => {
            Err("a native histogram is no number; use histogram_quantile, histogram_count or histogram_avg".into())
        }
        (None, None) => Err("a series without a value".into()),
    }
}

fn check_unique<'a>(series: impl Iterator<Item = &'a Labels>) -> Result<(), String> {
    let mut seen = HashSet::new();
    for labels in series {
        if !seen.insert(labels) {
            return Err(format!("the series {} is there twice", quote(&labels.to_string())));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct VectorSeries {
    #[serde(default)]
    metric: Labels,
    value: Option<Point>,
    histogram: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct MatrixSeries {
    #[serde(default)]
    metric: Labels,
    values: Option<Vec<Point>>,
    histograms: Option<serde::de::IgnoredAny>,
}

/// An instant and the value then.
#[derive(Clone, Copy, Deserialize)]
struct Point(#[allow(dead_code, reason = "read only to check its type")] f64, Number);

/// A number, which Prometheus writes as a string.
#[derive(Clone, Copy)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        numbers::parse(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("{:?} is not a number that fits a double", quote(&text))))
    }
}

/// The labels of a series, sorted.
#[derive(Default, PartialEq, Eq, Hash)]
struct Labels(Vec<(String, String)>);

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        write!(f, "{{{}}}", pairs.join(","))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the labels of a series")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                pairs.sort();
                match pairs.windows(2).find(|two| matches!(two, [a, b] if a.0 == b.0)) {
                    Some([twice, ..]) => {
                        Err(A::Error::custom(format!("the label {:?} is there twice", quote(&twice.0))))
                    }
                    _ => Ok(Labels(pairs)),
                }
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
