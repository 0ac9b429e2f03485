//! Steps: which weight each stands for, and how each is called.

use serin_crds::int_or_string::IntOrString;
use serin_crds::rollout::CanaryStep;

use super::weight::Weight;

/// The weight that holds at `index`, in parts of `total`: that of the last `setWeight` at or before it; all traffic at the end.
pub fn weight_at(steps: &[CanaryStep], index: usize, total: i64) -> Weight {
    if steps.is_empty() || index >= steps.len() {
        return Weight::FULL;
    }
    last_weight(steps.get(..=index).unwrap_or_default(), total)
}

/// The weight that held before the step at `index` was entered.
pub fn weight_before(steps: &[CanaryStep], index: usize, total: i64) -> Weight {
    last_weight(steps.get(..index.min(steps.len())).unwrap_or_default(), total)
}

/// How many pods a step says that the canary has, apart from its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// So many pods.
    Replicas(i64),
    /// So many parts of the desired pods, of as many as traffic has; may be more than all.
    Parts(i64),
}

/// The size that holds at `index`: that of the last `setCanaryScale` at or before it; none after the last step, or where
/// the canary follows its weight again.
///
/// # Source
/// Behaviour contract 2.5.
pub fn scale_at(steps: &[CanaryStep], index: usize) -> Option<Scale> {
    let reached = steps.get(..=index)?;
    let scale = reached.iter().rev().find_map(|step| step.set_canary_scale.as_ref())?;
    match (scale.match_traffic_weight, scale.replicas, scale.weight) {
        (true, _, _) => None,
        (_, Some(pods), _) => Some(Scale::Replicas(i64::from(pods).max(0))),
        (_, _, Some(parts)) => Some(Scale::Parts(i64::from(parts).max(0))),
        _ => None,
    }
}

fn last_weight(steps: &[CanaryStep], total: i64) -> Weight {
    let last = steps.iter().rev().find_map(|step| step.set_weight);
    Weight::of(last.map_or(0, i64::from), total)
}

/// How a step is called in events and on screens.
pub fn label(step: &CanaryStep) -> String {
    if let Some(weight) = step.set_weight {
        return format!("setWeight: {weight}");
    }
    if let Some(pause) = &step.pause {
        return match &pause.duration {
            None => "pause".to_owned(),
            Some(IntOrString::Int(seconds)) => format!("pause: {seconds}s"),
            Some(IntOrString::String(text)) => format!("pause: {text}"),
        };
    }
    if step.experiment.is_some() {
        return "experiment".to_owned();
    }
    if step.analysis.is_some() {
        return "analysis".to_owned();
    }
    if let Some(scale) = &step.set_canary_scale {
        return match (scale.match_traffic_weight, scale.replicas, scale.weight) {
            (true, _, _) => "setCanaryScale{matchTrafficWeight: true}".to_owned(),
            (_, Some(replicas), _) => format!("setCanaryScale{{replicas: {replicas}}}"),
            (_, _, Some(weight)) => format!("setCanaryScale{{weight: {weight}}}"),
            _ => "setCanaryScale".to_owned(),
        };
    }
    if let Some(route) = &step.set_header_route {
        return format!("setHeaderRoute: {}", route.name.as_deref().unwrap_or_default());
    }
    if let Some(route) = &step.set_mirror_route {
        return format!("setMirrorRoute: {}", route.name);
    }
    step.plugin.as_ref().map_or_else(|| "empty".to_owned(), |plugin| format!("plugin: {}", plugin.name))
}
