//! Faults of the steps.

use super::{Faults, MOST_ARGUMENT_BYTES, MOST_STEPS};
use crate::duration;
use crate::rollout::{CanaryStep, CanaryStrategy, RolloutAnalysis, StringMatch};

pub(super) fn check(strategy: &CanaryStrategy, faults: &mut Faults) {
    let steps = &strategy.steps;
    if steps.len() > MOST_STEPS {
        let text = format!("has {} steps; at most {MOST_STEPS} are carried out", steps.len());
        return faults.add("spec.strategy.canary.steps", steps.len(), &text);
    }
    for (index, step) in steps.iter().enumerate() {
        one(strategy, step, &format!("spec.strategy.canary.steps[{index}]"), faults);
    }
    if let Some(background) = &strategy.analysis {
        arguments(&background.analysis, "spec.strategy.canary.analysis", faults);
        let start = background.starting_step.unwrap_or(0);
        if start < 0 || usize::try_from(start).is_ok_and(|start| start > steps.len()) {
            let text = format!("is {start}; there are {} steps", steps.len());
            faults.add("spec.strategy.canary.analysis.startingStep", start, &text);
        }
    }
}

fn one(strategy: &CanaryStrategy, step: &CanaryStep, path: &str, faults: &mut Faults) {
    let CanaryStep {
        set_weight,
        pause,
        experiment,
        analysis,
        set_canary_scale,
        set_header_route,
        set_mirror_route,
        plugin,
    } = step;
    let main = [set_weight.is_some(), pause.is_some(), experiment.is_some(), analysis.is_some()];
    let main = main.into_iter().filter(|set| *set).count();
    let rest = set_canary_scale.is_some() || set_header_route.is_some() || set_mirror_route.is_some() || plugin.is_some();
    if main == 0 && !rest {
        let text = "is empty; it must have one of setWeight, pause, analysis, experiment, setCanaryScale, setHeaderRoute, setMirrorRoute, plugin";
        faults.add(path, "", text);
    }
    if main > 1 {
        faults.add(path, "", "has more than one of setWeight, pause, experiment and analysis; make a step of each");
    }
    if let Some(weight) = set_weight {
        let most = strategy.traffic_routing.as_ref().and_then(|routing| routing.max_traffic_weight).unwrap_or(100);
        if !(0..=most).contains(weight) {
            faults.add(format!("{path}.setWeight"), weight, &format!("is {weight}; it must be 0 to {most}"));
        }
    }
    if let Some(declared) = pause.as_ref().and_then(|pause| pause.duration.as_ref())
        && let Err(why) = duration::pause_duration(declared)
    {
        let text = format!("is {declared}: {why}; write seconds or a duration such as 10m or 1h30m");
        faults.add(format!("{path}.pause.duration"), declared, &text);
    }
    if let Some(analysis) = analysis {
        if analysis.templates.is_empty() {
            faults.add(format!("{path}.analysis.templates"), "", "is empty; name at least one template");
        }
        arguments(analysis, &format!("{path}.analysis"), faults);
    }
    if set_canary_scale.is_some() && strategy.traffic_routing.is_none() {
        faults.add(format!("{path}.setCanaryScale"), "", "works only with trafficRouting; remove it");
    }
    routes(strategy, step, path, faults);
}

fn routes(strategy: &CanaryStrategy, step: &CanaryStep, path: &str, faults: &mut Faults) {
    let header = step.set_header_route.as_ref().map(|route| route.name.clone().unwrap_or_default());
    let mirror = step.set_mirror_route.as_ref().map(|route| route.name.clone());
    let managed = strategy.traffic_routing.iter().flat_map(|routing| &routing.managed_routes);
    let managed: Vec<&str> = managed.map(|route| route.name.as_str()).collect();
    for (field, name) in [("setHeaderRoute", header), ("setMirrorRoute", mirror)] {
        let Some(name) = name.filter(|name| !managed.contains(&name.as_str())) else { continue };
        let text = format!("is {name:?}: Steps define a route that does not exist in spec.strategy.canary.trafficRouting.managedRoutes; add it there");
        faults.add(format!("{path}.{field}.name"), &name, &text);
    }
    for (index, block) in step.set_header_route.iter().flat_map(|route| &route.matches).enumerate() {
        let one = |value: &StringMatch| {
            let set = [&value.exact, &value.prefix, &value.regex];
            set.into_iter().filter(|text| text.as_ref().is_some_and(|text| !text.is_empty())).count() == 1
        };
        if !block.header_value.as_ref().is_some_and(one) {
            let path = format!("{path}.setHeaderRoute.match[{index}].headerValue");
            faults.add(path, "", "must have exactly one of exact, prefix and regex");
        }
    }
}

fn arguments(analysis: &RolloutAnalysis, path: &str, faults: &mut Faults) {
    let bytes: usize = analysis.args.iter().map(|arg| arg.name.len() + arg.value.as_ref().map_or(0, String::len)).sum();
    if bytes > MOST_ARGUMENT_BYTES {
        let text = format!("has {bytes} bytes of arguments; at most {MOST_ARGUMENT_BYTES} are taken");
        faults.add(format!("{path}.args"), bytes, &text);
    }
}
