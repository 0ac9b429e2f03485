//! Which analyses exist, and which the steps ask for.

use std::sync::Arc;

use serde_json::{Value, json};
use serin_analysis::template::{self, MergedSpec, TemplateMap};
use serin_analysis::{args, run};
use serin_crds::analysis::{AnalysisRun, AnalysisRunSpec, AnalysisTemplateSpec, TemplateRef};
use serin_crds::rollout::RolloutAnalysis;
use serin_crds::{names, unsupported};

use super::Observation;
use crate::api::CallError;
use crate::core::snapshot::{Analysis, RunSeen};
use crate::runs::Verdict;
use crate::runtime::key::Key;
use crate::runtime::projection::{AnalysisRunRow, Body, IndexKey};
use crate::runtime::reading::Reading;
use crate::world::World;

/// Why an analysis can't be made.
enum Gap {
    /// What is wrong with it.
    Faults(Vec<String>),
    /// What can't be read just now.
    Unreadable(String),
}

impl World {
    pub(super) fn look_at_analyses(&self, seen: &mut Observation) {
        let canary = seen.snapshot.canary().clone();
        let mut analysis = Analysis::default();
        let mut faults = Vec::new();
        if let Some(background) = &canary.analysis {
            match self.analysis(seen, &background.analysis, "spec.strategy.canary.analysis") {
                Ok(merged) => analysis.background = Some(Arc::new(demand(merged))),
                Err(Gap::Faults(found)) => faults.extend(found),
                Err(Gap::Unreadable(what)) => seen.snapshot.look.unreadable.push(what),
            }
        }
        for (index, step) in canary.steps.iter().enumerate() {
            let Some(wanted) = step.analysis.as_ref().filter(|wanted| !wanted.templates.is_empty()) else { continue };
            let path = format!("spec.strategy.canary.steps[{index}].analysis");
            match self.analysis(seen, wanted, &path) {
                Ok(merged) => analysis.steps.push((index, Arc::new(demand(run::bounded_for_step(merged))))),
                Err(Gap::Faults(found)) => faults.extend(found),
                Err(Gap::Unreadable(what)) => seen.snapshot.look.unreadable.push(what),
            }
        }
        seen.snapshot.look.unreadable.dedup();
        faults.dedup();
        seen.snapshot.faults.extend(faults);
        let owner = IndexKey::owner(&seen.snapshot.id.uid);
        let runs = match self.stores.runs.by_index(&owner) {
            Reading::Seen(runs) => runs,
            Reading::Absent => Vec::new(),
            // What we ourselves have found of a run counts, however old its object is.
            Reading::Unreadable(why) => {
                seen.snapshot.look.unreadable.push(format!("AnalysisRuns: {why}"));
                super::pods::last_known(&self.stores.runs, &owner)
            }
        };
        analysis.runs = runs.iter().map(|run| self.run(run, &analysis)).collect();
        analysis.runs.sort_by(|a, b| a.name.cmp(&b.name));
        analysis.occupied = self.memories.occupied(&seen.snapshot.id.uid);
        let demands = analysis.background.iter().chain(analysis.steps.iter().map(|(_, spec)| spec));
        let metrics = demands.flat_map(|spec| &spec.metrics);
        let missing =
            metrics.filter_map(|m| Some(format!("metric {} (provider {})", m.name, unsupported::provider(m)?)));
        analysis.unsupported = missing.collect();
        analysis.unsupported.dedup();
        seen.snapshot.analysis = analysis;
    }

