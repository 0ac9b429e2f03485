//! Joins analysis templates into the spec of one run.

use std::collections::{BTreeMap, BTreeSet};

use serin_crds::Fault;
use serin_crds::analysis::{AnalysisTemplateSpec, Argument, DryRun, MeasurementRetention, Metric, TemplateRef};

/// How deep templates may be nested.
const DEEPEST: usize = 32;

/// How many bytes the names and values of all arguments of a run may take: a run has to fit into one object.
const LARGEST_ARGS: usize = 256 * 1024;

/// Where templates are looked up by name.
pub trait TemplateLookup {
    /// The `AnalysisTemplate` of this name in the namespace of the run.
    fn namespaced(&self, name: &str) -> Option<&AnalysisTemplateSpec>;
    /// The `ClusterAnalysisTemplate` of this name.
    fn cluster(&self, name: &str) -> Option<&AnalysisTemplateSpec>;
}

/// Templates by name, as a lookup.
#[derive(Clone, Debug, Default)]
pub struct TemplateMap {
    /// `AnalysisTemplates`.
    pub namespaced: BTreeMap<String, AnalysisTemplateSpec>,
    /// `ClusterAnalysisTemplates`.
    pub cluster: BTreeMap<String, AnalysisTemplateSpec>,
}

impl TemplateLookup for TemplateMap {
    fn namespaced(&self, name: &str) -> Option<&AnalysisTemplateSpec> {
        self.namespaced.get(name)
    }

    fn cluster(&self, name: &str) -> Option<&AnalysisTemplateSpec> {
        self.cluster.get(name)
    }
}

/// A template with the name by which users know it.
#[derive(Clone, Debug)]
pub struct Named<'a> {
    /// Kind and name: `AnalysisTemplate 'error-rate'`.
    pub name: String,
    /// What it holds.
    pub spec: &'a AnalysisTemplateSpec,
}

/// Templates in the order in which they are joined.
#[derive(Clone, Debug, Default)]
pub struct Expanded<'a> {
    /// `AnalysisTemplates`.
    pub templates: Vec<Named<'a>>,
    /// `ClusterAnalysisTemplates`.
    pub cluster_templates: Vec<Named<'a>>,
}

/// What a run is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergedSpec {
    /// The metrics, with arguments not yet filled in.
    pub metrics: Vec<Metric>,
    /// The arguments.
    pub args: Vec<Argument>,
    /// Metrics that are measured but do not count.
    pub dry_run: Vec<DryRun>,
    /// How many measurements to keep per metric.
    pub measurement_retention: Vec<MeasurementRetention>,
    /// Names of given arguments that no template has; they are left out, as in Argo Rollouts.
    pub ignored_args: Vec<String>,
}

/// Finds the templates that are referred to, and those that they refer to, each once.
///
/// `path` is where the references stand, such as `spec.strategy.canary.analysis`.
///
/// # Errors
/// A fault for each template that is missing and for each that includes itself.
pub fn expand<'a>(
    references: &[TemplateRef],
    lookup: &'a dyn TemplateLookup,
    path: &str,
) -> Result<Expanded<'a>, Vec<Fault>> {
    let mut expansion =
        Expansion { lookup, found: Expanded::default(), seen: BTreeSet::new(), line: Vec::new(), faults: Vec::new() };
    expansion.visit(references, path);
    if expansion.faults.is_empty() { Ok(expansion.found) } else { Err(expansion.faults) }
}

type Key = (bool, String);

struct Expansion<'a> {
    lookup: &'a dyn TemplateLookup,
    found: Expanded<'a>,
    seen: BTreeSet<Key>,
    /// From the outermost template to the one that is being expanded.
    line: Vec<Key>,
    faults: Vec<Fault>,
}

impl Expansion<'_> {
    fn visit(&mut self, references: &[TemplateRef], path: &str) {
        for (index, reference) in references.iter().enumerate() {
            let at = format!("{path}.templates[{index}].templateName");
            let key = (reference.cluster_scope, reference.template_name.clone());
            if let Some(start) = self.line.iter().position(|on_line| *on_line == key) {
                self.circle(start, &key, at);
            } else if self.line.len() >= DEEPEST {
                let message = format!("{at}: templates are nested more than {DEEPEST} deep");
                self.faults.push(Fault { path: at, value: key.1, message });
            } else if self.seen.insert(key.clone()) {
                self.enter(key, at);
            }
        }
    }

    fn enter(&mut self, key: Key, at: String) {
        let (cluster, name) = &key;
        let found = if *cluster { self.lookup.cluster(name) } else { self.lookup.namespaced(name) };
        let Some(spec) = found else {
            let message = format!("{at}: Invalid value: \"{name}\": {} '{name}' not found", kind(*cluster));
            self.faults.push(Fault { path: at, value: name.clone(), message });
            return;
        };
        let name = format!("{} '{name}'", kind(*cluster));
        let inner = format!("{name} spec");
        let place = if *cluster { &mut self.found.cluster_templates } else { &mut self.found.templates };
        place.push(Named { name, spec });
        self.line.push(key);
        self.visit(&spec.templates, &inner);
        self.line.pop();
    }

    fn circle(&mut self, start: usize, key: &Key, at: String) {
        let (cluster, name) = key;
        let line = self.line.iter().skip(start).chain([key]);
        let names: Vec<&str> = line.map(|(_, name)| name.as_str()).collect();
        let message = format!(
            "{at}: {} '{name}' includes itself: {}; remove one of these references",
            kind(*cluster),
            names.join(" -> ")
        );
        self.faults.push(Fault { path: at, value: name.clone(), message });
    }
}

