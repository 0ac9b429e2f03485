//! Writes the status of a run. Every write carries the version that it was decided on.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, Preconditions};
use kube::core::Request;
use serde_json::{Map, Value, json};
use serin_crds::names::FIELD_MANAGER;

use super::ObservedRun;
use crate::runtime::key::Key;

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);

/// What came of a write or a read.
#[derive(Debug)]
pub(super) enum Answer {
    /// It was written; this is the object now.
    Written(ObservedRun),
    /// It was not written, and this is the object now.
    Stale(ObservedRun),
    /// The object is no more.
    Gone,
    /// It is not known whether it was written, and the object could not be read.
    Failed(String),
}

fn runs(key: &Key) -> Request {
    Request::new(format!("/apis/argoproj.io/v1alpha1/namespaces/{}/analysisruns", key.namespace()))
}

/// Writes a change of the status of a run; after anything but a success, reads the run again.
pub(super) async fn write(client: kube::Client, seen: ObservedRun, change: Value) -> Answer {
    let body = json!({"metadata": {"resourceVersion": &*seen.version}, "status": change});
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let why = match runs(&seen.key).patch(seen.key.name(), &params, &Patch::Merge(body)) {
        Err(error) => error.to_string(),
        Ok(request) => match call(&client, request).await {
            Ok(object) => match ObservedRun::of(object).filter(|object| object.uid == seen.uid) {
                Some(object) => return Answer::Written(object),
                None => "the answer to the write is no such run".to_owned(),
            },
            Err(Refusal::NotFound) => return Answer::Gone,
            Err(Refusal::Other(why)) => why,
        },
    };
    match read(&client, &seen).await {
        Answer::Failed(again) => Answer::Failed(format!("{why}; reading it again: {again}")),
        answer => answer,
    }
}

async fn read(client: &kube::Client, seen: &ObservedRun) -> Answer {
    let request = match runs(&seen.key).get(seen.key.name(), &GetParams::default()) {
        Ok(request) => request,
        Err(error) => return Answer::Failed(error.to_string()),
    };
    match call(client, request).await {
        Ok(object) => match ObservedRun::of(object) {
            Some(object) if object.uid == seen.uid => Answer::Stale(object),
            Some(_) => Answer::Gone,
            None => Answer::Failed("what was read is no run".to_owned()),
        },
        Err(Refusal::NotFound) => Answer::Gone,
        Err(Refusal::Other(why)) => Answer::Failed(why),
    }
}

/// Deletes a run whose time to live is over, unless it is another one by now.
pub(super) async fn delete(client: &kube::Client, seen: &ObservedRun) -> Result<(), String> {
    let preconditions = Preconditions { uid: Some(seen.uid.to_string()), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    let request = runs(&seen.key).delete(seen.key.name(), &params).map_err(|error| error.to_string())?;
    match call(client, request).await {
        Ok(_) | Err(Refusal::NotFound) => Ok(()),
        Err(Refusal::Other(why)) => Err(why),
    }
}

/// Why a Secret could not be read.
pub(super) enum SecretRefusal {
    /// It is not there, or may not be read: asking again would not help.
    Final(String),
    /// Something that may pass.
    Passing(String),
}

/// Reads one Secret.
pub(super) async fn secret(client: &kube::Client, namespace: &str, name: &str) -> Result<Secret, SecretRefusal> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    match tokio::time::timeout(CALL, api.get(name)).await {
        Ok(Ok(secret)) => Ok(secret),
        Ok(Err(kube::Error::Api(status))) if (400..500).contains(&status.code) && status.code != 429 => {
            Err(SecretRefusal::Final(status.message.clone()))
        }
        Ok(Err(error)) => Err(SecretRefusal::Passing(format!("could not read secret \"{name}\": {}", brief(&error)))),
        Err(_) => Err(SecretRefusal::Passing(format!("could not read secret \"{name}\" within {CALL:?}"))),
    }
}

enum Refusal {
    NotFound,
    Other(String),
}

async fn call(client: &kube::Client, request: http::Request<Vec<u8>>) -> Result<Value, Refusal> {
    match tokio::time::timeout(CALL, client.request::<Value>(request)).await {
        Ok(Ok(object)) => Ok(object),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Refusal::NotFound),
        Ok(Err(error)) => Err(Refusal::Other(brief(&error))),
        Err(_) => Err(Refusal::Other(format!("no answer within {CALL:?}"))),
    }
}

fn brief(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => other.to_string(),
    }
}

/// The fields of a status that are ours to remove.
const OURS: [&str; 7] =
    ["phase", "message", "metricResults", "startedAt", "runSummary", "dryRunSummary", "completedAt"];

/// A status of which nothing is known but that it is not ours: a patch from it sets or removes every field of ours.
pub(super) fn unknown_status() -> Value {
    OURS.iter().map(|field| ((*field).to_owned(), Value::from("unknown"))).collect::<Map<_, _>>().into()
}

/// The merge patch that turns the stored status `old` into `new`; fields that we don't know stay.
pub(super) fn status_patch(old: &Value, new: &Value) -> Value {
    let mut patch = merge_patch(old, new);
    if let Some(fields) = patch.as_object_mut() {
        fields.retain(|key, value| !value.is_null() || OURS.contains(&key.as_str()));
    }
    patch
}

fn merge_patch(old: &Value, new: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return new.clone();
    };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(before) if before == value => {}
            Some(before @ Value::Object(_)) if value.is_object() => {
                patch.insert(key.clone(), merge_patch(before, value));
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}
