//! Checks: what is wrong with one object, and between objects that stand together.

use serde_json::Value;
use serin_analysis::provider::promql::Reading;
use serin_crds::analysis::{AnalysisTemplateSpec, Metric};
use serin_crds::decode::{self, Fault};
use serin_crds::rollout::{CanaryStrategy, Rollout, RolloutAnalysis};
use serin_crds::{unsupported, validate};

use super::finding::Level;

/// What a check has found, before it has a place.
pub struct Found {
    pub level: Level,
    pub check: &'static str,
    pub path: String,
    pub message: String,
}

impl Found {
    fn error(check: &'static str, fault: Fault) -> Self {
        Self { level: Level::Error, check, path: fault.path, message: fault.message }
    }

    fn warning(check: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, check, path: path.into(), message: message.into() }
    }
}

/// The objects of all files, which may name each other.
pub struct Together<'a>(pub &'a [&'a Value]);

impl<'a> Together<'a> {
    /// The object of a kind and name, in the namespace of another object; where neither names one, they are the same.
    fn find(&self, kind: &str, name: &str, beside: &Value) -> Option<&'a Value> {
        self.of(kind, beside).find(|object| text(object, "/metadata/name") == name)
    }

    fn of(&self, kind: &str, beside: &Value) -> impl Iterator<Item = &'a Value> {
        let place = text(beside, "/metadata/namespace");
        let near = move |object: &&&Value| {
            let other = text(object, "/metadata/namespace");
            text(object, "/kind") == kind
                && (kind.starts_with("Cluster") || place.is_empty() || other.is_empty() || other == place)
        };
        self.0.iter().filter(near).copied()
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Everything about one object.
pub fn object(object: &Value, all: &Together<'_>) -> Vec<Found> {
    match text(object, "/kind") {
        "Rollout" => rollout(object, all),
        "AnalysisTemplate" | "ClusterAnalysisTemplate" => template(object),
        "AnalysisRun" => {
            let (spec, faults) = salvaged(object.get("spec"));
            found(faults, validate::analysis_run(&spec))
        }
        _ => Vec::new(),
    }
}

/// A spec as our type, with paths that begin at the object.
fn salvaged<T: serde::de::DeserializeOwned + Default>(spec: Option<&Value>) -> (T, Vec<Fault>) {
    let (decoded, faults) = decode::salvage(spec.cloned().unwrap_or(Value::Null));
    let whole = |fault: Fault| Fault {
        path: format!("spec.{}", fault.path),
        message: format!("spec.{}", fault.message),
        ..fault
    };
    (decoded, faults.into_iter().map(whole).collect())
}

fn found(decoding: Vec<Fault>, rules: Vec<Fault>) -> Vec<Found> {
    let wrong = decoding.into_iter().map(|fault| Found::error("wrong-type", fault));
    wrong.chain(rules.into_iter().map(|fault| Found::error("invalid-spec", fault))).collect()
}

fn rollout(object: &Value, all: &Together<'_>) -> Vec<Found> {
    let (rollout, faults): (Rollout, _) = decode::salvage(object.clone());
    let mut all_found = found(faults, validate::rollout(&rollout));
    let notes = validate::notes(&rollout).into_iter();
    all_found.extend(notes.map(|note| Found::warning("unknown-pod-field", note.path, note.message)));
    for path in unsupported::fields(&rollout) {
        let message = format!("{path} is not built yet; the Rollout is held: nothing that runs changes");
        all_found.push(Found::warning("unsupported-field", path, message));
    }
    if let Some(canary) = &rollout.spec.strategy.canary {
        all_found.extend(references(object, canary, all));
        all_found.extend(steps(&rollout, canary));
        let in_steps = canary.steps.iter().enumerate().filter_map(|(index, step)| {
            step.analysis.as_ref().map(|analysis| (format!("spec.strategy.canary.steps[{index}].analysis"), analysis))
        });
        for (path, analysis) in in_steps {
            all_found.extend(arguments(object, &path, analysis, all));
        }
    }
    all_found
}

/// Services, routes and subsets that a Rollout names, as far as the files have objects of that kind.
fn references(object: &Value, canary: &CanaryStrategy, all: &Together<'_>) -> Vec<Found> {
    const AT: &str = "spec.strategy.canary";
    let mut found = Vec::new();
    let own = [("stableService", &canary.stable_service), ("canaryService", &canary.canary_service)];
    let own = own.into_iter().filter_map(|(field, name)| Some((field, name.as_deref()?)));
    let pair = canary.ping_pong.iter().flat_map(|pair| {
        [("pingPong.pingService", pair.ping_service.as_str()), ("pingPong.pongService", pair.pong_service.as_str())]
    });
    for (field, name) in own.chain(pair).filter(|(_, name)| !name.is_empty()) {
        if all.of("Service", object).next().is_some() && all.find("Service", name, object).is_none() {
            let message = format!("{AT}.{field} is {name}; these files have Services, and none of that name");
            found.push(Found::warning("missing-service", format!("{AT}.{field}"), message));
        }
    }
    let Some(istio) = canary.traffic_routing.as_ref().and_then(|routing| routing.istio.as_ref()) else { return found };
    let at = format!("{AT}.trafficRouting.istio");
    let one = istio.virtual_service.iter().map(|service| (format!("{at}.virtualService"), service));
    let many = istio.virtual_services.iter().enumerate();
    let many = many.map(|(index, service)| (format!("{at}.virtualServices[{index}]"), service));
    for (path, wanted) in one.chain(many) {
        let Some(service) = all.find("VirtualService", &wanted.name, object) else { continue };
        let known: Vec<&str> = list(service, "/spec/http").iter().map(|route| text(route, "/name")).collect();
        for (index, route) in wanted.routes.iter().enumerate().filter(|(_, route)| !known.contains(&route.as_str())) {
            let path = format!("{path}.routes[{index}]");
            let names = known.iter().filter(|name| !name.is_empty()).copied().collect::<Vec<_>>().join(", ");
            let names =
                if names.is_empty() { "its routes have no names".to_owned() } else { format!("it has {names}") };
            let rule = format!("VirtualService {} has no such http route; {names}", wanted.name);
            found.push(Found::error("missing-route", Fault::new(path, Some(route), &rule)));
        }
    }
    if let Some(rule) = &istio.destination_rule
        && let Some(there) = all.find("DestinationRule", &rule.name, object)
    {
        let known: Vec<&str> = list(there, "/spec/subsets").iter().map(|subset| text(subset, "/name")).collect();
        for (field, subset) in
            [("canarySubsetName", &rule.canary_subset_name), ("stableSubsetName", &rule.stable_subset_name)]
        {
            if !known.contains(&subset.as_str()) {
                let why = format!("DestinationRule {} declares no such subset; it has {}", rule.name, known.join(", "));
                let path = format!("{at}.destinationRule.{field}");
                found.push(Found::error("missing-subset", Fault::new(path, Some(subset), &why)));
            }
        }
    }
    found
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Steps that are valid and hardly meant so.
fn steps(rollout: &Rollout, canary: &CanaryStrategy) -> Vec<Found> {
    let mut found = Vec::new();
    let replicas = i64::from(rollout.spec.replicas.unwrap_or(1));
    for (index, step) in canary.steps.iter().enumerate() {
        let Some(weight) = step.set_weight.map(i64::from).filter(|weight| (1..100).contains(weight)) else { continue };
        if canary.traffic_routing.is_none() && replicas > 0 && replicas * weight < 100 {
            let path = format!("spec.strategy.canary.steps[{index}].setWeight");
            let share = 100 / (replicas + 1).max(1);
            let message = format!(
                "{path} is {weight}; without trafficRouting the share is a number of pods, and one of {replicas} is more \
                 (about {share} % while both run): add replicas or trafficRouting, or raise the weight"
            );
            found.push(Found::warning("weight-below-one-pod", path, message));
        }
    }
    let measured = canary.steps.iter().any(|step| step.analysis.is_some() || step.experiment.is_some());
    let waits = canary.steps.iter().any(|step| step.pause.as_ref().is_some_and(|pause| pause.duration.is_none()));
    if !canary.steps.is_empty() && !measured && !waits && canary.analysis.is_none() {
        let path = "spec.strategy.canary.steps";
        let message = format!(
            "{path} measure nothing and wait for nobody, so that a bad version is promoted as a good one; add an analysis, or \
             a pause without a duration"
        );
        found.push(Found::warning("nothing-measured", path, message));
    }
    found
}

/// Arguments that the templates of an analysis need and that nobody gives.
fn arguments(object: &Value, path: &str, analysis: &RolloutAnalysis, all: &Together<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (index, named) in analysis.templates.iter().enumerate() {
        let kind = if named.cluster_scope { "ClusterAnalysisTemplate" } else { "AnalysisTemplate" };
        let name = named.template_name.as_str();
        let at = format!("{path}.templates[{index}].templateName");
        let Some(template) = all.find(kind, name, object) else {
            if all.of(kind, object).next().is_some() {
                let message = format!("{at} is {name}; these files have {kind}s, and none of that name");
                found.push(Found::warning("missing-template", at, message));
            }
            continue;
        };
        for argument in list(template, "/spec/args") {
            let needed = text(argument, "/name");
            let given = analysis.args.iter().any(|given| given.name == needed);
            if !given && argument.get("value").is_none() && argument.get("valueFrom").is_none() {
                let rule = format!("{kind} {name} needs the argument {needed}; add it to {path}.args");
                found.push(Found::error("missing-argument", Fault::new(at.clone(), Some(&name), &rule)));
            }
        }
    }
    found
}

fn template(object: &Value) -> Vec<Found> {
    let (spec, faults): (AnalysisTemplateSpec, _) = salvaged(object.get("spec"));
    let mut all = found(faults, validate::analysis_template(&spec));
    let dry = |metric: &Metric| spec.dry_run.iter().any(|dry| dry.metric_name == metric.name);
    for (index, metric) in spec.metrics.iter().enumerate().filter(|(_, metric)| !dry(metric)) {
        let path = format!("spec.metrics[{index}]");
        if metric.success_condition.is_none() && metric.failure_condition.is_none() && judged(metric) {
            let message = format!(
                "{path} has neither successCondition nor failureCondition, so that every answer is a success; add one, such as \
                 successCondition: result[0] < 0.05"
            );
            all.push(Found::warning("cannot-fail", path.clone(), message));
        }
        let query =
            metric.provider.prometheus.as_ref().and_then(|prometheus| prometheus.query.as_deref()).unwrap_or_default();
        let (query, arguments) = filled(query);
        if let Some(fault) = Reading::of(&query).self_division {
            let path = format!("{path}.provider.prometheus.query");
            let text = arguments.iter().fold(fault.text, |text, (number, argument)| text.replace(number, argument));
            all.push(Found::warning("divided-by-itself", path.clone(), format!("{path}: {text}")));
        }
    }
    all
}

/// Whether the conditions of a metric are what judges it; jobs and plugins have verdicts of their own.
fn judged(metric: &Metric) -> bool {
    metric.provider.job.is_none() && metric.provider.plugin.is_none() && metric.provider.kayenta.is_none()
}

/// A query whose arguments have a value, so that it can be read; and what stands for each of them.
fn filled(query: &str) -> (String, Vec<(String, String)>) {
    let mut text = String::with_capacity(query.len());
    let (mut rest, mut arguments) = (query, Vec::new());
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((argument, behind)) = after.split_once("}}") else { break };
        let argument = format!("{{{{{argument}}}}}");
        // A number fits wherever an argument may stand; the same one wherever it stands.
        let known = arguments.iter().position(|(_, known)| *known == argument);
        let number = (971_000 + known.unwrap_or(arguments.len())).to_string();
        text = text + before + &number;
        if known.is_none() {
            arguments.push((number, argument));
        }
        rest = behind;
    }
    (text + rest, arguments)
}
