//! What is wrong with a spec: every fault at once, each with its path and what to change.
//!
//! Whether what a spec refers to exists is not asked here; that takes the cluster.

mod analysis;
mod canary;
mod experiment;
mod pods;
mod rollback;
mod steps;

use std::fmt::Display;

pub use analysis::{analysis_run, analysis_template};
pub use experiment::experiment;
pub use rollback::{is_file, rollback_policy};

pub use crate::decode::Fault;
use crate::{
    names::defaults,
    rollout::{AntiAffinity, BlueGreenStrategy, ObjectRef, Rollout, RolloutSpec, Strategy},
    template,
};

/// Most steps of a canary; more are refused, because nobody can watch them.
pub const MOST_STEPS: usize = 1_000;
/// Most metrics of an analysis.
pub const MOST_METRICS: usize = 50;
/// Most bytes of all arguments of an analysis, names and values together.
pub const MOST_ARGUMENT_BYTES: usize = 64 * 1024;
/// Most faults that are reported; a spec with more is not read to its end.
const MOST_FAULTS: usize = 100;

/// Every fault in the spec of a Rollout, in the order of its fields; none if it can be carried out.
///
/// # Source
/// The validation of Argo Rollouts, and limits of our own for hostile input.
pub fn rollout(rollout: &Rollout) -> Vec<Fault> {
    let mut faults = Faults::default();
    let spec = &rollout.spec;
    numbers(spec, &mut faults);
    pods::check(spec, &mut faults);
    if let Some(reference) = &spec.workload_ref {
        workload(reference, &mut faults);
    }
    strategy(spec, &mut faults);
    faults.into_vec()
}

/// Every fault in the pod template and the selector that a workload gives a Rollout; `spec` holds them in their places, and
/// `whose` names the workload.
pub fn referred(spec: &RolloutSpec, whose: &str) -> Vec<Fault> {
    let mut faults = Faults::default();
    let RolloutSpec { selector, template, .. } = spec.clone();
    pods::check(&RolloutSpec { selector, template, ..RolloutSpec::default() }, &mut faults);
    let given = |fault: Fault| Fault { message: format!("spec.workloadRef: with {whose}, {}", fault.message), ..fault };
    faults.into_vec().into_iter().map(given).collect()
}

/// What is no fault of a Rollout, is carried out as with Argo Rollouts, and is hardly meant so; each with its path.
///
/// To be said once, in an event or by a linter; nothing waits for it.
pub fn notes(rollout: &Rollout) -> Vec<Fault> {
    rollout.spec.template.iter().flat_map(|template| template::unknown_fields(template, pods::TEMPLATE)).collect()
}

fn numbers(spec: &RolloutSpec, faults: &mut Faults) {
    faults.at_least(0, spec.replicas, "spec.replicas");
    faults.at_least(0, spec.min_ready_seconds, "spec.minReadySeconds");
    faults.at_least(0, spec.revision_history_limit, "spec.revisionHistoryLimit");
    let ready = spec.min_ready_seconds.unwrap_or_default();
    let deadline = spec.progress_deadline_seconds.unwrap_or(defaults::PROGRESS_DEADLINE_SECONDS);
    if deadline <= ready {
        let rule = format!("it must be greater than spec.minReadySeconds, which is {ready}");
        match spec.progress_deadline_seconds {
            Some(deadline) => faults.wrong("spec.progressDeadlineSeconds", deadline, &rule),
            None => faults.wrong(
                "spec.minReadySeconds",
                ready,
                &format!("it must be less than spec.progressDeadlineSeconds, which is {deadline} when absent"),
            ),
        }
    }
}

fn workload(reference: &ObjectRef, faults: &mut Faults) {
    const KINDS: [(&str, &str); 3] = [("apps", "Deployment"), ("apps", "ReplicaSet"), ("", "PodTemplate")];
    let ObjectRef { api_version, kind, name, scale_down: _ } = reference;
    if name.is_none() {
        faults.missing("spec.workloadRef.name", "give the name of the workload");
    }
    let api_version = api_version.as_deref().unwrap_or_default();
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let Some(kind) = kind else {
        return faults.missing("spec.workloadRef.kind", "it must be Deployment, ReplicaSet or PodTemplate");
    };
    if !KINDS.contains(&(group, kind.as_str())) {
        let value = format!("{kind} of {api_version}");
        let rule = "it must be Deployment or ReplicaSet of apps/v1, or PodTemplate of v1";
        faults.wrong("spec.workloadRef", value.trim_end_matches(" of "), rule);
    }
}

