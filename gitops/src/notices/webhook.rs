//! Any HTTP server that takes JSON.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde_json::json;
use serin_analysis::provider::{Fetch, FetchRequest};
use serin_analysis::secret::Secret;
use url::Url;

use super::{Message, Unsent};
use crate::asked;

const DEADLINE: Duration = Duration::from_secs(10);

/// Sends a message.
pub(super) async fn post(
    fetch: &dyn Fetch,
    url: &str,
    token: Option<&Secret>,
    message: &Message,
) -> Result<Option<String>, Unsent> {
    let url = Url::parse(url).map_err(|error| Unsent::Refused(format!("the webhook has no address: {error}")))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let key = HeaderValue::try_from(message.id.as_str());
    let key = key.map_err(|_| Unsent::Refused("the notice has a name that no header may hold".to_owned()))?;
    headers.insert(HeaderName::from_static("idempotency-key"), key);
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, asked::bearer(token).map_err(Unsent::Passing)?);
    }
    let body = json!({ "id": message.id, "text": message.text, "rollback": message.facts });
    let body = Bytes::from(body.to_string());
    let request = FetchRequest { method: Method::POST, url, headers, body, deadline: DEADLINE, insecure: false };
    let answer = fetch.fetch(request).await.map_err(|error| Unsent::Passing(asked::sentence(&error)))?;
    let why = format!("the webhook answered {}", answer.status);
    match answer.status {
        status if status.is_success() => Ok(None),
        // A token may be renewed; the others say themselves that they may pass.
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS => Err(Unsent::Passing(why)),
        status if status.is_client_error() => Err(Unsent::Refused(why)),
        _ => Err(Unsent::Passing(why)),
    }
}
