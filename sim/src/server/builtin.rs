//! The server's own kinds: their names, and the few rules in which they differ.

use k8s_openapi::api::{
    apps::v1 as apps, coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
    networking::v1 as networking,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    defaults,
    kind::{GroupVersion, Kind, Names, Origin, ScalePaths, Subresources},
};

/// The rules of a kind of the server's own.
#[derive(Clone, Debug)]
pub struct Builtin {
    /// Reads an object as its Go type would, which drops unknown fields and refuses wrong types.
    pub typed: fn(Value) -> Result<Value, String>,
    /// Fills in what the user left out; the writer owns it.
    pub defaults: fn(&mut Value),
    /// Fills in what the server decides; nobody owns it.
    pub begin: fn(&mut Value),
    /// Whether `metadata.generation` counts changes of the spec.
    pub generation: bool,
    /// Whether a PUT may create.
    pub upsert: bool,
    /// Whether a DELETE answers with the object rather than with a `Status`.
    pub returns_deleted: bool,
    /// The fields that a field selector may name besides the name and the namespace.
    pub selectable: &'static [&'static str],
}

/// Reads `value` as a `T` and writes it again, so that only what the type knows stays.
///
/// # Errors
/// The sentence of the reader when a value has the wrong type.
fn typed<T: DeserializeOwned + Serialize>(value: Value) -> Result<Value, String> {
    let read: T = serde_json::from_value(value).map_err(|error| error.to_string())?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

fn rules<T: DeserializeOwned + Serialize>() -> Builtin {
    Builtin {
        typed: typed::<T>,
        defaults: defaults::none,
        begin: defaults::none,
        generation: false,
        upsert: false,
        returns_deleted: false,
        selectable: &[],
    }
}

const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

const POD_FIELDS: &[&str] = &[
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
];

/// Returns the server's own kinds.
pub fn kinds() -> Vec<Kind> {
    let mut kinds = core_kinds();
    kinds.extend(group_kinds());
    kinds
}

fn core_kinds() -> Vec<Kind> {
    vec![
        kind(
            "/v1 Pod pods po +status ~all",
            Builtin {
                defaults: defaults::pod,
                begin: defaults::begin_pod,
                generation: true,
                returns_deleted: true,
                selectable: POD_FIELDS,
                ..rules::<core::Pod>()
            },
        ),
        kind(
            "/v1 Service services svc +status ~all",
            Builtin {
                defaults: defaults::service,
                begin: defaults::begin_service,
                upsert: true,
                returns_deleted: true,
                selectable: &["spec.clusterIP", "spec.type"],
                ..rules::<core::Service>()
            },
        ),
        kind(
            "/v1,events.k8s.io/v1 Event events ev",
            Builtin { upsert: true, begin: defaults::begin_event, selectable: EVENT_FIELDS, ..rules::<core::Event>() },
        ),
        kind("/v1 ConfigMap configmaps cm", rules::<core::ConfigMap>()),
        kind(
            "/v1 Secret secrets",
            Builtin { defaults: defaults::secret, selectable: &["type"], ..rules::<core::Secret>() },
        ),
        kind(
            "/v1 Namespace namespaces ns +status !cluster",
            Builtin {
                defaults: defaults::namespace,
                begin: defaults::begin_namespace,
                selectable: &["status.phase"],
                ..rules::<core::Namespace>()
            },
        ),
        kind(
            "/v1 Node nodes no +status !cluster",
            Builtin { selectable: &["spec.unschedulable"], ..rules::<core::Node>() },
        ),
        kind(
            "/v1 ServiceAccount serviceaccounts sa",
            Builtin { returns_deleted: true, ..rules::<core::ServiceAccount>() },
        ),
        kind("/v1 Endpoints endpoints ep", Builtin { upsert: true, ..rules::<core::Endpoints>() }),
    ]
}

fn group_kinds() -> Vec<Kind> {
    vec![
        kind(
            "apps/v1 ReplicaSet replicasets rs +status +scale ~all",
            Builtin {
                defaults: defaults::replica_set,
                begin: defaults::begin_replica_set,
                generation: true,
                selectable: &["status.replicas"],
                ..rules::<apps::ReplicaSet>()
            },
        ),
        kind(
            "apps/v1 Deployment deployments deploy +status +scale ~all",
            Builtin {
                defaults: defaults::deployment,
                begin: defaults::begin_deployment,
                generation: true,
                ..rules::<apps::Deployment>()
            },
        ),
        kind("coordination.k8s.io/v1 Lease leases", Builtin { upsert: true, ..rules::<coordination::Lease>() }),
        kind(
            "discovery.k8s.io/v1 EndpointSlice endpointslices",
            Builtin { generation: true, ..rules::<discovery::EndpointSlice>() },
        ),
        kind(
            "networking.k8s.io/v1 Ingress ingresses ing +status",
            Builtin { generation: true, ..rules::<networking::Ingress>() },
        ),
        kind(
            "apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions crd,crds +status !cluster",
            Builtin { generation: true, ..rules::<apiextensions::CustomResourceDefinition>() },
        ),
    ]
}

/// Reads `group/version[,…] Kind plural [short,…] [+subresource] [~category] [!cluster]`.
fn kind(line: &str, rules: Builtin) -> Kind {
    let mut words = line.split(' ');
    let mut next = || words.next().unwrap_or_default();
    let (versions, kind, plural) = (next(), next(), next());
    let mut names = Names {
        list: format!("{kind}List"),
        singular: kind.to_lowercase(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        ..Names::default()
    };
    let (mut subresources, mut namespaced) = (Subresources::default(), true);
    for word in words {
        match word {
            "+status" => subresources.status = true,
            "+scale" => subresources.scale = Some(scale_paths()),
            "!cluster" => namespaced = false,
            _ if word.starts_with('~') => names.categories.push(word.replace('~', "")),
            _ => names.short = word.split(',').map(str::to_owned).collect(),
        }
    }
    let version = |text: &str| {
        let (group, version) = text.split_once('/').unwrap_or(("", text));
        GroupVersion::new(group, version)
    };
    let served = versions.split(',').map(version).collect();
    Kind { id: 0, served, names, namespaced, subresources, origin: Origin::Builtin(rules) }
}

fn scale_paths() -> ScalePaths {
    let keys = |path: &[&str]| path.iter().map(|key| (*key).to_owned()).collect();
    ScalePaths {
        wished: keys(&["spec", "replicas"]),
        seen: keys(&["status", "replicas"]),
        selector: keys(&["spec", "selector"]),
    }
}
