//! What the server fills in where an object of its own kinds says nothing.

use serde_json::{Value, json};

use super::json::{at, default, list_mut, put, text};

/// Fills in nothing.
pub fn none(_: &mut Value) {}

/// Fills in a Pod.
pub fn pod(pod: &mut Value) {
    if let Some(spec) = pod.get_mut("spec") {
        pod_spec(spec);
        default(spec, &["enableServiceLinks"], true);
    }
}

/// Starts the status of a Pod.
pub fn begin_pod(pod: &mut Value) {
    default(pod, &["status", "phase"], "Pending");
    default(pod, &["status", "qosClass"], "BestEffort");
}

/// Fills in a `ReplicaSet`.
pub fn replica_set(set: &mut Value) {
    default(set, &["spec", "replicas"], 1);
    template(set);
}

/// Starts the status of a `ReplicaSet`.
pub fn begin_replica_set(set: &mut Value) {
    default(set, &["status", "replicas"], 0);
}

/// Fills in a Deployment.
pub fn deployment(deployment: &mut Value) {
    default(deployment, &["spec", "replicas"], 1);
    default(deployment, &["spec", "revisionHistoryLimit"], 10);
    default(deployment, &["spec", "progressDeadlineSeconds"], 600);
    default(deployment, &["spec", "strategy", "type"], "RollingUpdate");
    if text(deployment, &["spec", "strategy", "type"]) == "RollingUpdate" {
        default(deployment, &["spec", "strategy", "rollingUpdate", "maxSurge"], "25%");
        default(deployment, &["spec", "strategy", "rollingUpdate", "maxUnavailable"], "25%");
    }
    template(deployment);
}

/// Fills in a Secret: text given in clear goes into its data.
pub fn secret(secret: &mut Value) {
    default(secret, &["type"], "Opaque");
    let Some(clear) = secret.as_object_mut().and_then(|secret| secret.remove("stringData")) else {
        return;
    };
    for (key, value) in clear.as_object().into_iter().flatten() {
        put(secret, &["data", key], base64(value.as_str().unwrap_or_default().as_bytes()).into());
    }
}

/// Completes an Event, whose Go type always writes these.
pub fn begin_event(event: &mut Value) {
    default(event, &["source"], json!({}));
    default(event, &["reportingComponent"], "");
    default(event, &["reportingInstance"], "");
    for time in ["eventTime", "firstTimestamp", "lastTimestamp"] {
        default(event, &[time], Value::Null);
    }
}

/// Starts the status of a Deployment.
pub fn begin_deployment(deployment: &mut Value) {
    default(deployment, &["status"], json!({}));
}

/// Starts a Namespace.
pub fn begin_namespace(namespace: &mut Value) {
    default(namespace, &["spec", "finalizers"], json!(["kubernetes"]));
    default(namespace, &["status", "phase"], "Active");
}

/// Fills in a Namespace.
pub fn namespace(namespace: &mut Value) {
    if let Some(name) = at(namespace, &["metadata", "name"]).cloned() {
        put(namespace, &["metadata", "labels", "kubernetes.io/metadata.name"], name);
    }
}

/// Gives a Service its address, which comes from its name, so that it is the same in every run.
pub fn begin_service(service: &mut Value) {
    default(service, &["status", "loadBalancer"], json!({}));
    if text(service, &["spec", "type"]) != "ExternalName" {
        let name = [text(service, &["metadata", "namespace"]), text(service, &["metadata", "name"])].join("/");
        let sum = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        default(service, &["spec", "clusterIP"], format!("10.96.{}.{}", sum >> 8 & 0xff, sum & 0xff));
        let address = at(service, &["spec", "clusterIP"]).cloned().unwrap_or_default();
        put(service, &["spec", "clusterIPs"], json!([address]));
        default(service, &["spec", "ipFamilies"], json!(["IPv4"]));
        default(service, &["spec", "ipFamilyPolicy"], "SingleStack");
    }
}

/// Fills in a Service.
pub fn service(service: &mut Value) {
    default(service, &["spec", "type"], "ClusterIP");
    default(service, &["spec", "sessionAffinity"], "None");
    if text(service, &["spec", "type"]) != "ExternalName" {
        default(service, &["spec", "internalTrafficPolicy"], "Cluster");
    }
    for port in list_mut(service, &["spec", "ports"]) {
        default(port, &["protocol"], "TCP");
        let number = at(port, &["port"]).cloned().unwrap_or_default();
        default(port, &["targetPort"], number);
    }
}

fn template(owner: &mut Value) {
    if let Some(spec) = owner.pointer_mut("/spec/template/spec") {
        pod_spec(spec);
    }
}

fn pod_spec(spec: &mut Value) {
    default(spec, &["restartPolicy"], "Always");
    default(spec, &["dnsPolicy"], "ClusterFirst");
    default(spec, &["schedulerName"], "default-scheduler");
    default(spec, &["terminationGracePeriodSeconds"], 30);
    default(spec, &["securityContext"], json!({}));
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        default(spec, &["serviceAccount"], account);
    }
    for volume in list_mut(spec, &["volumes"]) {
        volume_defaults(volume);
    }
    for list in ["containers", "initContainers"] {
        for container in list_mut(spec, &[list]) {
            container_defaults(container);
        }
    }
}

fn volume_defaults(volume: &mut Value) {
    for source in ["configMap", "secret", "projected", "downwardAPI"] {
        if let Some(source) = volume.get_mut(source) {
            default(source, &["defaultMode"], 420);
        }
    }
    if let Some(path) = volume.get_mut("hostPath") {
        default(path, &["type"], "");
    }
}

fn container_defaults(container: &mut Value) {
    let image = text(container, &["image"]);
    let last = image.rsplit('/').next().unwrap_or_default();
    let always = !last.contains('@') && (!last.contains(':') || last.ends_with(":latest"));
    default(container, &["imagePullPolicy"], if always { "Always" } else { "IfNotPresent" });
    default(container, &["terminationMessagePath"], "/dev/termination-log");
    default(container, &["terminationMessagePolicy"], "File");
    default(container, &["resources"], json!({}));
    for port in list_mut(container, &["ports"]) {
        default(port, &["protocol"], "TCP");
    }
    for variable in list_mut(container, &["env"]) {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            default(field, &["apiVersion"], "v1");
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe) {
            probe_defaults(probe);
        }
    }
}

fn probe_defaults(probe: &mut Value) {
    for (field, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        default(probe, &[field], value);
    }
    if let Some(http) = probe.get_mut("httpGet") {
        default(http, &["scheme"], "HTTP");
        default(http, &["path"], "/");
    }
    if let Some(grpc) = probe.get_mut("grpc") {
        default(grpc, &["service"], "");
    }
}

/// Writes limits and requests given as numbers as the text that they are stored as.
pub fn quantities(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(quantities),
        Value::Object(map) => {
            for (key, value) in map {
                if let (Value::Object(amounts), "limits" | "requests") = (&mut *value, key.as_str()) {
                    for amount in amounts.values_mut().filter(|amount| amount.is_number()) {
                        *amount = amount.to_string().into();
                    }
                } else {
                    quantities(value);
                }
            }
        }
        _ => {}
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() { digit as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_given_in_clear_are_stored_encoded() {
        let check = |clear: &str, expect: &str| {
            let mut given = json!({"stringData": {"token": clear}});
            secret(&mut given);
            assert_eq!(given, json!({"type": "Opaque", "data": {"token": expect}}));
        };
        check("", "");
        check("a", "YQ==");
        check("ab", "YWI=");
        check("abc", "YWJj");
    }
}