    fn run(&self, row: &AnalysisRunRow, wanted: &Analysis) -> RunSeen {
        let step = row.label(names::STEP_INDEX_LABEL).and_then(|text| text.parse().ok());
        let spec = match step {
            None => wanted.background.as_ref(),
            Some(index) => wanted.steps.iter().find(|(at, _)| *at == index).map(|(_, spec)| spec),
        };
        let object: Option<AnalysisRun> = row.body.as_ref().and_then(|body| body.decode().ok());
        let same =
            |run: &AnalysisRun, spec: &AnalysisRunSpec| run.spec.metrics == spec.metrics && run.spec.args == spec.args;
        let mut seen = RunSeen {
            name: row.meta.key.name().to_owned(),
            hash: row.label(names::HASH_LABEL).unwrap_or_default().to_owned(),
            step,
            phase: row.phase,
            message: row.message.as_deref().unwrap_or_default().to_owned(),
            evidence: object.as_ref().map_or(row.evidence, |run| run::evidence(&run.status)),
            terminating: row.terminate,
            created: row.meta.created.unwrap_or_default(),
            current_spec: object.as_ref().zip(spec).is_some_and(|(run, spec)| same(run, spec)),
        };
        if let Some(verdict) = self.verdicts.get(&row.meta.uid) {
            believe(&mut seen, verdict);
        }
        seen
    }

    fn analysis(&self, seen: &Observation, wanted: &RolloutAnalysis, path: &str) -> Result<MergedSpec, Gap> {
        let templates = self.templates(seen, &wanted.templates).map_err(Gap::Unreadable)?;
        let text = |message: String| if message.starts_with(path) { message } else { format!("{path}: {message}") };
        let texts =
            |faults: Vec<serin_crds::Fault>| Gap::Faults(faults.into_iter().map(|fault| text(fault.message)).collect());
        let expanded = template::expand(&wanted.templates, &templates, path).map_err(texts)?;
        let origin = args::Origin {
            object: &seen.object,
            latest_hash: &seen.snapshot.revision.hash,
            stable_hash: seen.snapshot.status.stable_rs.as_deref().unwrap_or_default(),
        };
        let given = args::resolve(&wanted.args, origin, path).map_err(texts)?;
        let retention = &wanted.measurement_retention;
        let merged =
            template::merge(&given, &expanded.templates, &expanded.cluster_templates, &wanted.dry_run, retention);
        let mut merged = merged.map_err(texts)?;
        args::complete(&mut merged.args, origin).map_err(texts)?;
        Ok(merged)
    }

    /// The templates that are reachable from these references; what can't be read, if one can't.
    fn templates(&self, seen: &Observation, references: &[TemplateRef]) -> Result<TemplateMap, String> {
        let mut map = TemplateMap::default();
        let mut open: Vec<TemplateRef> = references.to_vec();
        while let Some(reference) = open.pop() {
            let name = reference.template_name.clone();
            let known = if reference.cluster_scope { &map.cluster } else { &map.namespaced };
            if known.contains_key(&name) {
                continue;
            }
            let body = if reference.cluster_scope {
                self.stores.cluster_templates.get(&Key::new("", &name)).map(|row| row.0.body.clone())
            } else {
                self.stores.templates.get(&seen.key(&name)).map(|row| row.body.clone())
            };
            if let Reading::Unreadable(why) = &body {
                return Err(format!("template {name}: {why}"));
            }
            let Some(spec) = body.seen().and_then(|body| spec_of(&body)) else { continue };
            open.extend(spec.templates.iter().cloned());
            let known = if reference.cluster_scope { &mut map.cluster } else { &mut map.namespaced };
            known.insert(name, spec);
        }
        Ok(map)
    }
}

/// Believes what we ourselves have found of a run, rather than what its object says: that may be old, or somebody else's.
fn believe(seen: &mut RunSeen, verdict: Verdict) {
    let phase = verdict.standing();
    if phase != seen.phase {
        seen.message = verdict.message.filter(|_| phase.is_terminal()).unwrap_or_default();
        seen.phase = phase;
    }
    seen.evidence = verdict.evidence;
}

/// The spec of a run that is made of joined templates.
fn demand(merged: MergedSpec) -> AnalysisRunSpec {
    let MergedSpec { metrics, args, dry_run, measurement_retention, .. } = merged;
    AnalysisRunSpec { metrics, args, dry_run, measurement_retention, ..AnalysisRunSpec::default() }
}

fn spec_of(body: &Body) -> Option<AnalysisTemplateSpec> {
    let mut value = body.value().ok()?;
    serde_json::from_value(value.get_mut("spec")?.take()).ok()
}