fn kind(cluster: bool) -> &'static str {
    if cluster { "ClusterAnalysisTemplate" } else { "AnalysisTemplate" }
}

/// Joins templates: `AnalysisTemplates` first, then `ClusterAnalysisTemplates`, each in the given order.
///
/// Given arguments override those of the templates; arguments that no template has are left out.
///
/// # Errors
/// All faults at once: metrics or rules of the same name, contradicting or missing values of arguments.
pub fn merge(
    given: &[Argument],
    templates: &[Named<'_>],
    cluster_templates: &[Named<'_>],
    dry_run: &[DryRun],
    retention: &[MeasurementRetention],
) -> Result<MergedSpec, Vec<Fault>> {
    let named = || templates.iter().chain(cluster_templates);
    let all = || named().map(|template| template.spec);
    let mut faults = Vec::new();
    let metrics: Vec<Metric> = all().flat_map(|spec| &spec.metrics).cloned().collect();
    twice(metrics.iter().map(|metric| &*metric.name), "two metrics have the same name", "metrics", &mut faults);
    let dry_run: Vec<DryRun> = dry_run.iter().chain(all().flat_map(|spec| &spec.dry_run)).cloned().collect();
    let names = dry_run.iter().map(|rule| &*rule.metric_name);
    twice(names, "two Dry-Run metric rules have the same metric name", "dryRun", &mut faults);
    let retention: Vec<MeasurementRetention> =
        retention.iter().chain(all().flat_map(|spec| &spec.measurement_retention)).cloned().collect();
    let names = retention.iter().map(|rule| &*rule.metric_name);
    let rules = "two Measurement Retention metric rules have the same metric name";
    twice(names, rules, "measurementRetention", &mut faults);

    let mut args = declared(named(), &mut faults);
    let ignored_args = give(&mut args, given);
    check_values(&args, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(MergedSpec { metrics, args, dry_run, measurement_retention: retention, ignored_args })
}

fn twice<'a>(names: impl Iterator<Item = &'a str>, message: &str, path: &str, faults: &mut Vec<Fault>) {
    let (mut seen, mut told) = (BTreeSet::new(), BTreeSet::new());
    for name in names {
        if !seen.insert(name) && told.insert(name) {
            let message = format!("{message} '{name}'");
            faults.push(Fault { path: path.to_owned(), value: name.to_owned(), message });
        }
    }
}

/// The arguments of all templates by name, in the order in which they first appear; the first value wins, and where
/// there is none, the last reference.
fn declared<'a>(templates: impl Iterator<Item = &'a Named<'a>>, faults: &mut Vec<Fault>) -> Vec<Argument> {
    let mut joined: Vec<(Argument, &str)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (arg, template) in templates.flat_map(|template| template.spec.args.iter().map(|arg| (arg, &*template.name))) {
        let place = places.get(&*arg.name).and_then(|place| joined.get_mut(*place));
        let Some((known, source)) = place else {
            places.insert(&arg.name, joined.len());
            joined.push((arg.clone(), template));
            continue;
        };
        match (&known.value, &arg.value) {
            (Some(known), Some(other)) if known != other => {
                let message = format!(
                    "Argument `{}` specified multiple times with different values: '{known}', '{other}' \
                     (in {source} and in {template})",
                    arg.name
                );
                faults.push(Fault { path: format!("args.{}", arg.name), value: other.clone(), message });
            }
            // Not only its value: a reference that came before would outlive it, and a Secret goes before a value.
            (None, _) if arg.value.is_some() || arg.value_from.is_some() => {
                (*known, *source) = (arg.clone(), template);
            }
            _ => {}
        }
    }
    joined.into_iter().map(|(arg, _)| arg).collect()
}

/// Overrides declared arguments by given ones; returns the names of those that nobody declared.
fn give(args: &mut [Argument], given: &[Argument]) -> Vec<String> {
    let mut ignored = Vec::new();
    for arg in given {
        match args.iter_mut().find(|declared| declared.name == arg.name) {
            None => ignored.push(arg.name.clone()),
            Some(declared) if arg.value.is_some() => declared.value.clone_from(&arg.value),
            Some(declared) if arg.value_from.is_some() => {
                declared.value_from.clone_from(&arg.value_from);
            }
            Some(_) => {}
        }
    }
    ignored
}

fn check_values(args: &[Argument], faults: &mut Vec<Fault>) {
    for arg in args.iter().filter(|arg| arg.value.is_none() && arg.value_from.is_none()) {
        let message = format!("args.{} was not resolved; give it a value where the templates are named", arg.name);
        faults.push(Fault { path: format!("args.{}", arg.name), value: String::new(), message });
    }
    let size = |arg: &Argument| arg.name.len() + arg.value.as_deref().map_or(0, str::len);
    let total: usize = args.iter().map(size).sum();
    if let Some(largest) = args.iter().max_by_key(|arg| size(arg)).filter(|_| total > LARGEST_ARGS) {
        let message = format!(
            "args take {total} bytes; the arguments of one analysis may take {LARGEST_ARGS}, \
             and args.{} alone takes {}: shorten it",
            largest.name,
            size(largest)
        );
        faults.push(Fault { path: format!("args.{}", largest.name), value: String::new(), message });
    }
}

#[cfg(test)]
mod tests;
