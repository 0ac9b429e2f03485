//! `AnalysisRuns` and their templates.

use serde::Deserialize;
use serde_json::Value;
use serin_crds::names::{AnalysisPhase, HASH_LABEL, INSTANCE_ID_LABEL, ROLLOUT_TYPE_LABEL, STEP_INDEX_LABEL};

use super::compact::compact;
use super::raw::{Presence, RawObject};
use super::rollout::template_refs;
use super::{AnnotationValue, Body, CutError, IndexKey, MetaRow, MetricFigures, Place, Projection};

/// An `AnalysisRun`: how it stands, and the whole of it while it is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalysisRunRow {
    /// Metadata.
    pub meta: MetaRow,
    /// Those of its labels that rules read: hash, purpose, step, instance.
    pub labels: Box<[(&'static str, Box<str>)]>,
    /// Revision of the Rollout that it belongs to.
    pub revision: AnnotationValue<u64>,
    /// How it stands.
    pub phase: AnalysisPhase,
    /// Why the phase is what it is.
    pub message: Option<Box<str>>,
    /// Whether somebody asked for its end.
    pub terminate: bool,
    /// Completed measurements that count as evidence.
    pub evidence: usize,
    /// The object, while it is under way or has a time to live.
    pub body: Option<Body>,
    /// What `/metrics` tells of its metrics, for as long as it has a body.
    pub metrics: Box<[MetricFigures]>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SpecView {
    metrics: Value,
    terminate: Value,
    ttl_strategy: Presence,
}

impl AnalysisRunRow {
    /// Returns the value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| *name == key).map(|(_, value)| &**value)
    }
}

fn evidence(status: &Value) -> usize {
    serin_crds::analysis::AnalysisRunStatus::deserialize(status)
        .map_or(0, |status| serin_analysis::run::evidence(&status))
}

impl Projection for AnalysisRunRow {
    const PLACE: Place = Place::of("argoproj.io", "v1alpha1", "analysisruns", "AnalysisRun");

    fn project(json: &str) -> Result<Self, CutError> {
        let raw = RawObject::of(json)?;
        let (spec, status): (SpecView, Value) = (raw.spec_or_default(), raw.status_or_default());
        let phase = status.get("phase").and_then(|phase| AnalysisPhase::deserialize(phase).ok()).unwrap_or_default();
        let text = |name: &str| status.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let labels = &raw.metadata.labels;
        let labels = [
            (HASH_LABEL, &labels.hash),
            (ROLLOUT_TYPE_LABEL, &labels.purpose),
            (STEP_INDEX_LABEL, &labels.step),
            (INSTANCE_ID_LABEL, &labels.instance),
        ];
        let keep = !phase.is_terminal() || spec.ttl_strategy.is_some();
        Ok(Self {
            labels: labels
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (key, (&**value).into()))
                .collect(),
            revision: AnnotationValue::read(&raw.metadata.annotations.revision),
            phase,
            message: text("message").map(Into::into),
            evidence: evidence(&status),
            terminate: spec.terminate.as_bool().unwrap_or_default(),
            body: if keep { Some(compact(json, true)?.body) } else { None },
            metrics: if keep {
                MetricFigures::list(&spec.metrics, status.get("metricResults"))
            } else {
                Box::default()
            },
            meta: raw.metadata.project()?,
        })
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }
}

/// An `AnalysisTemplate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateRow {
    /// Metadata.
    pub meta: MetaRow,
    /// The templates that it names.
    pub refs: Box<[IndexKey]>,
    /// What `/metrics` tells of its metrics.
    pub metrics: Box<[MetricFigures]>,
    /// The object without managed fields and last applied configuration.
    pub body: Body,
}

/// A `ClusterAnalysisTemplate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterTemplateRow(pub TemplateRow);

#[derive(Default, Deserialize)]
#[serde(default)]
struct TemplateView {
    metrics: Value,
    templates: Value,
}

impl TemplateRow {
    fn read(json: &str) -> Result<Self, CutError> {
        let body = compact(json, false)?.body;
        let raw = RawObject::of_bytes(body.as_bytes())?;
        let TemplateView { metrics, templates } = raw.spec_or_default();
        let meta = raw.metadata.project()?;
        let refs = template_refs(&meta.key, Some(&templates)).into_boxed_slice();
        Ok(Self { meta, refs, metrics: MetricFigures::list(&metrics, None), body })
    }
}

impl Projection for TemplateRow {
    const PLACE: Place = Place::of("argoproj.io", "v1alpha1", "analysistemplates", "AnalysisTemplate");

    const BODY_IF_NAMED: bool = true;

    fn project(json: &str) -> Result<Self, CutError> {
        Self::read(json)
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }

    fn shed(&mut self) {
        self.body = Body::default();
    }

    fn is_whole(&self) -> bool {
        self.body.is_kept()
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        self.refs.to_vec()
    }
}

impl Projection for ClusterTemplateRow {
    const PLACE: Place = {
        let mut place = Place::of("argoproj.io", "v1alpha1", "clusteranalysistemplates", "ClusterAnalysisTemplate");
        place.namespaced = false;
        place
    };

    const BODY_IF_NAMED: bool = true;

    fn project(json: &str) -> Result<Self, CutError> {
        TemplateRow::read(json).map(Self)
    }

    fn meta(&self) -> &MetaRow {
        &self.0.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.0.meta
    }

    fn shed(&mut self) {
        self.0.shed();
    }

    fn is_whole(&self) -> bool {
        self.0.is_whole()
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        self.0.refs.to_vec()
    }
}
