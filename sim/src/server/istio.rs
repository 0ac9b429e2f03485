//! Istio's two kinds, as far as their paths, versions and ownership go: anything may stand in their specs.

use serde_json::{Value, json};

const VERSIONS: [&str; 3] = ["v1", "v1alpha3", "v1beta1"];

/// Returns the definitions of `VirtualService` and `DestinationRule`.
pub fn definitions() -> Vec<Value> {
    let hosts = |name: &str, of: &str, path: &str| json!({"name": name, "type": of, "jsonPath": path});
    vec![
        definition(
            "VirtualService",
            "virtualservices",
            "vs",
            &json!([
                hosts("Gateways", "string", ".spec.gateways"),
                hosts("Hosts", "string", ".spec.hosts"),
                hosts("Age", "date", ".metadata.creationTimestamp"),
            ]),
        ),
        definition(
            "DestinationRule",
            "destinationrules",
            "dr",
            &json!([hosts("Host", "string", ".spec.host"), hosts("Age", "date", ".metadata.creationTimestamp"),]),
        ),
    ]
}

fn definition(kind: &str, plural: &str, short: &str, columns: &Value) -> Value {
    let versions: Vec<Value> = VERSIONS
        .iter()
        .map(|name| {
            json!({
                "name": name, "served": true, "storage": *name == "v1", "subresources": {"status": {}},
                "additionalPrinterColumns": columns,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                }}},
            })
        })
        .collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.networking.istio.io")},
        "spec": {
            "group": "networking.istio.io",
            "scope": "Namespaced",
            "names": {
                "kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                "singular": kind.to_lowercase(), "shortNames": [short],
                "categories": ["istio-io", "networking-istio-io"],
            },
            "versions": versions,
        },
    })
}
