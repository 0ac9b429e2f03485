//! Analyses: what a Rollout asks for, and what a template measures.

use super::{Fault, Faults, MOST_ARGUMENT_BYTES, MOST_METRICS, canary::unique};
use crate::{
    analysis::{AnalysisRunSpec, AnalysisTemplateSpec, Argument, Metric, MetricProvider},
    duration,
    int_or_string::IntOrString,
    names::{HashValue, defaults},
    rollout::{RolloutAnalysis, RolloutArgument},
};

/// Every fault in an AnalysisTemplate or ClusterAnalysisTemplate that can be seen before its arguments are known.
pub fn analysis_template(spec: &AnalysisTemplateSpec) -> Vec<Fault> {
    let mut faults = Faults::default();
    let AnalysisTemplateSpec { metrics, args, templates, .. } = spec;
    if metrics.is_empty() && templates.is_empty() {
        faults.missing("spec.metrics", "give at least one metric, or name further templates in spec.templates");
    }
    self::metrics(metrics, &mut faults);
    size(args.iter().map(|arg| (arg.name.as_str(), arg.value.as_deref())), "spec.args", &mut faults);
    named(args, &mut faults);
    for (index, _) in templates.iter().enumerate().filter(|(_, template)| template.template_name.is_empty()) {
        faults.missing(&format!("spec.templates[{index}].templateName"), "give the name of an analysis template");
    }
    faults.into_vec()
}

/// Every fault in an AnalysisRun that can be seen before its arguments are filled in.
pub fn analysis_run(spec: &AnalysisRunSpec) -> Vec<Fault> {
    let mut faults = Faults::default();
    let AnalysisRunSpec { metrics, args, .. } = spec;
    if metrics.is_empty() {
        faults.missing("spec.metrics", "give at least one metric");
    }
    self::metrics(metrics, &mut faults);
    size(args.iter().map(|arg| (arg.name.as_str(), arg.value.as_deref())), "spec.args", &mut faults);
    named(args, &mut faults);
    faults.into_vec()
}

fn named(args: &[Argument], faults: &mut Faults) {
    unique(args.iter().map(|arg| arg.name.as_str()), |index| format!("spec.args[{index}].name"), faults);
    for (index, arg) in args.iter().enumerate() {
        let secret = arg.value_from.as_ref().is_some_and(|from| from.secret_key_ref.is_some());
        if secret && arg.value.is_some() {
            faults.say(
                &format!("spec.args[{index}]"),
                "has both value and valueFrom.secretKeyRef; leave one of them out",
            );
        }
    }
}

/// The analysis that a Rollout asks for, at this path.
pub(super) fn of_rollout(run: &RolloutAnalysis, at: &str, faults: &mut Faults) {
    if run.templates.is_empty() {
        faults.missing(&format!("{at}.templates"), "an analysis needs at least one template");
    }
    for (index, _) in run.templates.iter().enumerate().filter(|(_, template)| template.template_name.is_empty()) {
        faults.missing(&format!("{at}.templates[{index}].templateName"), "give the name of an analysis template");
    }
    arguments(&run.args, at, faults);
}

/// The arguments that a Rollout gives to an analysis at this path.
pub(super) fn arguments(args: &[RolloutArgument], at: &str, faults: &mut Faults) {
    size(args.iter().map(|arg| (arg.name.as_str(), arg.value.as_deref())), &format!("{at}.args"), faults);
    for (index, arg) in args.iter().enumerate() {
        let at = format!("{at}.args[{index}]");
        if arg.name.is_empty() {
            faults.missing(&format!("{at}.name"), "give the name of the argument");
        }
        let Some(from) = &arg.value_from else {
            continue;
        };
        if let Some(HashValue::Other(word)) = &from.pod_template_hash_value {
            faults.wrong(&format!("{at}.valueFrom.podTemplateHashValue"), word, "it must be Stable or Latest");
        }
        if let Some(field) = &from.field_ref {
            let path = format!("{at}.valueFrom.fieldRef.fieldPath");
            if field.field_path.is_empty() {
                faults.missing(&path, "give the path of a field of the Rollout");
            } else if field.field_path.starts_with("metadata") && !is_downward(&field.field_path) {
                let rule = "it must be metadata.name, metadata.namespace, metadata.uid, metadata.labels['<key>'] or \
                            metadata.annotations['<key>']";
                faults.wrong(&path, &field.field_path, rule);
            }
        }
    }
}

/// Whether a path into the metadata is one that the downward API has.
fn is_downward(path: &str) -> bool {
    const WHOLE: [&str; 5] =
        ["metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations"];
    let entry = |prefix: &str| {
        let key =
            path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix("['")).and_then(|rest| rest.strip_suffix("']"));
        key.is_some_and(|key| !key.is_empty() && !key.contains('\''))
    };
    WHOLE.contains(&path) || entry("metadata.labels") || entry("metadata.annotations")
}

