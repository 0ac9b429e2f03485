//! What the API server answers when it refuses: a `Status` object with the code, reason and details of the real one.

use serde_json::{Value, json};

use super::{json::put, kind::Kind};

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The machine-readable kind of fault, such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// The sentence without the field.
    pub message: String,
    /// The path of the field, such as `spec.replicas`.
    pub field: String,
}

impl Cause {
    /// Says that `field` holds the wrong value.
    pub fn invalid(field: &str, value: &Value, why: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {value}: {why}"))
    }

    /// Says that `field` holds a value of the wrong type.
    pub fn mistyped(field: &str, value: &str, why: &str) -> Self {
        Self::new("FieldValueTypeInvalid", field, format!("Invalid value: {value:?}: {why}"))
    }

    /// Says that `field` must be given.
    pub fn required(field: &str, why: &str) -> Self {
        let message = if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Self::new("FieldValueRequired", field, message)
    }

    /// Says that `field` may not be set so.
    pub fn forbidden(field: &str, why: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {why}"))
    }

    /// Says that `field` holds none of the values that are allowed.
    pub fn unsupported(field: &str, value: &Value, allowed: &[String]) -> Self {
        let allowed: Vec<String> = allowed.iter().map(|value| format!("{value:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", allowed.join(", "));
        Self::new("FieldValueNotSupported", field, message)
    }

    fn new(reason: &'static str, field: &str, message: String) -> Self {
        Self { reason, message, field: field.to_owned() }
    }
}

/// A call that was not carried out, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// The reason in one word, as clients match on it.
    pub reason: &'static str,
    /// The sentence for people.
    pub message: String,
    /// The object and the causes.
    pub details: Value,
}

impl Refusal {
    /// Makes a refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Value::Null }
    }

    /// The object named is not there.
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.qualified());
        Self { details: kind.details(name), ..Self::new(404, "NotFound", message) }
    }

    /// An object of that name is there already.
    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.qualified());
        Self { details: kind.details(name), ..Self::new(409, "AlreadyExists", message) }
    }

    /// The object was written by somebody else since it was read.
    pub fn stale(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// The write meets a state in which it can't be carried out.
    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.qualified());
        Self { details: kind.details(name), ..Self::new(409, "Conflict", message) }
    }

    /// The object breaks rules of its kind.
    pub fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        let lines: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let said = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let group = kind.group();
        let dot = if group.is_empty() { "" } else { "." };
        let message = format!("{}{dot}{group} {name:?} is invalid: {said}", kind.names.kind);
        let causes: Vec<Value> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        let mut details = json!({"kind": kind.names.kind, "causes": causes});
        if !name.is_empty() {
            put(&mut details, &["name"], name.into());
        }
        if !group.is_empty() {
            put(&mut details, &["group"], group.into());
        }
        Self { details, ..Self::new(422, "Invalid", message) }
    }

    /// The object breaks a rule of the store, which names the resource rather than the kind.
    pub fn unstorable(kind: &Kind, name: &str, cause: &Cause) -> Self {
        let message = format!("{} {name:?} is invalid: {}: {}", kind.qualified(), cause.field, cause.message);
        let mut details = kind.details(name);
        put(
            &mut details,
            &["causes"],
            json!([{"reason": cause.reason, "message": cause.message, "field": cause.field}]),
        );
        Self { details, ..Self::new(422, "Invalid", message) }
    }

    /// An option of the call can't be what it is.
    pub fn option(of: &str, cause: &Cause) -> Self {
        let message = format!("{of}.meta.k8s.io \"\" is invalid: {}: {}", cause.field, cause.message);
        let causes = json!([{"reason": cause.reason, "message": cause.message, "field": cause.field}]);
        Self {
            details: json!({"group": "meta.k8s.io", "kind": of, "causes": causes}),
            ..Self::new(422, "Invalid", message)
        }
    }

    /// The object is of another kind than the path says.
    pub fn other_kind(data: &str, name: &str, group: &str, cause: &Cause) -> Self {
        let dot = if group.is_empty() { "" } else { "." };
        let message = format!("{data}{dot}{group} {name:?} is invalid: {}: {}", cause.field, cause.message);
        let causes = json!([{"reason": cause.reason, "message": cause.message, "field": cause.field}]);
        let mut details = json!({"name": name, "kind": data, "causes": causes});
        if !group.is_empty() {
            put(&mut details, &["group"], group.into());
        }
        Self { details, ..Self::new(422, "Invalid", message) }
    }

    /// The request itself makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// A patch could not be applied to the object as it is.
    pub fn unprocessable_patch() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self { details: json!({}), ..Self::new(422, "Invalid", message) }
    }

    /// The version asked for has been forgotten.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// The method doesn't exist for this resource.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self { details: json!({}), ..Self::new(405, "MethodNotAllowed", message) }
    }

    /// The answer that a fault gives in place of the true one.
    pub fn of_code(code: u16) -> Self {
        let (reason, message) = match code {
            400 => ("BadRequest", "the server rejected our request for an unknown reason"),
            401 => ("Unauthorized", "the server has asked for the client to provide credentials"),
            403 => ("Forbidden", "forbidden by a fault of the simulation"),
            404 => ("NotFound", "the server could not find the requested resource"),
            409 => (
                "Conflict",
                "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest \
                 version and try again",
            ),
            410 => ("Expired", "the provided resource version is too old"),
            413 => ("RequestEntityTooLarge", "Request entity too large: limit is 3145728"),
            422 => ("Invalid", "refused by an admission webhook of the simulation"),
            429 => ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            _ => ("InternalError", "an error on the server has prevented the request from succeeding"),
        };
        Self { details: json!({}), ..Self::new(code, reason, message) }
    }

    /// Returns the `Status` object that goes over the wire.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            put(&mut status, &["reason"], self.reason.into());
        }
        if !self.details.is_null() {
            put(&mut status, &["details"], self.details.clone());
        }
        status
    }
}
