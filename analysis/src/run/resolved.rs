//! Reads the spec of a run: arguments filled in, settings checked, defaults applied.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use regex::RegexBuilder;
use serin_crds::IntOrString;
use serin_crds::analysis::{AnalysisRunSpec, Metric};
use serin_crds::duration;
use serin_crds::names::defaults;

use crate::provider::{self, Choice};
use crate::substitute::Arguments;

/// How many measurements of a metric are kept, unless a rule says otherwise.
const KEPT: usize = 10;

/// How large a compiled rule for metric names may be.
const LARGEST_RULE: usize = 1 << 20;

/// The metrics of a run, ready to be scheduled and assessed. Secrets are masked in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// In the order of the spec.
    pub metrics: Vec<ResolvedMetric>,
}

/// One metric, ready to be scheduled and assessed.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedMetric {
    /// The metric with its arguments filled in; `{{args.name}}` stands in the place of secrets.
    pub metric: Metric,
    /// The provider, if it is one that cannot be asked; such a metric is neither measured nor judged.
    pub unsupported: Option<String>,
    /// Time between measurements; at least a second.
    pub interval: Option<SignedDuration>,
    /// Time to wait before the first measurement.
    pub initial_delay: Option<SignedDuration>,
    /// When it ends.
    pub limits: Limits,
    /// Whether it is measured without counting.
    pub dry_run: bool,
    /// How many measurements are kept.
    pub keep: usize,
    /// The stretch of time that it looks at, for people.
    pub window: Option<String>,
}

/// When a metric ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Measurements without error; none means any number.
    pub count: Option<i32>,
    /// Failures that are tolerated; negative means any number.
    pub failure: i32,
    /// Inconclusive measurements that are tolerated.
    pub inconclusive: i32,
    /// Errors in a row that are tolerated.
    pub consecutive_error: i32,
    /// Successes in a row that end it well; 0 means none do.
    pub consecutive_success: i32,
}

impl Limits {
    pub(super) fn of(metric: &Metric) -> Self {
        let count = number(metric.count.as_ref(), 0);
        Self {
            count: match (count, &metric.interval) {
                (0, Some(_)) => None,
                (0, None) => Some(1),
                (count, _) => Some(count),
            },
            failure: number(metric.failure_limit.as_ref(), defaults::FAILURE_LIMIT),
            inconclusive: number(metric.inconclusive_limit.as_ref(), defaults::INCONCLUSIVE_LIMIT),
            consecutive_error: number(metric.consecutive_error_limit.as_ref(), defaults::CONSECUTIVE_ERROR_LIMIT),
            consecutive_success: number(metric.consecutive_success_limit.as_ref(), defaults::CONSECUTIVE_SUCCESS_LIMIT),
        }
    }
}

impl Resolved {
    /// Reads a spec.
    ///
    /// # Errors
    /// The message that the run ends with, as Argo Rollouts words it.
    pub fn of(spec: &AnalysisRunSpec) -> Result<Self, String> {
        let filled = Arguments::masked(&spec.args)
            .and_then(|args| spec.metrics.iter().map(|metric| args.fill(metric)).collect::<Result<Vec<_>, _>>())
            .map_err(|error| unresolved(&error.to_string()))?;
        let invalid = |why: String| format!("Analysis spec invalid: {why}");
        let mut metrics = read(filled).map_err(invalid)?;
        for (index, rule) in spec.dry_run.iter().enumerate() {
            let path = format!("dryRun[{index}]");
            apply(&mut metrics, &path, &rule.metric_name, |metric| {
                metric.dry_run = true;
            })
            .map_err(invalid)?;
        }
        for (index, rule) in spec.measurement_retention.iter().enumerate() {
            let path = format!("measurementRetention[{index}]");
            let keep = usize::try_from(rule.limit).ok().filter(|limit| *limit > 0).unwrap_or(KEPT);
            apply(&mut metrics, &path, &rule.metric_name, |metric| {
                metric.keep = keep;
            })
            .map_err(invalid)?;
        }
        Ok(Self { metrics })
    }
}