fn size<'a>(args: impl Iterator<Item = (&'a str, Option<&'a str>)>, path: &str, faults: &mut Faults) {
    let bytes: usize = args.map(|(name, value)| name.len().saturating_add(value.map_or(0, str::len))).sum();
    if bytes > MOST_ARGUMENT_BYTES {
        faults.say(path, &format!("has {bytes} bytes; at most {MOST_ARGUMENT_BYTES} can be passed to an analysis"));
    }
}

fn metrics(metrics: &[Metric], faults: &mut Faults) {
    if metrics.len() > MOST_METRICS {
        let sentence = format!("has {} metrics; at most {MOST_METRICS} can be measured in one run", metrics.len());
        return faults.say("spec.metrics", &sentence);
    }
    unique(metrics.iter().map(|metric| metric.name.as_str()), |index| format!("spec.metrics[{index}].name"), faults);
    for (index, metric) in metrics.iter().enumerate() {
        self::metric(metric, &format!("spec.metrics[{index}]"), faults);
    }
}

fn metric(metric: &Metric, at: &str, faults: &mut Faults) {
    for (field, text) in [("interval", &metric.interval), ("initialDelay", &metric.initial_delay)] {
        if let Some(text) = text {
            a_duration(text, &format!("{at}.{field}"), faults);
        }
    }
    provider(&metric.provider, &format!("{at}.provider"), faults);
    let Some(limits) = Limits::of(metric, at, faults) else {
        return;
    };
    let Limits { count, failure, inconclusive, success } = limits;
    if failure == -1 && success == 0 {
        let rule = "it needs a consecutiveSuccessLimit, else the metric can never end";
        faults.wrong(&format!("{at}.failureLimit"), failure, rule);
    }
    if count > 1 && metric.interval.is_none() {
        faults.missing(&format!("{at}.interval"), "a count greater than 1 needs an interval");
    }
    if count > 0 && count < failure.max(0).saturating_add(success) {
        let rule = if failure >= 0 {
            format!("it must be >= failureLimit + consecutiveSuccessLimit ({failure} + {success})")
        } else {
            format!("it must be >= consecutiveSuccessLimit, which is {success}")
        };
        faults.wrong(&format!("{at}.count"), count, &rule);
    }
    if count > 0 && count < inconclusive {
        let rule = format!("it must not be less than inconclusiveLimit, which is {inconclusive}");
        faults.wrong(&format!("{at}.count"), count, &rule);
    }
}

/// The counts of a metric, where all of them are known.
struct Limits {
    count: i64,
    failure: i64,
    inconclusive: i64,
    success: i64,
}

impl Limits {
    /// None if one of them waits for an argument, or is wrong.
    fn of(metric: &Metric, at: &str, faults: &mut Faults) -> Option<Self> {
        let mut number = |field: &str, value: &Option<IntOrString>, default: i64, least: i64| {
            let Some(value) = value else {
                return Some(default);
            };
            match value {
                IntOrString::String(text) if text.contains("{{") => None,
                _ => match value.as_i64() {
                    Some(number) if (least..=i64::from(i32::MAX)).contains(&number) => Some(number),
                    _ => {
                        let rule = if least < 0 { "it must be >= 0, or -1 to be disabled" } else { "it must be >= 0" };
                        faults.wrong(&format!("{at}.{field}"), value, rule);
                        None
                    }
                },
            }
        };
        let count = number("count", &metric.count, 0, 0);
        let failure = number("failureLimit", &metric.failure_limit, defaults::FAILURE_LIMIT, -1);
        let inconclusive = number("inconclusiveLimit", &metric.inconclusive_limit, defaults::INCONCLUSIVE_LIMIT, 0);
        let success = number(
            "consecutiveSuccessLimit",
            &metric.consecutive_success_limit,
            defaults::CONSECUTIVE_SUCCESS_LIMIT,
            0,
        );
        number("consecutiveErrorLimit", &metric.consecutive_error_limit, defaults::CONSECUTIVE_ERROR_LIMIT, 0);
        Some(Self { count: count?, failure: failure?, inconclusive: inconclusive?, success: success? })
    }
}

fn provider(provider: &MetricProvider, at: &str, faults: &mut Faults) {
    match provider.names().as_slice() {
        [] => faults.missing(at, "a metric needs exactly one provider"),
        [_] => {}
        names => faults.say(at, &format!("has {}; a metric needs exactly one provider", names.join(" and "))),
    }
}

/// A fault unless it is a duration, or waits for an argument.
pub(super) fn a_duration(text: &str, path: &str, faults: &mut Faults) {
    if text.contains("{{") {
        return;
    }
    match duration::parse(text) {
        Ok(duration) if duration.is_negative() => {
            faults.wrong(path, text, "it must not be negative");
        }
        Ok(_) => {}
        Err(error) => faults.wrong(path, text, &error.to_string()),
    }
}
