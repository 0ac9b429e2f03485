//! Gate: asks Open Policy Agent whether Git may be changed. It stands in front of the commit and of nothing else.

pub mod input;

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use serin_analysis::provider::{Fetch, FetchRequest};
use serin_analysis::secret::Secret;
use serin_crds::names::Ruling;
use serin_crds::rollback::{OpaGate, RollbackDecision};
use url::Url;

use crate::asked;
use crate::core::words::line;

/// How long an answer may take where the policy does not say.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How often the gate is asked in one go.
const ATTEMPTS: u32 = 3;
/// The wait before it is asked again, doubled each time.
const PAUSE: Duration = Duration::from_millis(200);
/// Most reasons that are kept.
const MOST_REASONS: usize = 10;

/// What came of asking.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A decision: the gate's, or the one that the policy names for want of one.
    Decided(RollbackDecision),
    /// None yet; the sentence says why.
    Holds(String),
}

/// Asks the gate.
pub async fn ask(fetch: &dyn Fetch, opa: &OpaGate, token: Option<&Secret>, input: &Value) -> Answer {
    let request = match request(opa, token, input) {
        Ok(request) => request,
        Err(why) => return rule(opa.unreachable.as_ref(), &Ruling::Hold, RollbackDecision::default(), why),
    };
    let mut why = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
        }
        match once(fetch, request.clone()).await {
            Ok(said) => return read(opa, &said),
            Err((failed, again)) => {
                why = failed;
                if !again {
                    break;
                }
            }
        }
    }
    let why = format!("the gate could not be asked: {why}");
    rule(opa.unreachable.as_ref(), &Ruling::Hold, RollbackDecision::default(), why)
}

fn request(opa: &OpaGate, token: Option<&Secret>, input: &Value) -> Result<FetchRequest, String> {
    let address = format!("{}/v1/data/{}?provenance=true", opa.url.trim_end_matches('/'), opa.path);
    let url = Url::parse(&address).map_err(|error| format!("spec.gate.opa.url is no address: {error}"))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, asked::bearer(token)?);
    }
    let timeout = opa.timeout.as_deref().and_then(|text| serin_crds::duration::parse(text).ok());
    let deadline = timeout.and_then(|span| Duration::try_from(span).ok()).unwrap_or(TIMEOUT);
    let body = Bytes::from(json!({ "input": input }).to_string());
    Ok(FetchRequest { method: Method::POST, url, headers, body, deadline, insecure: false })
}

/// Asks once; the error says whether asking again at once may help.
async fn once(fetch: &dyn Fetch, request: FetchRequest) -> Result<Value, (String, bool)> {
    let answer = fetch.fetch(request).await.map_err(|error| (asked::sentence(&error), true))?;
    if answer.status != StatusCode::OK {
        let again = answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS;
        return Err((format!("it answered {}", answer.status), again));
    }
    serde_json::from_slice(&answer.body).map_err(|_| ("its answer is no JSON".to_owned(), false))
}

/// Reads what the gate said.
fn read(opa: &OpaGate, said: &Value) -> Answer {
    let revisions = said.pointer("/provenance/bundles").and_then(Value::as_object).into_iter().flatten();
    let mut revisions = revisions.filter_map(|(_, bundle)| bundle.get("revision")?.as_str());
    let mut decision = RollbackDecision {
        id: said.get("decision_id").and_then(Value::as_str).map(line),
        revision: revisions.next().map(line),
        ..RollbackDecision::default()
    };
    let result = said.get("result").unwrap_or(&Value::Null);
    let texts = |field: &str| match result.get(field) {
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        }
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    };
    let denials: Vec<String> = texts("deny");
    let reasons = denials.iter().cloned().chain(texts("reasons")).chain(texts("reason"));
    decision.reasons = reasons.map(|reason| line(&reason)).take(MOST_REASONS).collect();
    let allowed = match (result, result.get("allow"), result.get("deny")) {
        (Value::Bool(allowed), ..) => Some(*allowed),
        (_, Some(Value::Bool(allowed)), _) => Some(*allowed && denials.is_empty()),
        // Denials alone are a decision; without any of them, the change is allowed.
        (_, None, Some(Value::Array(_))) => Some(denials.is_empty()),
        _ => None,
    };
    if let Some(allowed) = allowed {
        return Answer::Decided(RollbackDecision { allowed, ..decision });
    }
    let why = format!("the gate has no opinion at {}", opa.path);
    rule(opa.undefined.as_ref(), &Ruling::Deny, decision, why)
}

/// What the policy says is done for want of a decision.
fn rule(given: Option<&Ruling>, otherwise: &Ruling, decision: RollbackDecision, why: String) -> Answer {
    let allowed = match given.unwrap_or(otherwise) {
        Ruling::Allow => true,
        Ruling::Deny => false,
        Ruling::Hold | Ruling::Other(_) => return Answer::Holds(why),
    };
    Answer::Decided(RollbackDecision { allowed, reasons: vec![line(&why)], ..decision })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opa(undefined: Option<Ruling>) -> OpaGate {
        OpaGate { path: "a/b".into(), undefined, ..OpaGate::default() }
    }

    fn check(said: &Value, allowed: bool, reasons: &[&str]) {
        match read(&opa(None), said) {
            Answer::Decided(decision) => {
                assert_eq!(
                    (decision.allowed, decision.reasons),
                    (allowed, reasons.iter().map(|r| (*r).into()).collect()),
                    "{said}"
                );
            }
            Answer::Holds(why) => panic!("{said}: {why}"),
        }
    }

    #[test]
    fn decisions_come_in_several_forms() {
        check(&json!({"result": true}), true, &[]);
        check(&json!({"result": false}), false, &[]);
        check(&json!({"result": {"allow": true, "reasons": ["fine"]}}), true, &["fine"]);
        check(&json!({"result": {"allow": true, "deny": ["freeze"]}}), false, &["freeze"]);
        check(&json!({"result": {"deny": []}}), true, &[]);
        check(&json!({"result": {"deny": ["a\nb", 3]}}), false, &["a b", "3"]);
        for undefined in
            [json!({}), json!({"result": {}}), json!({"result": "yes"}), json!({"result": {"allow": "yes"}})]
        {
            check(&undefined, false, &["the gate has no opinion at a/b"]);
        }
    }

    #[test]
    fn for_want_of_an_opinion_the_policy_says_what_is_done() {
        let said = json!({"decision_id": "d1", "provenance": {"bundles": {"x": {"revision": "r7"}}}});
        let Answer::Decided(decision) = read(&opa(Some(Ruling::Allow)), &said) else { panic!("no decision") };
        assert_eq!(
            (decision.allowed, decision.id.as_deref(), decision.revision.as_deref()),
            (true, Some("d1"), Some("r7"))
        );
        let held = read(&opa(Some(Ruling::Hold)), &said);
        assert_eq!(held, Answer::Holds("the gate has no opinion at a/b".to_owned()));
    }
}