/// The message of a run whose arguments cannot be resolved.
pub fn unresolved(why: &str) -> String {
    format!("Unable to resolve metric arguments: {why}")
}

fn read(metrics: Vec<Metric>) -> Result<Vec<ResolvedMetric>, String> {
    if metrics.is_empty() {
        return Err("no metrics specified".to_owned());
    }
    let mut names = BTreeSet::new();
    let mut read = Vec::with_capacity(metrics.len());
    for (index, metric) in metrics.into_iter().enumerate() {
        if !names.insert(metric.name.clone()) {
            return Err(format!("metrics[{index}]: duplicate name '{}'", metric.name));
        }
        read.push(read_metric(metric).map_err(|why| format!("metrics[{index}]: {why}"))?);
    }
    Ok(read)
}

fn read_metric(metric: Metric) -> Result<ResolvedMetric, String> {
    let limits = Limits::of(&metric);
    let count = number(metric.count.as_ref(), 0);
    if count > 1 && metric.interval.is_none() {
        return Err("interval must be specified when count > 1".to_owned());
    }
    let time = |text: &Option<String>, what: &str| {
        let parsed = text.as_deref().map(duration::parse).transpose();
        parsed.map_err(|why| format!("invalid {what} string: {why}"))
    };
    let interval = time(&metric.interval, "interval")?.map(|interval| interval.max(SignedDuration::from_secs(1)));
    let initial_delay = time(&metric.initial_delay, "startDelay")?;
    check_limits(limits, count)?;
    match Choice::all(&metric.provider).len() {
        0 => return Err("no provider specified".to_owned()),
        1 => {}
        _ => return Err("multiple providers specified".to_owned()),
    }
    let unsupported = provider::supported(&metric.provider).err();
    let window = crate::window::of(&metric);
    Ok(ResolvedMetric { metric, unsupported, interval, initial_delay, limits, dry_run: false, keep: KEPT, window })
}

fn check_limits(limits: Limits, count: i32) -> Result<(), String> {
    let Limits { failure, inconclusive, consecutive_error, consecutive_success, .. } = limits;
    let wrong = if consecutive_success < 0 {
        "consecutiveSuccessLimit must be >= 0"
    } else if failure < -1 {
        "failureLimit must be >= 0, or -1 to be disabled"
    } else if consecutive_success == 0 && failure == -1 {
        "consecutiveSuccessLimit cannot be 0 when failureLimit is -1: nothing would end the metric"
    } else if inconclusive < 0 {
        "inconclusiveLimit must be >= 0"
    } else if consecutive_error < 0 {
        "consecutiveErrorLimit must be >= 0"
    } else if count > 0 && failure >= 0 && count < failure.saturating_add(consecutive_success) {
        return Err(format!(
            "count ({count}) must be >= failureLimit + consecutiveSuccessLimit ({failure} + {consecutive_success}) \
             if both >= 0"
        ));
    } else if count > 0 && count < consecutive_success {
        "count must be >= consecutiveSuccessLimit"
    } else if count > 0 && count < inconclusive {
        "count must be >= inconclusiveLimit"
    } else {
        return Ok(());
    };
    Err(wrong.to_owned())
}

/// Applies a rule to every metric whose name its regular expression finds something in.
fn apply(
    metrics: &mut [ResolvedMetric],
    path: &str,
    rule: &str,
    change: impl Fn(&mut ResolvedMetric),
) -> Result<(), String> {
    let regex = RegexBuilder::new(rule).size_limit(LARGEST_RULE).build().ok();
    let matches = |metric: &ResolvedMetric| regex.as_ref().is_some_and(|regex| regex.is_match(&metric.metric.name));
    let mut found = false;
    for metric in metrics.iter_mut().filter(|metric| matches(metric)) {
        change(metric);
        found = true;
    }
    if found { Ok(()) } else { Err(format!("{path}: Rule didn't match any metric name(s)")) }
}

/// The number of a setting: its default if absent, 0 if it is no number.
fn number(setting: Option<&IntOrString>, default: i64) -> i32 {
    let number = setting.map_or(default, |setting| setting.as_i64().unwrap_or(0));
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}