fn strategy(spec: &RolloutSpec, faults: &mut Faults) {
    let Strategy { blue_green, canary } = &spec.strategy;
    match (blue_green, canary) {
        (None, None) => faults.missing("spec.strategy", "give spec.strategy.canary or spec.strategy.blueGreen"),
        (Some(_), Some(_)) => faults.say("spec.strategy", "has both canary and blueGreen; remove one of them"),
        _ => {}
    }
    if let Some(blue_green) = blue_green {
        self::blue_green(spec, blue_green, faults);
    }
    if let Some(canary) = canary {
        canary::check(canary, faults);
    }
}

fn blue_green(spec: &RolloutSpec, strategy: &BlueGreenStrategy, faults: &mut Faults) {
    let at = "spec.strategy.blueGreen";
    let active = &strategy.active_service;
    if active.is_empty() {
        faults.missing(&format!("{at}.activeService"), "give the Service that carries production traffic");
    } else if strategy.preview_service.as_ref() == Some(active) {
        faults.wrong(&format!("{at}.previewService"), active, "it must differ from activeService");
    }
    let kept = spec.revision_history_limit.unwrap_or(defaults::REVISION_HISTORY_LIMIT);
    if let Some(limit) = strategy.scale_down_delay_revision_limit.filter(|limit| *limit > kept) {
        let rule = format!("it must not be greater than spec.revisionHistoryLimit, which is {kept}");
        faults.wrong(&format!("{at}.scaleDownDelayRevisionLimit"), limit, &rule);
    }
    canary::share(strategy.max_unavailable.as_ref(), &format!("{at}.maxUnavailable"), faults);
    if let Some(affinity) = &strategy.anti_affinity {
        anti_affinity(affinity, &format!("{at}.antiAffinity"), faults);
    }
    for (field, run) in [
        ("prePromotionAnalysis", &strategy.pre_promotion_analysis),
        ("postPromotionAnalysis", &strategy.post_promotion_analysis),
    ] {
        if let Some(run) = run {
            analysis::of_rollout(run, &format!("{at}.{field}"), faults);
        }
    }
}

fn anti_affinity(affinity: &AntiAffinity, at: &str, faults: &mut Faults) {
    let preferred = &affinity.preferred_during_scheduling_ignored_during_execution;
    let required = &affinity.required_during_scheduling_ignored_during_execution;
    if preferred.is_some() == required.is_some() {
        faults.say(
            at,
            "must have exactly one of preferredDuringSchedulingIgnoredDuringExecution and \
             requiredDuringSchedulingIgnoredDuringExecution",
        );
    }
    if let Some(preferred) = preferred.as_ref().filter(|preferred| !(1..=100).contains(&preferred.weight)) {
        let path = format!("{at}.preferredDuringSchedulingIgnoredDuringExecution.weight");
        faults.wrong(&path, preferred.weight, "it must be 1 to 100");
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
struct Faults {
    found: Vec<Fault>,
    /// How many more there were than are kept.
    more: usize,
}

impl Faults {
    /// `<path> is <value>; <rule>`.
    fn wrong(&mut self, path: &str, value: impl Display, rule: &str) {
        self.push(|| Fault::new(path, Some(&value), rule));
    }

    /// `<path> is missing; <rule>`.
    fn missing(&mut self, path: &str, rule: &str) {
        self.push(|| Fault::new(path, None, rule));
    }

    /// `<path> <sentence>`.
    fn say(&mut self, path: &str, sentence: &str) {
        self.push(|| Fault::saying(path, sentence));
    }

    /// A fault if the number is given and less.
    fn at_least(&mut self, least: i32, number: Option<i32>, path: &str) {
        if let Some(number) = number.filter(|number| *number < least) {
            self.wrong(path, number, &format!("it must be {least} or more"));
        }
    }

    /// Faults that were found elsewhere.
    fn extend(&mut self, found: impl IntoIterator<Item = Fault>) {
        for fault in found {
            self.push(|| fault);
        }
    }

    fn push(&mut self, fault: impl FnOnce() -> Fault) {
        if self.found.len() < MOST_FAULTS {
            self.found.push(fault());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn into_vec(self) -> Vec<Fault> {
        let Self { mut found, more } = self;
        if more > 0 {
            found.push(Fault::saying("spec", &format!("has {more} more faults")));
        }
        found
    }
}

#[cfg(test)]
mod tests;
