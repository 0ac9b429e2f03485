//! Rollouts: kept whole but compact, with the names that they refer to.

use serde::Deserialize;
use serde_json::Value;

use super::compact::compact;
use super::raw::RawObject;
use super::{Body, CutError, IndexKey, MetaRow, Place, Projection, RolloutFigures};
use crate::runtime::key::Key;

/// A Rollout: metadata, references, and the object as compact JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutRow {
    /// Metadata.
    pub meta: MetaRow,
    /// What it refers to: Services, routes, templates, a workload.
    pub refs: Box<[IndexKey]>,
    /// The object without managed fields and last applied configuration.
    pub body: Body,
    /// Whether `status.abort` is set.
    pub aborts: bool,
    /// Whether the recorded revision is not the stable one.
    pub updating: bool,
    /// What `/metrics` tells of it.
    pub figures: RolloutFigures,
}

/// What is read of a spec; the template is passed over.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SpecView {
    replicas: Value,
    strategy: Value,
    workload_ref: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusView {
    abort: Value,
    #[serde(rename = "stableRS")]
    stable: Value,
    #[serde(rename = "currentPodHash")]
    current: Value,
}

impl Projection for RolloutRow {
    const PLACE: Place = Place::of("argoproj.io", "v1alpha1", "rollouts", "Rollout");

    fn project(json: &str) -> Result<Self, CutError> {
        let body = compact(json, true)?.body;
        let raw = RawObject::of_bytes(body.as_bytes())?;
        let (spec, status): (SpecView, StatusView) = (raw.spec_or_default(), raw.status_or_default());
        let meta = raw.metadata.project()?;
        let figures = RolloutFigures::of(&raw, &spec.strategy, spec.replicas.as_i64());
        let (refs, aborts) = (Refs::of(&meta.key, &spec), status.abort.as_bool().unwrap_or_default());
        let updating = status.stable != status.current;
        Ok(Self { meta, refs, body, aborts, updating, figures })
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        self.refs.to_vec()
    }

    fn orders_abort(&self) -> bool {
        self.aborts
    }
}

/// Collects the objects that a Rollout names.
struct Refs<'a> {
    rollout: &'a Key,
    found: Vec<IndexKey>,
}

impl<'a> Refs<'a> {
    fn of(rollout: &'a Key, spec: &SpecView) -> Box<[IndexKey]> {
        let mut refs = Self { rollout, found: Vec::new() };
        refs.workload(&spec.workload_ref);
        if let Some(canary) = spec.strategy.get("canary") {
            refs.canary(canary);
        }
        if let Some(blue_green) = spec.strategy.get("blueGreen") {
            refs.blue_green(blue_green);
        }
        refs.found.sort_unstable();
        refs.found.dedup();
        refs.found.into_boxed_slice()
    }

    fn workload(&mut self, workload: &Value) {
        let kind = match workload.get("kind").and_then(Value::as_str) {
            Some("Deployment") => "Deployment",
            Some("ReplicaSet") => "ReplicaSet",
            Some("PodTemplate") => "PodTemplate",
            _ => return,
        };
        self.named(kind, workload.get("name"));
    }

    fn canary(&mut self, canary: &Value) {
        for path in ["/canaryService", "/stableService"] {
            self.named("Service", canary.pointer(path));
        }
        for path in ["/pingPong/pingService", "/pingPong/pongService"] {
            self.named("Service", canary.pointer(path));
        }
        if let Some(istio) = canary.pointer("/trafficRouting/istio") {
            self.named("DestinationRule", istio.pointer("/destinationRule/name"));
            let one = istio.pointer("/virtualService").into_iter();
            for service in one.chain(items(istio.get("virtualServices"))) {
                self.virtual_service(service.get("name"));
            }
        }
        if let Some(nginx) = canary.pointer("/trafficRouting/nginx") {
            let one = nginx.get("stableIngress").into_iter();
            for name in one.chain(items(nginx.get("stableIngresses"))).filter_map(Value::as_str) {
                self.found.push(IndexKey::reference("Ingress", &self.rollout.beside(name)));
                let canary = crate::routers::nginx::canary_name(self.rollout.name(), name);
                self.found.push(IndexKey::reference("Ingress", &self.rollout.beside(&canary)));
            }
        }
        self.templates(canary.pointer("/analysis/templates"));
        for step in items(canary.get("steps")) {
            self.templates(step.pointer("/analysis/templates"));
            self.templates(step.pointer("/experiment/analyses"));
        }
    }

    fn blue_green(&mut self, blue_green: &Value) {
        for path in ["/activeService", "/previewService"] {
            self.named("Service", blue_green.pointer(path));
        }
        for path in ["/prePromotionAnalysis/templates", "/postPromotionAnalysis/templates"] {
            self.templates(blue_green.pointer(path));
        }
    }

    /// Takes in templates of an analysis (or analyses of an experiment: both name a template the same way).
    fn templates(&mut self, templates: Option<&Value>) {
        self.found.extend(template_refs(self.rollout, templates));
    }

    fn virtual_service(&mut self, name: Option<&Value>) {
        if let Some(name) = name.and_then(Value::as_str) {
            self.found.push(IndexKey::Ref("VirtualService", virtual_service_key(self.rollout, name)));
        }
    }

    fn named(&mut self, kind: &'static str, name: Option<&Value>) {
        if let Some(name) = name.and_then(Value::as_str).filter(|name| !name.is_empty()) {
            self.found.push(IndexKey::Ref(kind, self.rollout.beside(name)));
        }
    }
}

/// Finds the `VirtualService` that a name in a Rollout means: `name`, `name.namespace`, with or without
/// `.cluster.local`; the last part is the namespace.
pub fn virtual_service_key(rollout: &Key, name: &str) -> Key {
    let name = name.strip_suffix(".cluster.local").unwrap_or(name);
    match name.rsplit_once('.') {
        Some((name, namespace)) if !name.is_empty() && !namespace.is_empty() => Key::new(namespace, name),
        _ => rollout.beside(name),
    }
}

/// Lists the templates that a list of references names.
pub(super) fn template_refs(from: &Key, templates: Option<&Value>) -> Vec<IndexKey> {
    let refs = items(templates).filter_map(|reference| {
        let name = reference.get("templateName").and_then(Value::as_str).filter(|name| !name.is_empty())?;
        Some(match reference.get("clusterScope").and_then(Value::as_bool) {
            Some(true) => IndexKey::Ref("ClusterAnalysisTemplate", Key::new("", name)),
            _ => IndexKey::Ref("AnalysisTemplate", from.beside(name)),
        })
    });
    refs.collect()
}

fn items(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}
