//! Objects of any kind, as YAML and as JSON, sent by any user.

use kube::{
    Client,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::Value;

use super::{User, World, WorldError};

/// The objects in a YAML text of one or several documents.
///
/// # Errors
/// When it isn't YAML.
pub fn parse(yaml: &str) -> Result<Vec<Value>, WorldError> {
    let read: Vec<Value> = serde_saphyr::from_multiple(yaml).map_err(WorldError::malformed("a manifest"))?;
    Ok(read.into_iter().filter(|object| !object.is_null()).collect())
}

/// A short name for messages: `kind/name`.
fn title(object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    format!("{}/{}", text("/kind"), text("/metadata/name"))
}

/// Kinds that belong to no namespace.
const CLUSTER_WIDE: [&str; 7] = [
    "Namespace",
    "Node",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterAnalysisTemplate",
    "PriorityClass",
];

/// The path of an object's collection, such as `/apis/apps/v1/namespaces/default/replicasets`.
fn collection(object: &Value) -> Result<String, WorldError> {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    let (Some(version), Some(kind)) = (text("/apiVersion"), text("/kind")) else {
        return Err(WorldError::Malformed { what: title(object), why: "apiVersion or kind is missing".to_owned() });
    };
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let namespace = text("/metadata/namespace").unwrap_or("default");
    let namespace = (!CLUSTER_WIDE.contains(&kind)).then_some(namespace);
    Ok(<DynamicObject as kube::Resource>::url_path(&resource, namespace))
}

/// The path of an object, such as `/apis/apps/v1/namespaces/default/replicasets/web`.
///
/// # Errors
/// When it doesn't say its version, its kind or its name.
pub fn path_of(object: &Value) -> Result<String, WorldError> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    let name = name.ok_or_else(|| WorldError::Malformed { what: title(object), why: "it has no name".to_owned() })?;
    Ok(format!("{}/{name}", collection(object)?))
}

impl World {
    /// Creates one object as this user; answers it as it is stored.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn create_object(&self, user: User, object: &Value) -> Result<Value, WorldError> {
        create(&self.client(user), object).await
    }

    /// Creates every object of a YAML text as this user; the namespace is `default` where none is said.
    ///
    /// # Errors
    /// When the text isn't YAML, or the API server refuses one of the objects.
    pub async fn create(&self, user: User, yaml: &str) -> Result<(), WorldError> {
        let client = self.client(user);
        for object in parse(yaml)? {
            create(&client, &object).await?;
        }
        Ok(())
    }

    /// Applies every object of a YAML text as this user, server-side, taking over fields that others own.
    ///
    /// # Errors
    /// When the text isn't YAML, or the API server refuses one of the objects.
    pub async fn apply(&self, user: User, yaml: &str) -> Result<(), WorldError> {
        let client = self.client(user);
        for object in parse(yaml)? {
            let what = format!("applying {}", title(&object));
            let name = object.pointer("/metadata/name").and_then(Value::as_str);
            let path = format!(
                "{}/{}?fieldManager={}&force=true",
                collection(&object)?,
                name.unwrap_or_default(),
                user.name()
            );
            send(&client, "PATCH", &path, ("application/apply-patch+yaml", &object))
                .await
                .map_err(WorldError::kube(what))?;
        }
        Ok(())
    }

    /// Patches an object as this user. `path` is its path, such as `/api/v1/namespaces/default/services/web`; `change` is
    /// a JSON Patch when it is a list, else a merge patch. Answers the object.
    ///
    /// # Errors
    /// When the API server refuses the patch.
    pub async fn patch(&self, user: User, path: &str, change: &Value) -> Result<Value, WorldError> {
        let kind = if change.is_array() { "application/json-patch+json" } else { "application/merge-patch+json" };
        let client = self.client(user);
        send(&client, "PATCH", path, (kind, change)).await.map_err(WorldError::kube(format!("patching {path}")))
    }

    /// Reads an object, or a list, as the harness.
    ///
    /// # Errors
    /// When it isn't there.
    pub async fn get(&self, path: &str) -> Result<Value, WorldError> {
        let client = self.client(User::Admin);
        send(&client, "GET", path, ("application/json", &Value::Null))
            .await
            .map_err(WorldError::kube(format!("reading {path}")))
    }

    /// Deletes an object as this user, as `kubectl delete` does.
    ///
    /// # Errors
    /// When it isn't there.
    pub async fn delete(&self, user: User, path: &str) -> Result<(), WorldError> {
        let client = self.client(user);
        let options = serde_json::json!({"propagationPolicy": "Background"});
        send(&client, "DELETE", path, ("application/json", &options))
            .await
            .map(drop)
            .map_err(WorldError::kube(format!("deleting {path}")))
    }
}

/// Creates one object.
pub(super) async fn create(client: &Client, object: &Value) -> Result<Value, WorldError> {
    let path = format!("{}?fieldManager=world", collection(object)?);
    send(client, "POST", &path, ("application/json", object))
        .await
        .map_err(WorldError::kube(format!("creating {}", title(object))))
}

async fn send(client: &Client, method: &str, path: &str, (kind, body): (&str, &Value)) -> Result<Value, kube::Error> {
    let body = match body {
        Value::Null => Vec::new(),
        body => body.to_string().into_bytes(),
    };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::CONTENT_TYPE, kind)
        .body(body)
        .map_err(kube::Error::HttpError)?;
    client.request(request).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(object: &Value, expect: &str) {
        assert_eq!(collection(object).unwrap(), expect);
    }

    #[test]
    fn a_collection_has_the_path_of_its_group_and_namespace() {
        check(
            &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}),
            "/api/v1/namespaces/default/services",
        );
        check(
            &json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"namespace": "shop"}}),
            "/apis/networking.istio.io/v1/namespaces/shop/virtualservices",
        );
        check(
            &json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}),
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        );
        check(
            &json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun", "metadata": {}}),
            "/apis/argoproj.io/v1alpha1/namespaces/default/analysisruns",
        );
    }
}
