//! The steps of a canary.

use super::{Faults, MOST_STEPS, analysis, canary::unique};
use crate::{
    duration,
    names::{SpecRef, defaults},
    rollout::{
        CanaryStep, CanaryStrategy, ExperimentStep, ExperimentStepTemplate, HeaderRoutingMatch, Pause, SetCanaryScale,
        SetHeaderRoute, SetMirrorRoute, StringMatch, TrafficRouting,
    },
};

pub(super) fn check(canary: &CanaryStrategy, faults: &mut Faults) {
    let CanaryStrategy { steps, traffic_routing, .. } = canary;
    let at = "spec.strategy.canary.steps";
    if steps.len() > MOST_STEPS {
        return faults.say(at, &format!("has {} steps; at most {MOST_STEPS} can be carried out", steps.len()));
    }
    for (index, step) in steps.iter().enumerate() {
        Step { at: format!("{at}[{index}]"), routing: traffic_routing.as_ref() }.check(step, faults);
    }
}

/// Where a step stands, and what it can rely on.
struct Step<'a> {
    at: String,
    routing: Option<&'a TrafficRouting>,
}

impl Step<'_> {
    fn check(&self, step: &CanaryStep, faults: &mut Faults) {
        self.kinds(step, faults);
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
        if let Some(weight) = set_weight {
            self.weight(*weight, faults);
        }
        if let Some(pause) = pause {
            self.pause(pause, faults);
        }
        if let Some(experiment) = experiment {
            self.experiment(experiment, faults);
        }
        if let Some(run) = analysis {
            analysis::of_rollout(run, &format!("{}.analysis", self.at), faults);
        }
        if let Some(scale) = set_canary_scale {
            self.scale(scale, faults);
        }
        if let Some(route) = set_header_route {
            self.header(route, faults);
        }
        if let Some(route) = set_mirror_route {
            self.mirror(route, faults);
        }
        if plugin.as_ref().is_some_and(|plugin| plugin.name.is_empty()) {
            faults.missing(&format!("{}.plugin.name", self.at), "give the name of the plugin");
        }
    }

    fn kinds(&self, step: &CanaryStep, faults: &mut Faults) {
        let exclusive: Vec<&str> = [
            (step.set_weight.is_some(), "setWeight"),
            (step.pause.is_some(), "pause"),
            (step.experiment.is_some(), "experiment"),
            (step.analysis.is_some(), "analysis"),
        ]
        .into_iter()
        .filter_map(|(given, name)| given.then_some(name))
        .collect();
        if exclusive.len() > 1 {
            let sentence = format!(
                "has {}; a step can have only one of them, so make them steps of their own",
                exclusive.join(" and ")
            );
            faults.say(&self.at, &sentence);
        }
        let other = step.set_canary_scale.is_some()
            || step.set_header_route.is_some()
            || step.set_mirror_route.is_some()
            || step.plugin.is_some();
        if exclusive.is_empty() && !other {
            faults.say(
                &self.at,
                "is empty or has an unknown kind; it must have one of setWeight, pause, experiment, analysis, \
                 setCanaryScale, setHeaderRoute, setMirrorRoute and plugin",
            );
        }
    }

    fn weight(&self, weight: i32, faults: &mut Faults) {
        let most = self.routing.and_then(|routing| routing.max_traffic_weight).unwrap_or(defaults::MAX_TRAFFIC_WEIGHT);
        if !(0..=most).contains(&weight) {
            faults.wrong(&format!("{}.setWeight", self.at), weight, &format!("it must be 0 to {most}"));
        }
    }

    fn pause(&self, pause: &Pause, faults: &mut Faults) {
        if let Some(duration) = &pause.duration
            && let Err(error) = duration::pause_duration(duration)
        {
            faults.wrong(&format!("{}.pause.duration", self.at), duration, &error.to_string());
        }
    }

    fn scale(&self, scale: &SetCanaryScale, faults: &mut Faults) {
        let at = format!("{}.setCanaryScale", self.at);
        if self.routing.is_none() {
            faults.say(&at, "needs trafficRouting; without it the weight is the number of pods");
        }
        faults.at_least(0, scale.weight, &format!("{at}.weight"));
        faults.at_least(0, scale.replicas, &format!("{at}.replicas"));
    }

    fn header(&self, route: &SetHeaderRoute, faults: &mut Faults) {
        let SetHeaderRoute { name, matches } = route;
        let at = format!("{}.setHeaderRoute", self.at);
        let able = |routing: &TrafficRouting| {
            routing.istio.is_some() || routing.alb.is_some() || routing.apisix.is_some() || !routing.plugins.is_empty()
        };
        if !self.routing.is_some_and(able) {
            faults.say(&at, "needs trafficRouting by istio, alb, apisix or plugins");
        }
        self.managed(name.as_deref(), &at, faults);
        let only_exact = self.routing.is_some_and(|routing| routing.alb.is_some());
        for (index, HeaderRoutingMatch { header_name, header_value }) in matches.iter().enumerate() {
            let at = format!("{at}.match[{index}]");
            if header_name.is_empty() {
                faults.missing(&format!("{at}.headerName"), "give the name of the header");
            }
            let path = format!("{at}.headerValue");
            match header_value {
                Some(value) => one_way(value, &path, faults),
                None => faults.missing(&path, "give exact, prefix or regex"),
            }
            if only_exact && header_value.as_ref().is_some_and(|value| value.exact.is_none()) {
                faults.say(&path, "must be exact; alb can match nothing else");
            }
        }
    }

    fn mirror(&self, route: &SetMirrorRoute, faults: &mut Faults) {
        let SetMirrorRoute { name, matches, percentage: _ } = route;
        let at = format!("{}.setMirrorRoute", self.at);
        if !self.routing.is_some_and(|routing| routing.istio.is_some() || !routing.plugins.is_empty()) {
            faults.say(&at, "needs trafficRouting by istio or plugins");
        }
        self.managed(Some(name).filter(|name| !name.is_empty()).map(String::as_str), &at, faults);
        for (index, route) in matches.iter().enumerate() {
            for (field, value) in [("method", &route.method), ("path", &route.path)] {
                if let Some(value) = value {
                    one_way(value, &format!("{at}.match[{index}].{field}"), faults);
                }
            }
        }
    }

    /// The route must be one that the controller may make.
    fn managed(&self, name: Option<&str>, at: &str, faults: &mut Faults) {
        let path = format!("{at}.name");
        let Some(name) = name else {
            return faults.missing(&path, "give the name of a route in trafficRouting.managedRoutes");
        };
        let routes = self.routing.map_or(&[][..], |routing| &routing.managed_routes);
        if !routes.iter().any(|route| route.name == name) {
            faults.wrong(&path, name, "add it to spec.strategy.canary.trafficRouting.managedRoutes");
        }
    }

    fn experiment(&self, experiment: &ExperimentStep, faults: &mut Faults) {
        let at = format!("{}.experiment", self.at);
        let ExperimentStep { templates, duration, analyses, scale_down_delay_seconds, .. } = experiment;
        if templates.is_empty() {
            faults.missing(&format!("{at}.templates"), "an experiment needs at least one template");
        }
        if let Some(duration) = duration {
            analysis::a_duration(duration, &format!("{at}.duration"), faults);
        }
        faults.at_least(0, *scale_down_delay_seconds, &format!("{at}.scaleDownDelaySeconds"));
        unique(templates.iter().map(|one| one.name.as_str()), |index| format!("{at}.templates[{index}].name"), faults);
        for (index, template) in templates.iter().enumerate() {
            self.experiment_template(template, &format!("{at}.templates[{index}]"), faults);
        }
        unique(analyses.iter().map(|one| one.name.as_str()), |index| format!("{at}.analyses[{index}].name"), faults);
        for (index, one) in analyses.iter().enumerate() {
            let at = format!("{at}.analyses[{index}]");
            if one.template_name.is_empty() {
                faults.missing(&format!("{at}.templateName"), "give the name of an analysis template");
            }
            analysis::arguments(&one.args, &at, faults);
        }
    }

    fn experiment_template(&self, template: &ExperimentStepTemplate, at: &str, faults: &mut Faults) {
        let weighable = |routing: &TrafficRouting| {
            routing.smi.is_some() || routing.alb.is_some() || routing.istio.is_some() || !routing.plugins.is_empty()
        };
        faults.at_least(0, template.replicas, &format!("{at}.replicas"));
        if let SpecRef::Other(word) = &template.spec_ref {
            faults.wrong(&format!("{at}.specRef"), word, "it must be stable or canary");
        }
        if let Some(weight) = template.weight {
            if !self.routing.is_some_and(weighable) {
                let rule = "it needs trafficRouting by smi, alb, istio or plugins";
                faults.wrong(&format!("{at}.weight"), weight, rule);
            }
            faults.at_least(0, Some(weight), &format!("{at}.weight"));
        }
    }
}

/// Exactly one way to compare.
fn one_way(value: &StringMatch, path: &str, faults: &mut Faults) {
    let StringMatch { exact, prefix, regex } = value;
    let given = [exact, prefix, regex].into_iter().flatten().count();
    if given != 1 {
        faults.say(path, "must have exactly one of exact, prefix and regex");
    }
}
