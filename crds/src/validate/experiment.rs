//! Experiments.

use super::{Fault, Faults, analysis, canary::unique};
use crate::{
    experiment::{Experiment, ExperimentSpec, ExperimentTemplate},
    names::defaults,
    template::wrong_kinds,
};

/// Every fault in the spec of an Experiment; none if it can be carried out.
pub fn experiment(experiment: &Experiment) -> Vec<Fault> {
    let mut faults = Faults::default();
    let ExperimentSpec { templates, duration, progress_deadline_seconds, analyses, .. } = &experiment.spec;
    if templates.is_empty() {
        faults.missing("spec.templates", "an experiment needs at least one template");
    }
    if let Some(duration) = duration {
        analysis::a_duration(duration, "spec.duration", &mut faults);
    }
    let at = |index: usize| format!("spec.templates[{index}]");
    unique(templates.iter().map(|one| one.name.as_str()), |index| format!("{}.name", at(index)), &mut faults);
    let deadline = progress_deadline_seconds.unwrap_or(defaults::PROGRESS_DEADLINE_SECONDS);
    for (index, template) in templates.iter().enumerate() {
        self::template(template, &at(index), deadline, &mut faults);
    }
    unique(analyses.iter().map(|one| one.name.as_str()), |index| format!("spec.analyses[{index}].name"), &mut faults);
    for (index, _) in analyses.iter().enumerate().filter(|(_, one)| one.template_name.is_empty()) {
        faults.missing(&format!("spec.analyses[{index}].templateName"), "give the name of an analysis template");
    }
    faults.into_vec()
}

fn template(template: &ExperimentTemplate, at: &str, deadline: i32, faults: &mut Faults) {
    let selects = template.selector.as_ref().is_some_and(|selector| {
        selector.match_labels.as_ref().is_some_and(|labels| !labels.is_empty())
            || selector.match_expressions.as_ref().is_some_and(|list| !list.is_empty())
    });
    if !selects {
        faults.missing(&format!("{at}.selector"), "give the labels of the pods in matchLabels");
    }
    if let Some(ready) = template.min_ready_seconds.filter(|ready| *ready > deadline) {
        let rule = format!("it must not be greater than spec.progressDeadlineSeconds, which is {deadline}");
        faults.wrong(&format!("{at}.minReadySeconds"), ready, &rule);
    }
    faults.at_least(0, template.replicas, &format!("{at}.replicas"));
    faults.extend(wrong_kinds(&template.template, &format!("{at}.template")));
}
