//! What is put into a fresh API server: kinds, roles, namespaces.

use std::{fs, path::PathBuf, time::Duration};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::{
    api::core::v1::ServiceAccount, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, Client, api::ListParams};
use serde_json::{Value, json};

use super::{Parts, WorldError, mesh, objects, wait::eventually};

const SERIN_ROLE: &str = include_str!("../../../controller/role.yaml");
const SERIN_BINDING: &str = include_str!("serin-binding.yaml");

/// Creates Istio's kinds, ours where they are wanted, and the controller's role; waits until the kinds are served.
pub(super) async fn kinds_and_roles(client: &Client, parts: &Parts, ours: bool) -> Result<(), WorldError> {
    let mut wanted = [objects::parse(SERIN_ROLE)?, objects::parse(SERIN_BINDING)?].concat();
    let ours = if ours { our_kinds()? } else { Vec::new() };
    for file in [vec![parts.istio_crds()?], ours].concat() {
        let text = fs::read_to_string(&file).map_err(WorldError::io(format!("reading {}", file.display())))?;
        wanted.extend(objects::parse(&text)?);
    }
    namespace(client, "istio-system").await?;
    futures::stream::iter(wanted)
        .map(|object| {
            let client = client.clone();
            async move { objects::create(&client, &object).await }
        })
        .buffer_unordered(8)
        .try_for_each(async |_| Ok(()))
        .await?;
    eventually("the CRDs' establishment", Duration::from_secs(30), || established(client)).await?;
    for object in objects::parse(mesh::PLAIN)? {
        objects::create(client, &object).await?;
    }
    Ok(())
}

/// The generated files of our kinds, those of the loop into Git too.
fn our_kinds() -> Result<Vec<PathBuf>, WorldError> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crds/generated");
    let mut files = Vec::new();
    for folder in [folder.join("gitops"), folder] {
        let what = || format!("reading {}", folder.display());
        for entry in fs::read_dir(&folder).map_err(WorldError::io(what()))? {
            let file = entry.map_err(WorldError::io(what()))?.path();
            if file.extension().is_some_and(|kind| kind == "yaml") {
                files.push(file);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Says which kinds are not served yet.
async fn established(client: &Client) -> Result<(), String> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let list = api.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
    let waiting: Vec<_> =
        list.into_iter().filter(|kind| !is_established(kind)).filter_map(|kind| kind.metadata.name).collect();
    if waiting.is_empty() { Ok(()) } else { Err(format!("not yet served: {}", waiting.join(", "))) }
}

fn is_established(kind: &CustomResourceDefinition) -> bool {
    let status = kind.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref());
    conditions
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.type_ == "Established" && condition.status == "True")
}

/// Creates a namespace.
pub(super) async fn namespace(client: &Client, name: &str) -> Result<Value, WorldError> {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    objects::create(client, &object).await
}

/// Waits for the service account that the pods of a namespace run under.
pub(super) async fn account(client: &Client, namespace: &str) -> Result<(), WorldError> {
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let what = format!("the default service account in {namespace}");
    eventually(&what, Duration::from_secs(30), async || api.get("default").await).await.map(drop)
}
