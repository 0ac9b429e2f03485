//! What the API server puts into a pod template where nothing stands.
//!
//! # Source
//! The defaults of `core/v1` as applied to a ReplicaSet (Kubernetes 1.36).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{
    shape::{Purpose, is_empty},
    table::{Field, table},
};

/// Mode of files in a volume: 0644.
const FILE_MODE: i32 = 420;

/// The value of a field, defaulted if that is wanted.
pub(super) fn value<'a>(
    purpose: Purpose,
    owner: &str,
    field: &Field,
    members: &'a Map<String, Value>,
) -> Cow<'a, Value> {
    let given = members.get(&field.name).unwrap_or(&Value::Null);
    if purpose == Purpose::Hash {
        return Cow::Borrowed(given);
    }
    if (owner, field.name.as_str()) == ("PodSpec", "serviceAccount") {
        // The deprecated name says nothing of its own.
        return Cow::Owned(Value::Null);
    }
    if !is_empty(&field.kind, given) {
        return Cow::Borrowed(given);
    }
    default(owner, &field.name, members).map_or(Cow::Borrowed(given), Cow::Owned)
}

/// What an empty field comes to.
fn default(owner: &str, field: &str, members: &Map<String, Value>) -> Option<Value> {
    match owner {
        "PodSpec" => pod(field, members),
        "Container" | "EphemeralContainer" => container(field, members),
        "Volume" => volume(field, members),
        "ImageVolumeSource" if field == "pullPolicy" => Some(pull_policy(members.get("reference")).into()),
        "Probe" | "HTTPGetAction" | "GRPCAction" => probe(field),
        _ => single(owner, field),
    }
}

fn pod(field: &str, members: &Map<String, Value>) -> Option<Value> {
    match field {
        "dnsPolicy" => Some("ClusterFirst".into()),
        "restartPolicy" => Some("Always".into()),
        "schedulerName" => Some("default-scheduler".into()),
        "securityContext" => Some(json!({})),
        "serviceAccountName" => members.get("serviceAccount").cloned(),
        "terminationGracePeriodSeconds" => Some(30.into()),
        _ => None,
    }
}

fn container(field: &str, members: &Map<String, Value>) -> Option<Value> {
    match field {
        "imagePullPolicy" => Some(pull_policy(members.get("image")).into()),
        "terminationMessagePath" => Some("/dev/termination-log".into()),
        "terminationMessagePolicy" => Some("File".into()),
        _ => None,
    }
}

/// A volume without a source is an empty directory; a source that we don't know is none.
fn volume(field: &str, members: &Map<String, Value>) -> Option<Value> {
    let sources = table().fields("Volume").iter().filter(|known| known.name != "name");
    let has_source = sources.filter_map(|known| members.get(&known.name)).any(|source| !source.is_null());
    (field == "emptyDir" && !has_source).then(|| json!({}))
}

fn probe(field: &str) -> Option<Value> {
    match field {
        "timeoutSeconds" | "successThreshold" => Some(1.into()),
        "periodSeconds" => Some(10.into()),
        "failureThreshold" => Some(3.into()),
        "path" => Some("/".into()),
        "scheme" => Some("HTTP".into()),
        "service" => Some("".into()),
        _ => None,
    }
}

fn single(owner: &str, field: &str) -> Option<Value> {
    let value = match (owner, field) {
        ("ContainerPort", "protocol") => "TCP".into(),
        ("ObjectFieldSelector", "apiVersion") => "v1".into(),
        ("FileKeySelector", "optional") | ("AzureDiskVolumeSource", "readOnly") => false.into(),
        (
            "SecretVolumeSource" | "ConfigMapVolumeSource" | "DownwardAPIVolumeSource" | "ProjectedVolumeSource",
            "defaultMode",
        ) => FILE_MODE.into(),
        ("ServiceAccountTokenProjection", "expirationSeconds") => 3600.into(),
        ("PodCertificateProjection", "maxExpirationSeconds") => 86_400.into(),
        ("HostPathVolumeSource", "type") => "".into(),
        ("PersistentVolumeClaimSpec", "volumeMode") => "Filesystem".into(),
        ("SecurityContext", "procMount") => "Default".into(),
        ("ISCSIVolumeSource", "iscsiInterface") => "default".into(),
        ("RBDVolumeSource", "pool") => "rbd".into(),
        ("RBDVolumeSource", "user") => "admin".into(),
        ("RBDVolumeSource", "keyring") => "/etc/ceph/keyring".into(),
        ("AzureDiskVolumeSource", "cachingMode") => "ReadWrite".into(),
        ("AzureDiskVolumeSource", "fsType") => "ext4".into(),
        ("AzureDiskVolumeSource", "kind") => "Shared".into(),
        ("ScaleIOVolumeSource", "storageMode") => "ThinProvisioned".into(),
        ("ScaleIOVolumeSource", "fsType") => "xfs".into(),
        _ => return None,
    };
    Some(value)
}

/// An image is pulled each time if its tag is `latest`, written or meant; what is no image never is.
fn pull_policy(image: Option<&Value>) -> &'static str {
    let image = image.and_then(Value::as_str).unwrap_or_default();
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rsplit('/').next().unwrap_or_default();
    let (repository, tag) = last.split_once(':').map_or((last, None), |(name, tag)| (name, Some(tag)));
    let well_formed = repository.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && repository.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c));
    match (well_formed, tag, digest) {
        (true, Some("latest"), _) | (true, None, None) => "Always",
        _ => "IfNotPresent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(image: &str, expect: &str) {
        assert_eq!(pull_policy(Some(&image.into())), expect, "{image}");
    }

    #[test]
    fn an_image_is_pulled_each_time_if_it_is_the_latest() {
        check("nginx", "Always");
        check("nginx:latest", "Always");
        check("nginx:1.19", "IfNotPresent");
        check("registry:5000/team/nginx", "Always");
        check("registry:5000/team/nginx:1", "IfNotPresent");
        check("nginx@sha256:0123456789012345678901234567890123456789012345678901234567890123", "IfNotPresent");
        check("nginx:latest@sha256:0123456789012345678901234567890123456789012345678901234567890123", "Always");
    }
}
