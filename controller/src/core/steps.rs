//! Steps: which weight each stands for, and how each is called.

use serin_crds::int_or_string::IntOrString;
use serin_crds::rollout::CanaryStep;

use super::weight::Weight;

/// The weight that holds at `index`: that of the last `setWeight` at or before it; all traffic at the end.
pub fn weight_at(steps: &[CanaryStep], index: usize) -> Weight {
    if steps.is_empty() || index >= steps.len() {
        return Weight::FULL;
    }
    last_weight(steps.get(..=index).unwrap_or_default())
}

/// The weight that held before the step at `index` was entered.
pub fn weight_before(steps: &[CanaryStep], index: usize) -> Weight {
    last_weight(steps.get(..index.min(steps.len())).unwrap_or_default())
}

fn last_weight(steps: &[CanaryStep]) -> Weight {
    let last = steps.iter().rev().find_map(|step| step.set_weight);
    last.map_or(Weight::ZERO, |weight| Weight::clamped(i64::from(weight)))
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
