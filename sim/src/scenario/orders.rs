//! Orders of people and tools, as the requests that `kubectl`, its plugin and Argo CD send.

use std::fmt::Write as _;

use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};

use super::{
    Apply, Delete, NAMESPACE, Patch, PatchType, Target, Who,
    world::{World, WorldError},
};
use crate::invariants::view::{self, flag, list, number, text};

/// The plural of a kind, as paths have it.
pub fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if lower.ends_with('s') => format!("{lower}es"),
        None => format!("{lower}s"),
    }
}

/// Where a kind lives: group and version, plural.
///
/// # Errors
/// When the kind is none that scenarios use and names no version.
fn place(kind: &str, api_version: Option<&str>) -> Result<(String, String), WorldError> {
    let known = match kind {
        "Service" | "Secret" | "ConfigMap" | "Pod" => Some("v1"),
        "ReplicaSet" | "Deployment" => Some("apps/v1"),
        "Rollout" | "AnalysisTemplate" | "AnalysisRun" | "Experiment" => Some("argoproj.io/v1alpha1"),
        "VirtualService" | "DestinationRule" => Some("networking.istio.io/v1alpha3"),
        _ => None,
    };
    let version = api_version
        .or(known)
        .ok_or_else(|| WorldError::new(format!("where {kind} lives is not known; name its apiVersion")))?;
    Ok((version.to_owned(), plural(kind)))
}

fn path(target: &Target) -> Result<String, WorldError> {
    let (version, plural) = place(&target.kind, target.api_version.as_deref())?;
    let root = if version.contains('/') { "apis" } else { "api" };
    let mut path = format!("/{root}/{version}/namespaces/{NAMESPACE}/{plural}");
    for part in [Some(target.name.as_str()), target.subresource.as_deref()].into_iter().flatten() {
        if !part.is_empty() {
            let _ = write!(path, "/{part}");
        }
    }
    Ok(path)
}

/// The target that names an object.
pub(super) fn target(object: &Value) -> Target {
    let part = |pointer: &str| text(object, pointer).to_owned();
    Target {
        api_version: Some(part("/apiVersion")),
        kind: part("/kind"),
        name: part("/metadata/name"),
        subresource: None,
    }
}

/// Sends orders as one user.
pub(super) struct Sender {
    client: Client,
    who: Who,
}

impl Sender {
    pub(super) fn new<W: World>(world: &W, who: Who) -> Result<Self, WorldError> {
        Ok(Self { client: world.client(who.name())?, who })
    }

