//! A cluster as the commands see it: objects as JSON, by resource and name.

use std::collections::BTreeMap;

use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use http::Request;
use kube::{Client, core::WatchEvent};
use serde_json::Value;

use super::error::Failure;

/// A resource of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    group: &'static str,
    version: &'static str,
    plural: &'static str,
}

/// Rollouts.
pub const ROLLOUTS: Resource = Resource::ours("rollouts");
/// `AnalysisRuns`.
pub const ANALYSIS_RUNS: Resource = Resource::ours("analysisruns");
/// Experiments.
pub const EXPERIMENTS: Resource = Resource::ours("experiments");
/// `ReplicaSets`.
pub const REPLICA_SETS: Resource = Resource { group: "apps", version: "v1", plural: "replicasets" };
/// Deployments.
pub const DEPLOYMENTS: Resource = Resource { group: "apps", version: "v1", plural: "deployments" };
/// Pods.
pub const PODS: Resource = Resource { group: "", version: "v1", plural: "pods" };
/// Pod templates.
pub const POD_TEMPLATES: Resource = Resource { group: "", version: "v1", plural: "podtemplates" };

impl Resource {
    const fn ours(plural: &'static str) -> Self {
        Self { group: "argoproj.io", version: "v1alpha1", plural }
    }

    fn full_name(self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    fn path(self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) };
        let place = if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
        format!("{root}/{}{place}/{}", self.version, self.plural)
    }
}

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// A JSON merge patch.
    Merge,
    /// A JSON patch: a list of operations.
    Operations,
}

/// Which objects of a resource are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those of this namespace; of all namespaces when empty.
    pub namespace: String,
    /// Those with these labels, as a selector.
    pub labels: String,
    /// The one with this name.
    pub name: String,
}

impl Selection {
    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.labels.is_empty() {
            query.append_pair("labelSelector", &self.labels);
        }
        if !self.name.is_empty() {
            query.append_pair("fieldSelector", &format!("metadata.name={}", self.name));
        }
        query.finish()
    }
}

/// A cluster, seen from one namespace.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: String,
}

impl Cluster {
    /// The cluster behind a client.
    pub fn new(client: Client, namespace: &str) -> Self {
        Self { client, namespace: namespace.to_owned() }
    }

    /// The namespace that commands are about.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Reads one object.
    ///
    /// # Errors
    /// When it is not there, or the server refuses or does not answer; so for all the others.
    pub async fn get(&self, resource: Resource, name: &str) -> Result<Value, Failure> {
        self.send(resource, Request::get(self.object(resource, name)), Vec::new()).await
    }

    /// Reads a list: its objects, and the version that it stands for.
    pub async fn list(&self, resource: Resource, selection: &Selection) -> Result<(Vec<Value>, String), Failure> {
        let uri = format!("{}?{}", resource.path(&selection.namespace), selection.query());
        let mut list = self.send(resource, Request::get(uri), Vec::new()).await?;
        let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok((items, version)),
            _ => Ok((Vec::new(), version)),
        }
    }

    /// Changes part of an object, or of its status.
    pub async fn patch(
        &self,
        resource: Resource,
        name: &str,
        subresource: &str,
        (kind, patch): (PatchKind, &Value),
    ) -> Result<Value, Failure> {
        let kind = match kind {
            PatchKind::Merge => "application/merge-patch+json",
            PatchKind::Operations => "application/json-patch+json",
        };
        let tail = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
        let request = Request::patch(self.object(resource, name) + &tail).header("Content-Type", kind);
        self.send(resource, request, patch.to_string().into_bytes()).await
    }

    /// Replaces an object by what it was read as and changed to.
    pub async fn replace(&self, resource: Resource, name: &str, object: &Value) -> Result<Value, Failure> {
        let request = Request::put(self.object(resource, name)).header("Content-Type", "application/json");
        self.send(resource, request, object.to_string().into_bytes()).await
    }

    fn object(&self, resource: Resource, name: &str) -> String {
        // A name of the API needs no escaping; whatever else is typed must not become another path.
        let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        format!("{}/{name}", resource.path(&self.namespace))
    }

    async fn send(&self, resource: Resource, request: http::request::Builder, body: Vec<u8>) -> Result<Value, Failure> {
        let request = request.body(body).map_err(|error| Failure::Usage(error.to_string()))?;
        self.client.request(request).await.map_err(|error| Failure::of(error, &resource.full_name()))
    }
}

/// The objects of a selection, kept up to date by a watch.
pub struct Followed {
    cluster: Cluster,
    resource: Resource,
    selection: Selection,
    objects: BTreeMap<(String, String), Value>,
    watch: Option<BoxStream<'static, Result<WatchEvent<Value>, kube::Error>>>,
}

impl Followed {
    /// Reads the objects once; watching begins with [`Followed::change`].
    pub async fn start(cluster: &Cluster, resource: Resource, selection: Selection) -> Result<Self, Failure> {
        let (cluster, objects) = (cluster.clone(), BTreeMap::new());
        let mut followed = Self { cluster, resource, selection, objects, watch: None };
        followed.read().await?;
        Ok(followed)
    }

    /// The objects as they are now.
    pub fn objects(&self) -> impl Iterator<Item = &Value> {
        self.objects.values()
    }

    /// Waits until something has changed. Whoever stops waiting misses nothing.
    pub fn change(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async {
            loop {
                let Some(watch) = &mut self.watch else {
                    // What happened between two watches is in the list.
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    self.read().await?;
                    return Ok(());
                };
                match watch.next().await {
                    Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                        self.objects.insert(key(&object), object);
                        return Ok(());
                    }
                    Some(Ok(WatchEvent::Deleted(object))) => {
                        self.objects.remove(&key(&object));
                        return Ok(());
                    }
                    Some(Ok(WatchEvent::Bookmark(_))) => {}
                    Some(Ok(WatchEvent::Error(_)) | Err(_)) | None => self.watch = None,
                }
            }
        })
    }

    async fn read(&mut self) -> Result<(), Failure> {
        let (objects, version) = self.cluster.list(self.resource, &self.selection).await?;
        self.objects = objects.into_iter().map(|object| (key(&object), object)).collect();
        let query = self.selection.query();
        let uri =
            format!("{}?watch=true&resourceVersion={version}&{query}", self.resource.path(&self.selection.namespace));
        let request = Request::get(uri).body(Vec::new()).map_err(|error| Failure::Usage(error.to_string()))?;
        let events = self.cluster.client.request_events::<Value>(request).await;
        let events = events.map_err(|error| Failure::of(error, &self.resource.full_name()))?;
        self.watch = Some(events.boxed());
        Ok(())
    }
}

fn key(object: &Value) -> (String, String) {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/metadata/namespace"), text("/metadata/name"))
}