impl Observation {
    /// The `AnalysisRun` of a step, or of the background analysis, ready to be created.
    pub(crate) fn run_body(&self, name: &str, step: Option<usize>) -> Result<Value, CallError> {
        let s = &self.snapshot;
        let found = match step {
            None => s.analysis.background.as_ref(),
            Some(index) => s.analysis.steps.iter().find(|(at, _)| *at == index).map(|(_, spec)| spec),
        };
        let spec =
            found.ok_or_else(|| CallError::Unmakeable(format!("no analysis is declared for AnalysisRun {name}")))?;
        let wanted = match step {
            None => s.canary().analysis.as_ref().map(|background| &background.analysis),
            Some(index) => s.steps().get(index).and_then(|step| step.analysis.as_ref()),
        };
        let revision = s.new_rs().map_or(s.id.revision, |rs| rs.revision);
        let metadata = wanted.and_then(|wanted| wanted.analysis_run_metadata.as_ref());
        let purpose = step.map_or(run::Purpose::Background, run::Purpose::Step);
        let instance = self.object.pointer("/metadata/labels").and_then(|l| l.get(names::INSTANCE_ID_LABEL));
        let labels = run::labels(run::Identity {
            hash: &s.revision.hash,
            purpose,
            instance_id: instance.and_then(Value::as_str),
            metadata: metadata.map(|m| &m.labels),
            selector: s.spec.selector.as_ref().and_then(|selector| selector.match_labels.as_ref()),
        });
        let mut annotations = serde_json::Map::new();
        annotations.insert(names::REVISION_ANNOTATION.to_owned(), json!(revision.to_string()));
        let extra = metadata.map(|m| m.annotations.clone()).unwrap_or_default();
        annotations.extend(extra.into_iter().map(|(key, value)| (key, json!(value))));
        Ok(json!({
            "apiVersion": names::API_VERSION,
            "kind": "AnalysisRun",
            "metadata": {
                "name": name, "namespace": s.id.namespace, "labels": labels, "annotations": annotations,
                "ownerReferences": [self.owner_reference()],
            },
            "spec": &**spec,
            "status": run::initial_status(s.now),
        }))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serin_crds::names::AnalysisPhase::{self, Error, Failed, Inconclusive, Pending, Running, Successful};

    use super::*;

    /// What is seen of a run whose object says `said` and which we have found to stand as `found`.
    fn check(said: (AnalysisPhase, usize), found: (AnalysisPhase, usize, bool), expect: (AnalysisPhase, usize, &str)) {
        let mut seen = RunSeen {
            name: "run".into(),
            hash: String::new(),
            step: None,
            phase: said.0,
            message: "said".into(),
            evidence: said.1,
            terminating: false,
            created: Timestamp::UNIX_EPOCH,
            current_spec: true,
        };
        let (phase, evidence, stored) = found;
        believe(&mut seen, Verdict { phase, message: Some("found".into()), evidence, stored });
        assert_eq!((seen.phase, seen.evidence, &*seen.message), expect, "{said:?} {found:?}");
    }

    #[test]
    fn an_end_that_somebody_else_wrote_is_not_believed() {
        check((Successful, 99), (Running, 2, false), (Running, 2, ""));
        check((Successful, 99), (Pending, 0, false), (Pending, 0, ""));
        check((Failed, 9), (Running, 2, false), (Running, 2, ""));
        check((Successful, 99), (Failed, 3, true), (Failed, 3, "found"));
        check((Running, 0), (Failed, 3, true), (Failed, 3, "found"));
        check((Error, 0), (Successful, 3, true), (Successful, 3, "found"));
    }

    #[test]
    fn a_breach_counts_before_it_is_stored_and_a_success_does_not() {
        for bad in [Failed, Error, Inconclusive] {
            check((Running, 1), (bad, 2, false), (bad, 2, "found"));
        }
        check((Running, 1), (Successful, 2, false), (Running, 2, "said"));
        check((Successful, 99), (Successful, 2, false), (Running, 2, ""));
        check((Running, 1), (Successful, 2, true), (Successful, 2, "found"));
        check((Successful, 2), (Successful, 2, true), (Successful, 2, "said"));
    }
}
