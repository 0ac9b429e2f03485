//! Slack: a bot's message, or an incoming webhook.
//!
//! # Source
//! Slack's reference of chat.postMessage, conversations.history, conversations.replies and message metadata.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use serin_analysis::provider::{Fetch, FetchRequest};
use serin_analysis::secret::Secret;
use url::Url;

use super::{Message, Unsent};
use crate::asked;

const DEADLINE: Duration = Duration::from_secs(10);
/// What our messages are marked with.
const EVENT: &str = "serin_rollback";
/// Errors after which asking again is of no use.
const FINAL: [&str; 8] = [
    "channel_not_found",
    "is_archived",
    "msg_too_long",
    "no_text",
    "invalid_arguments",
    "restricted_action",
    "not_in_channel",
    "message_limit_exceeded",
];
/// How much earlier than its record a message may be, by the clock of Slack, in seconds.
const SKEW: i64 = 300;

/// Sends as a bot: address of the interface, channel, token.
pub(super) async fn by_bot(
    fetch: &dyn Fetch,
    (url, channel, token): (&str, &str, &Secret),
    message: &Message,
) -> Result<Option<String>, Unsent> {
    let bot = Bot { fetch, url, channel, token };
    if message.doubtful_since.is_some()
        && let Some(known) = bot.find(message).await?
    {
        return Ok(Some(known));
    }
    let mut body = json!({
        "channel": channel,
        "text": escape(&message.text),
        "unfurl_links": false,
        "metadata": {"event_type": EVENT, "event_payload": {"id": message.id}},
    });
    if let (Some(thread), Some(body)) = (&message.thread, body.as_object_mut()) {
        body.insert("thread_ts".to_owned(), thread.clone().into());
    }
    let said = bot.call(Method::POST, "chat.postMessage", &[], body.to_string().into()).await?;
    Ok(said.get("ts").and_then(Value::as_str).map(str::to_owned))
}

struct Bot<'a> {
    fetch: &'a dyn Fetch,
    url: &'a str,
    channel: &'a str,
    token: &'a Secret,
}

impl Bot<'_> {
    /// Looks for a message that may have been sent before.
    async fn find(&self, message: &Message) -> Result<Option<String>, Unsent> {
        let since = message.doubtful_since.map_or(0, |at| at.as_second().saturating_sub(SKEW)).to_string();
        let mut query = vec![("channel", self.channel), ("limit", "200"), ("include_all_metadata", "true")];
        let method = if let Some(thread) = &message.thread {
            query.push(("ts", thread));
            "conversations.replies"
        } else {
            query.push(("oldest", &since));
            "conversations.history"
        };
        let said = match self.call(Method::GET, method, &query, Bytes::new()).await {
            Ok(said) => said,
            // A token that may not read the channel can't tell: a message twice is better than none.
            Err(Unsent::Refused(_)) => return Ok(None),
            Err(passing) => return Err(passing),
        };
        let messages = said.get("messages").and_then(Value::as_array).into_iter().flatten();
        let ours = |known: &&Value| {
            known.pointer("/metadata/event_type") == Some(&EVENT.into())
                && known.pointer("/metadata/event_payload/id").and_then(Value::as_str) == Some(&message.id)
        };
        Ok(messages.into_iter().find(ours).and_then(|known| known.get("ts")?.as_str().map(str::to_owned)))
    }

    async fn call(&self, method: Method, name: &str, query: &[(&str, &str)], body: Bytes) -> Result<Value, Unsent> {
        let address = format!("{}/{name}", self.url.trim_end_matches('/'));
        let url = Url::parse_with_params(&address, query);
        let url = url.map_err(|error| Unsent::Refused(format!("the address of Slack is none: {error}")))?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, asked::bearer(self.token).map_err(Unsent::Passing)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        let request = FetchRequest { method, url, headers, body, deadline: DEADLINE, insecure: false };
        let answer = self.fetch.fetch(request).await.map_err(|error| Unsent::Passing(asked::sentence(&error)))?;
        if answer.status != StatusCode::OK {
            return Err(Unsent::Passing(format!("Slack answered {}", answer.status)));
        }
        let said: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| Unsent::Passing("the answer of Slack is no JSON".to_owned()))?;
        if said.get("ok") == Some(&Value::Bool(true)) {
            return Ok(said);
        }
        let error = said.get("error").and_then(Value::as_str).unwrap_or("no reason");
        let why = format!("Slack refused it: {}", crate::core::words::line(error));
        let denied = error == "missing_scope" && name != "chat.postMessage";
        Err(if FINAL.contains(&error) || denied { Unsent::Refused(why) } else { Unsent::Passing(why) })
    }
}

/// Sends by an incoming webhook.
pub(super) async fn by_webhook(
    fetch: &dyn Fetch,
    address: &Secret,
    message: &Message,
) -> Result<Option<String>, Unsent> {
    // What is wrong with it is not told: it is a secret.
    let url = Url::parse(address.expose().trim())
        .map_err(|_| Unsent::Passing("the Secret holds no address of a webhook".to_owned()))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    let body = Bytes::from(json!({ "text": escape(&message.text) }).to_string());
    let request = FetchRequest { method: Method::POST, url, headers, body, deadline: DEADLINE, insecure: false };
    let answer = fetch.fetch(request).await.map_err(|error| Unsent::Passing(asked::sentence(&error)))?;
    match answer.status {
        StatusCode::OK => Ok(None),
        status @ (StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN) => {
            Err(Unsent::Refused(format!("Slack answered {status}: the webhook is not there any more")))
        }
        status => Err(Unsent::Passing(format!("Slack answered {status}"))),
    }
}

/// A text whose letters mean nothing to Slack.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
