//! Reads what a request asks for: its body, its patch, its options.

use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{
    journal::Verb,
    refusal::{Cause, Refusal},
    route::Query,
    write::{Change, Options, Order, Target, Unknown},
};

/// A request to a resource, taken apart.
pub struct Asked {
    /// What it is about.
    pub target: Target,
    /// What it does.
    pub verb: Verb,
    /// The parameters.
    pub query: Query,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl Asked {
    /// Reads who wants what written, and how.
    ///
    /// # Errors
    /// A refusal when an option can't be what it is.
    pub fn order(&self, user: &str, body: &Value) -> Result<Order, Refusal> {
        let query = &self.query;
        let named = query.get("fieldManager");
        let agent = header_text(&self.headers, &header::USER_AGENT);
        let applies = content_type(self) == "application/apply-patch+yaml";
        if named.is_empty() && applies {
            let cause = Cause::required("fieldManager", "is required for apply patch");
            return Err(Refusal::option("PatchOptions", &cause));
        }
        let manager = match (named, agent.split('/').next().unwrap_or_default()) {
            ("", "") => "unknown",
            ("", agent) => agent,
            (named, _) => named,
        };
        let dry = |value: &str| value == "All";
        if !matches!(query.get("dryRun"), "" | "All") {
            let cause = Cause::unsupported("dryRun", &json!([query.get("dryRun")]), &["All".to_owned()]);
            let of = match self.verb {
                Verb::Create => "CreateOptions",
                Verb::Update => "UpdateOptions",
                Verb::Patch => "PatchOptions",
                _ => "DeleteOptions",
            };
            return Err(Refusal::option(of, &cause));
        }
        let in_body = matches!(self.verb, Verb::Delete | Verb::DeleteCollection)
            && super::json::list(body, &["dryRun"]).iter().filter_map(Value::as_str).any(dry);
        let options = Options {
            dry_run: dry(query.get("dryRun")) || in_body,
            force: query.flag("force"),
            unknown: match query.get("fieldValidation") {
                "Strict" => Unknown::Strict,
                "Ignore" => Unknown::Ignore,
                _ => Unknown::Warn,
            },
        };
        Ok(Order {
            target: self.target.clone(),
            verb: self.verb,
            user: user.to_owned(),
            manager: manager.to_owned(),
            options,
        })
    }
}

/// Returns a header; empty when it isn't given or is no text.
pub fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn content_type(asked: &Asked) -> &str {
    header_text(&asked.headers, &header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim()
}

/// Reads the body as JSON, or as YAML where that is what it is.
pub fn read_body(asked: &Asked) -> Result<Value, Refusal> {
    if asked.body.is_empty() {
        return Ok(Value::Null);
    }
    if content_type(asked) == "application/vnd.kubernetes.protobuf" {
        let message = "the body of the request was in an unknown format - accepted media types include: \
                       application/json, application/yaml";
        return Err(Refusal::new(415, "UnsupportedMediaType", message));
    }
    if content_type(asked).ends_with("yaml") {
        let text = std::str::from_utf8(&asked.body).unwrap_or_default();
        return serde_saphyr::from_str(text)
            .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")));
    }
    serde_json::from_slice(&asked.body).map_err(|error| Refusal::bad_request(format!("error decoding JSON: {error}")))
}

/// Reads the body as the kind of patch that it is.
pub fn change(asked: &Asked, body: Value) -> Result<Change, Refusal> {
    match content_type(asked) {
        "application/merge-patch+json" => Ok(Change::Merge(body)),
        "application/json-patch+json" => Ok(Change::Json(body)),
        "application/strategic-merge-patch+json" => Ok(Change::Strategic(body)),
        "application/apply-patch+yaml" => Ok(Change::Apply(body)),
        _ => {
            let types =
                if asked.target.kind.builtin().is_some() { ", application/strategic-merge-patch+json" } else { "" };
            let message = format!(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json{types}, application/apply-patch+yaml"
            );
            Err(Refusal::new(415, "UnsupportedMediaType", message))
        }
    }
}
