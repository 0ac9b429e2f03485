//! Notices: tells people how a rollback goes, each thing once as far as the other side allows.
//!
//! That a notice is about to be sent is recorded first. After a crash in between, Slack is asked whether it has the message
//! (by a bot's token; an incoming webhook can't be asked, and may show a message twice), and a webhook gets the same
//! `Idempotency-Key` again.

mod slack;
mod webhook;

use jiff::Timestamp;
use serde_json::Value;
use serin_analysis::provider::Fetch;
use serin_analysis::secret::Secret;

/// What is sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it is known by: the same for every attempt.
    pub id: String,
    /// The sentence.
    pub text: String,
    /// The message whose thread it belongs to.
    pub thread: Option<String>,
    /// When it was first about to be sent; `None` when nobody can have sent it yet.
    pub doubtful_since: Option<Timestamp>,
    /// The facts, for machines.
    pub facts: Value,
}

/// Where it is sent to, with what it takes.
#[derive(Clone)]
pub enum Recipient {
    /// A channel of Slack, by a bot's token.
    SlackBot {
        /// Address of the interface.
        url: String,
        /// Id of the channel.
        channel: String,
        /// The token.
        token: Secret,
    },
    /// An incoming webhook of Slack; its address is a secret.
    SlackWebhook(Secret),
    /// Any server that takes JSON.
    Webhook {
        /// Address.
        url: String,
        /// The bearer token.
        token: Option<Secret>,
    },
}

/// Why it was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// It may be taken later.
    Passing(String),
    /// It is refused for good.
    Refused(String),
}

/// Sends a message; answers what the other side calls it, if it calls it anything.
///
/// # Errors
/// It was not taken, or nobody knows.
pub async fn send(fetch: &dyn Fetch, to: &Recipient, message: &Message) -> Result<Option<String>, Unsent> {
    match to {
        Recipient::SlackBot { url, channel, token } => slack::by_bot(fetch, (url, channel, token), message).await,
        Recipient::SlackWebhook(address) => slack::by_webhook(fetch, address, message).await,
        Recipient::Webhook { url, token } => webhook::post(fetch, url, token.as_ref(), message).await,
    }
}