    async fn send(&self, method: Method, uri: String, media: &str, body: &Value) -> Result<Value, WorldError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
            WorldError::because(format!("{} can't {method} {uri}", self.who.name()), source)
        };
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method.clone()).uri(&uri).header("content-type", media);
        let request = request.body(bytes).map_err(|error| failed(error.into()))?;
        self.client.request::<Value>(request).await.map_err(|error| failed(error.into()))
    }

    pub(super) async fn create(&self, object: &Value) -> Result<(), WorldError> {
        let whole = Target { name: String::new(), ..target(object) };
        let uri = format!("{}?fieldManager={}", path(&whole)?, self.who.name());
        self.send(Method::POST, uri, "application/json", object).await.map(drop)
    }

    pub(super) async fn get(&self, target: &Target) -> Result<Value, WorldError> {
        self.send(Method::GET, path(target)?, "application/json", &Value::Null).await
    }

    pub(super) async fn delete(&self, delete: &Delete) -> Result<(), WorldError> {
        let options =
            json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": delete.cascade.policy()});
        self.send(Method::DELETE, path(&delete.target)?, "application/json", &options).await.map(drop)
    }

    pub(super) async fn patch(&self, patch: &Patch) -> Result<(), WorldError> {
        let uri = format!("{}?fieldManager={}", path(&patch.target)?, self.who.name());
        self.send(Method::PATCH, uri, patch.kind.media_type(), &patch.body).await.map(drop)
    }

    /// Applies a manifest and takes every field in it, as `kubectl apply --server-side --force-conflicts` does.
    pub(super) async fn apply(&self, apply: &Apply) -> Result<(), WorldError> {
        let object = apply.manifest.object.as_ref().unwrap_or(&Value::Null);
        let uri = format!("{}?fieldManager={}&force=true", path(&target(object))?, self.who.name());
        self.send(Method::PATCH, uri, "application/apply-patch+yaml", object).await.map(drop)
    }

    /// Merges into a Rollout, or into its status.
    pub(super) async fn merge(
        &self,
        rollout: &Target,
        subresource: Option<&str>,
        body: Value,
    ) -> Result<(), WorldError> {
        let target = Target { subresource: subresource.map(str::to_owned), ..rollout.clone() };
        self.patch(&Patch { target, kind: PatchType::Merge, body, by: self.who }).await
    }

    /// The object that holds the pod template of a Rollout: itself, or the Deployment that it refers to.
    async fn holder(&self, rollout: &Target) -> Result<Target, WorldError> {
        let object = self.get(rollout).await?;
        let target = |name: &str| Target {
            api_version: None,
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
            subresource: None,
        };
        let referred = object.pointer("/spec/workloadRef/name").and_then(Value::as_str);
        Ok(referred.map_or_else(|| rollout.clone(), target))
    }

    /// Puts an image into the first container of a Rollout, or of the Deployment that it refers to: reads, edits, writes the
    /// whole object, again on conflict.
    pub(super) async fn set_image(&self, rollout: &Target, image: &str) -> Result<(), WorldError> {
        let mut tries = 0;
        loop {
            let holder = self.holder(rollout).await?;
            let mut object = self.get(&holder).await?;
            let container = object.pointer_mut("/spec/template/spec/containers/0").and_then(Value::as_object_mut);
            let container =
                container.ok_or_else(|| WorldError::new("the Rollout has no container to set an image in"))?;
            container.insert("image".to_owned(), image.into());
            let uri = format!("{}?fieldManager={}", path(&holder)?, self.who.name());
            tries += 1;
            match self.send(Method::PUT, uri, "application/json", &object).await {
                Err(error) if tries < 5 && error.conflict() => {}
                other => return other.map(drop),
            }
        }
    }

    /// Ends a pause or a step, in the way that fits the Rollout's state.
    ///
    /// # Source
    /// `kubectl argo rollouts promote`: the table of the contract's section 9.
    pub(super) async fn promote(&self, rollout: &Target, full: bool) -> Result<(), WorldError> {
        let object = self.get(rollout).await?;
        if flag(&object, "/spec/paused") {
            self.merge(rollout, None, json!({"spec": {"paused": false}})).await?;
        }
        let body = if full {
            let differs = text(&object, "/status/currentPodHash") != text(&object, "/status/stableRS");
            differs.then(|| json!({"status": {"promoteFull": true}}))
        } else {
            promotion(&object)
        };
        match body {
            Some(body) => self.merge(rollout, Some("status"), body).await,
            None => Ok(()),
        }
    }

    /// Puts back a `ReplicaSet`'s template.
    pub(super) async fn undo(&self, rollout: &Target, set: &Value) -> Result<(), WorldError> {
        let mut template = set.pointer("/spec/template").cloned().unwrap_or(Value::Null);
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove(view::HASH_LABEL);
        }
        let body = json!([{"op": "replace", "path": "/spec/template", "value": template}]);
        self.patch(&Patch { target: self.holder(rollout).await?, kind: PatchType::Json, body, by: self.who }).await
    }
}

/// The status patch of `promote`, if there is anything to promote.
fn promotion(rollout: &Value) -> Option<Value> {
    let steps = i64::try_from(list(rollout, "/spec/strategy/canary/steps").len()).unwrap_or(i64::MAX);
    let next = (number(rollout, "/status/currentStepIndex").unwrap_or_default() + 1).min(steps);
    let paused = !list(rollout, "/status/pauseConditions").is_empty();
    let run = text(rollout, "/status/canary/currentStepAnalysisRunStatus/status");
    if run == "Inconclusive" && paused && flag(rollout, "/status/controllerPause") {
        let status = json!({"pauseConditions": null, "controllerPause": false, "currentStepIndex": next});
        return Some(json!({"status": status}));
    }
    if paused {
        return Some(json!({"status": {"pauseConditions": null}}));
    }
    (steps > 0).then(|| json!({"status": {"pauseConditions": null, "currentStepIndex": next}}))
}

/// The `ReplicaSet` to go back to: the named revision's, or that of the second highest.
pub(super) fn revision<'a>(sets: impl Iterator<Item = &'a Value>, wanted: Option<u64>) -> Option<&'a Value> {
    let number = |set: &Value| view::annotation(set, view::REVISION).parse::<u64>().ok();
    let mut sets: Vec<_> = sets.filter_map(|set| Some((number(set)?, set))).collect();
    sets.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    match wanted {
        Some(wanted) => sets.iter().find(|(number, _)| *number == wanted).map(|(_, set)| *set),
        None => sets.get(1).map(|(_, set)| *set),
    }
}
