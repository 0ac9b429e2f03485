//! What can go wrong between the controller and the API server, and in the machine that the controller runs on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ScenarioError, Span};

/// One fault. It hits the controller alone; people, tools and the cluster's own controllers go on undisturbed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum Fault {
    /// Calls go wrong.
    Calls(CallFault),
    /// Watches of a kind, and lists from the cache, show changes late.
    Lag(Lag),
    /// Open watches of a kind say nothing more, not even bookmarks, and don't end.
    Silence(Silence),
    /// Watches of a kind tell of what happens in such a span only how each object ends.
    Coalesce(Coalesce),
    /// Watches of a kind tell of each change twice.
    Repeat(OfKind),
    /// Open watches of a kind end as a broken connection does, and new ones from before are told 410.
    Forget(OfKind),
    /// All open watches end as a broken connection does.
    CutWatches,
    /// From now on a webhook changes each object of a kind that somebody writes, before it is stored.
    Webhook(Webhook),
    /// The controller's wall clock is set forward, against its monotonic clock and against everybody else's.
    Clock(ClockStep),
}

/// Which calls of the controller go wrong, and how. Without any limit every call does, for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CallFault {
    /// What they do (`get`, `list`, `watch`, `create`, `update`, `patch`, `delete`); anything when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
    /// The kind they are about, like `VirtualService`; any when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The subresource, like `status`; empty for the object itself; any when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// The first of them that goes wrong, counted from 1 when the fault is set.
    #[serde(default = "CallFault::first", skip_serializing_if = "CallFault::is_first")]
    pub nth: u64,
    /// How many go wrong; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// For how long, from when the fault is set; for ever when left out.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// What happens to them.
    pub what: Outcome,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The controller dies before it is carried out, and is started again a second later.
    CrashBefore,
    /// The controller dies after it was carried out, before the answer, and is started again a second later.
    CrashAfter,
    /// Somebody else writes the object just before; then the call is carried out.
    Rival,
    /// It is answered with 429 and the seconds to wait, and not carried out.
    Busy(u32),
    /// It is answered with this status and not carried out.
    Refused(u16),
    /// It is carried out, and answered with this status all the same.
    Committed(u16),
    /// It is never answered and not carried out.
    Hang,
    /// It is carried out and never answered.
    HangAfter,
    /// It is carried out and answered so much later.
    Delay(Span),
    /// The connection breaks before it is carried out.
    Reset,
    /// It is carried out, and the connection breaks before the answer.
    ResetAfter,
    /// It is carried out, and half of the answer arrives.
    Truncated,
}

impl CallFault {
    const fn first() -> u64 {
        1
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    const fn is_first(nth: &u64) -> bool {
        *nth == Self::first()
    }

    /// The k-th call of the controller from now on, counted from 1, goes wrong, and no other.
    pub const fn at(nth: u64, what: Outcome) -> Self {
        Self { verbs: Vec::new(), kind: None, subresource: None, nth, times: Some(1), span: None, what }
    }
}

/// Changes of a kind are shown late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Lag {
    /// The kind.
    pub kind: String,
    /// How late; `0s` ends it.
    pub by: Span,
    /// A change is shown earlier once so many newer ones of its kind were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<usize>,
}

/// Open watches of a kind fall silent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Silence {
    /// The kind.
    pub kind: String,
    /// For how long; new watches are silent too until then.
    #[serde(rename = "for")]
    pub span: Span,
}

/// Changes of a kind are told together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Coalesce {
    /// The kind.
    pub kind: String,
    /// The span whose changes are told together; `0s` ends it.
    pub over: Span,
}

/// A kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OfKind {
    /// The kind.
    pub kind: String,
}

/// A webhook that changes what others write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Webhook {
    /// The kind.
    pub kind: String,
    /// What it does to the object: RFC 6902. An operation that does not apply is passed over.
    pub patch: Value,
}

/// A step of the controller's wall clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClockStep {
    /// How far forward.
    pub forward: Span,
}

const VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];

impl Fault {
    /// Refuses what can't be meant.
    pub(super) fn validate(&self, path: &str) -> Result<(), ScenarioError> {
        match self {
            Self::Calls(calls) if calls.nth == 0 => {
                Err(ScenarioError::field(format!("{path}.calls.nth"), "is 0; calls are counted from 1"))
            }
            Self::Calls(calls) => {
                let Some(odd) = calls.verbs.iter().find(|verb| !VERBS.contains(&verb.as_str())) else {
                    return Ok(());
                };
                let why = format!("holds {odd:?}; there are {}", VERBS.join(", "));
                Err(ScenarioError::field(format!("{path}.calls.verbs"), why))
            }
            Self::Webhook(webhook) if !webhook.patch.is_array() => {
                Err(ScenarioError::field(format!("{path}.webhook.patch"), "must be a list of operations"))
            }
            _ => Ok(()),
        }
    }

    /// What it is in words.
    pub(super) fn tell(&self) -> String {
        match self {
            Self::Calls(calls) => calls.tell(),
            Self::Lag(lag) if lag.by.duration().is_zero() => format!("watches of {} are in time again", lag.kind),
            Self::Lag(lag) => format!("watches of {} show changes {} late", lag.kind, lag.by),
            Self::Silence(silence) => format!("watches of {} say nothing for {}", silence.kind, silence.span),
            Self::Coalesce(all) => format!("watches of {} tell together what happens in {}", all.kind, all.over),
            Self::Repeat(all) => format!("watches of {} tell everything twice", all.kind),
            Self::Forget(all) => format!("watches of {} have to begin anew", all.kind),
            Self::CutWatches => "all watches break".to_owned(),
            Self::Webhook(webhook) => format!("a webhook changes every {}", webhook.kind),
            Self::Clock(clock) => format!("sets the controller's clock {} forward", clock.forward),
        }
    }
}

impl CallFault {
    fn tell(&self) -> String {
        let verbs = if self.verbs.is_empty() { "call".to_owned() } else { self.verbs.join("/") };
        let about = self.kind.as_ref().map(|kind| format!(" of {kind}")).unwrap_or_default();
        let which = match (self.nth, self.times) {
            (nth, Some(1)) => format!("{verbs} {nth}{about} of the controller"),
            _ => format!("{verbs}s{about} of the controller"),
        };
        let long = self.span.map(|span| format!(" for {span}")).unwrap_or_default();
        let what = match self.what {
            Outcome::CrashBefore => "kills it before it is carried out".to_owned(),
            Outcome::CrashAfter => "kills it before the answer".to_owned(),
            Outcome::Rival => "meets a write of somebody else".to_owned(),
            Outcome::Busy(seconds) => format!("gets 429, try again in {seconds} s"),
            Outcome::Refused(code) => format!("gets {code}"),
            Outcome::Committed(code) => format!("is carried out and gets {code}"),
            Outcome::Hang => "hangs".to_owned(),
            Outcome::HangAfter => "is carried out and hangs".to_owned(),
            Outcome::Delay(span) => format!("is answered {span} later"),
            Outcome::Reset => "loses its connection".to_owned(),
            Outcome::ResetAfter => "is carried out and loses its connection".to_owned(),
            Outcome::Truncated => "gets half an answer".to_owned(),
        };
        format!("{which}: {what}{long}")
    }
}
