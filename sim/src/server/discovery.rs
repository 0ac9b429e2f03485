//! What clients ask to learn what is served: groups, versions, resources, schemas and health.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Value, json};

use super::{
    Inner,
    kind::{GroupVersion, Kind},
    openapi,
    service::{Reply, whole},
};

type Groups = BTreeMap<String, BTreeMap<String, Vec<Arc<Kind>>>>;

/// Answers a path that names no resource.
pub fn answer(inner: &Arc<Inner>, path: &str, headers: &HeaderMap) -> Response<Reply> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let groups = groups(inner);
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let aggregated = accept.contains("as=APIGroupDiscoveryList") && accept.contains("v=v2");
    let found = match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => return plain(200, "ok"),
        ["version"] => Some(version()),
        ["api"] if aggregated => return aggregate(&groups, str::is_empty),
        ["apis"] if aggregated => return aggregate(&groups, |group| !group.is_empty()),
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})),
        ["apis"] => Some(json!({
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": groups.iter().filter(|(name, _)| !name.is_empty()).map(group).collect::<Vec<_>>(),
        })),
        ["apis", name] => groups.get_key_value(*name).map(|found| {
            let mut group = group(found);
            super::json::put(&mut group, &["kind"], "APIGroup".into());
            super::json::put(&mut group, &["apiVersion"], "v1".into());
            group
        }),
        ["api", version] => resources(&groups, "", version),
        ["apis", group, version] => resources(&groups, group, version),
        ["openapi", "v2"] => Some(openapi::v2()),
        ["openapi", "v3"] => Some(openapi::index(&groups)),
        ["openapi", "v3", "api", version] => openapi::v3(&groups, "", version),
        ["openapi", "v3", "apis", group, version] => openapi::v3(&groups, group, version),
        _ => None,
    };
    match found {
        Some(found) => whole(200, super::render::bytes(&found)),
        None => plain(404, "404 page not found\n"),
    }
}

fn plain(code: u16, text: &'static str) -> Response<Reply> {
    let mut response = whole(code, Bytes::from_static(text.as_bytes()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.0-serin-sim", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc", "platform": "simulated",
    })
}

fn groups(inner: &Arc<Inner>) -> Groups {
    let mut groups = Groups::new();
    for kind in inner.registry().visible() {
        for GroupVersion { group, version } in &kind.served {
            let versions = groups.entry(group.clone()).or_default();
            versions.entry(version.clone()).or_default().push(Arc::clone(kind));
        }
    }
    groups
}

/// Returns the versions of a group, stable ones first.
fn ordered(versions: &BTreeMap<String, Vec<Arc<Kind>>>) -> Vec<&String> {
    let mut names: Vec<&String> = versions.keys().collect();
    names.sort_by_key(|name| (name.contains("alpha"), name.contains("beta"), (*name).clone()));
    names
}

fn group((name, versions): (&String, &BTreeMap<String, Vec<Arc<Kind>>>)) -> Value {
    let version = |version: &&String| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = ordered(versions).iter().map(version).collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

fn subresources(kind: &Kind) -> Vec<(&'static str, &'static str)> {
    let status = kind.subresources.status.then_some(("status", ""));
    let scale = kind.subresources.scale.is_some().then_some(("scale", "Scale"));
    status.into_iter().chain(scale).collect()
}

fn resources(groups: &Groups, group: &str, version: &str) -> Option<Value> {
    let kinds = groups.get(group)?.get(version)?;
    let mut resources = Vec::new();
    for kind in kinds {
        let names = &kind.names;
        let mut resource = json!({
            "name": names.plural, "singularName": names.singular, "namespaced": kind.namespaced, "kind": names.kind,
            "verbs": VERBS, "storageVersionHash": "",
        });
        if !names.short.is_empty() {
            super::json::put(&mut resource, &["shortNames"], names.short.clone().into());
        }
        if !names.categories.is_empty() {
            super::json::put(&mut resource, &["categories"], names.categories.clone().into());
        }
        resources.push(resource);
        for (subresource, other) in subresources(kind) {
            let mut resource = json!({
                "name": format!("{}/{subresource}", names.plural), "singularName": "", "namespaced": kind.namespaced,
                "kind": if other.is_empty() { names.kind.as_str() } else { other }, "verbs": ["get", "patch", "update"],
            });
            if !other.is_empty() {
                super::json::put(&mut resource, &["group"], "autoscaling".into());
                super::json::put(&mut resource, &["version"], "v1".into());
            }
            resources.push(resource);
        }
    }
    let version = GroupVersion::new(group, version).api_version();
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}))
}

/// Answers with everything at once.
fn aggregate(groups: &Groups, wanted: impl Fn(&str) -> bool) -> Response<Reply> {
    let items: Vec<Value> = groups
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, versions)| {
            let version = |version: &&String| {
                let kinds = versions.get(*version).into_iter().flatten();
                let resources: Vec<Value> = kinds.map(|kind| aggregated(kind, name, version)).collect();
                json!({"version": version, "resources": resources, "freshness": "Current"})
            };
            let versions: Vec<Value> = ordered(versions).iter().map(version).collect();
            let metadata = if name.is_empty() { json!({"creationTimestamp": null}) } else { json!({"name": name}) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    });
    let mut response = whole(200, super::render::bytes(&list));
    let media = HeaderValue::from_static("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}

fn aggregated(kind: &Kind, group: &str, version: &str) -> Value {
    let of = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let names = &kind.names;
    let subresources: Vec<Value> = subresources(kind)
        .into_iter()
        .map(|(subresource, other)| {
            let shown = if other.is_empty() { of(group, version, &names.kind) } else { of("autoscaling", "v1", other) };
            json!({"subresource": subresource, "responseKind": shown, "verbs": ["get", "patch", "update"]})
        })
        .collect();
    json!({
        "resource": names.plural, "responseKind": of(group, version, &names.kind),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" }, "singularResource": names.singular,
        "verbs": VERBS, "shortNames": names.short, "categories": names.categories, "subresources": subresources,
    })
}
