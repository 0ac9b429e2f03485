//! The one thing that goes wrong in a run.

use crate::{
    play::Asked,
    scenario::{CallFault, Coalesce, Fault, Lag, OfKind, Outcome, Span, plural},
};

/// What can go wrong with one call.
pub const OUTCOMES: [Outcome; 12] = [
    Outcome::CrashBefore,
    Outcome::CrashAfter,
    Outcome::Rival,
    Outcome::Busy(1),
    Outcome::Refused(403),
    Outcome::Refused(500),
    Outcome::Committed(504),
    Outcome::Reset,
    Outcome::ResetAfter,
    Outcome::Hang,
    Outcome::HangAfter,
    Outcome::Truncated,
];

/// The kinds that the controller watches.
const KINDS: [&str; 8] = [
    "Rollout",
    "ReplicaSet",
    "Service",
    "VirtualService",
    "DestinationRule",
    "AnalysisRun",
    "AnalysisTemplate",
    "ClusterAnalysisTemplate",
];

/// How late a watch that lags shows changes; and how long one that skips gathers them.
const LATE: Span = Span::seconds(5);

/// The one thing that goes wrong in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disturbance {
    /// A call of the controller goes wrong.
    Call {
        /// Which, counted from 1.
        nth: usize,
        /// What it is undisturbed, like `patch-virtualservices`.
        what: String,
        /// How.
        outcome: Outcome,
    },
    /// Watches of a kind show every change late.
    Late(&'static str),
    /// Watches of a kind pass over what does not last.
    Skipping(&'static str),
    /// Watches of a kind tell everything twice.
    Twice(&'static str),
    /// A watch of a kind is told 410, so that all is listed again.
    Expired {
        /// The kind.
        kind: &'static str,
        /// Which of its watches, counted from 1.
        nth: u64,
    },
}

impl Disturbance {
    /// Everything that can go wrong with these calls, one thing at a time.
    pub(super) fn all(calls: &[Asked]) -> Vec<Self> {
        let of_calls = calls.iter().enumerate().flat_map(|(at, call)| {
            let what = what(call);
            OUTCOMES.map(|outcome| Self::Call { nth: at + 1, what: what.clone(), outcome })
        });
        let of_watches = KINDS.into_iter().flat_map(|kind| {
            let resource = plural(kind);
            let watches = calls.iter().filter(|call| call.verb == "watch" && call.resource == resource).count();
            let watches = u64::try_from(watches).unwrap_or(u64::MAX);
            let lasting = [Self::Late(kind), Self::Skipping(kind), Self::Twice(kind)];
            let expired = (1..=watches).map(move |nth| Self::Expired { kind, nth });
            lasting.into_iter().filter(move |_| watches > 0).chain(expired)
        });
        of_calls.chain(of_watches).collect()
    }

    /// What goes wrong, as scenarios say it.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Call { nth, outcome, .. } => {
                Fault::Calls(CallFault::at(u64::try_from(*nth).unwrap_or(u64::MAX), *outcome))
            }
            Self::Late(kind) => Fault::Lag(Lag { kind: (*kind).to_owned(), by: LATE, events: None }),
            Self::Skipping(kind) => Fault::Coalesce(Coalesce { kind: (*kind).to_owned(), over: LATE }),
            Self::Twice(kind) => Fault::Repeat(OfKind { kind: (*kind).to_owned() }),
            Self::Expired { kind, nth } => Fault::Calls(CallFault {
                verbs: vec!["watch".to_owned()],
                kind: Some((*kind).to_owned()),
                ..CallFault::at(*nth, Outcome::Refused(410))
            }),
        }
    }

    /// The class of what goes wrong, for counts.
    pub fn class(&self) -> String {
        match self {
            Self::Call { outcome, .. } => word(*outcome),
            Self::Late(_) => "watch-late".to_owned(),
            Self::Skipping(_) => "watch-skips".to_owned(),
            Self::Twice(_) => "watch-twice".to_owned(),
            Self::Expired { .. } => "watch-410".to_owned(),
        }
    }

    /// What goes wrong and where, for names of files.
    pub(super) fn name(&self) -> String {
        let class = self.class();
        match self {
            Self::Call { nth, what, .. } => format!("{nth}-{what}-{class}"),
            Self::Late(kind) | Self::Skipping(kind) | Self::Twice(kind) => format!("{}-{class}", plural(kind)),
            Self::Expired { kind, nth } => format!("{}-{class}-{nth}", plural(kind)),
        }
    }

    /// Says whether the controller may die of it with an event untold: events are told once the record stands, and no record of
    /// them is kept.
    pub(super) const fn kills(&self) -> bool {
        matches!(self, Self::Call { outcome: Outcome::CrashBefore | Outcome::CrashAfter, .. })
    }

    /// Says whether it hits a call that changes something.
    pub fn hits_write(&self) -> bool {
        let writes = ["create", "update", "patch", "delete"];
        matches!(self, Self::Call { what, .. } if writes.iter().any(|verb| what.starts_with(verb)))
    }
}

fn what(call: &Asked) -> String {
    let Asked { verb, resource, subresource, at: _ } = call;
    let dash = if subresource.is_empty() { "" } else { "-" };
    format!("{verb}-{resource}{dash}{subresource}")
}

fn word(outcome: Outcome) -> String {
    match outcome {
        Outcome::CrashBefore => "crash-before".to_owned(),
        Outcome::CrashAfter => "crash-after".to_owned(),
        Outcome::Rival => "rival".to_owned(),
        Outcome::Busy(_) => "429".to_owned(),
        Outcome::Refused(code) => code.to_string(),
        Outcome::Committed(code) => format!("{code}-committed"),
        Outcome::Hang => "hang".to_owned(),
        Outcome::HangAfter => "hang-committed".to_owned(),
        Outcome::Delay(_) => "delay".to_owned(),
        Outcome::Reset => "reset".to_owned(),
        Outcome::ResetAfter => "reset-committed".to_owned(),
        Outcome::Truncated => "truncated".to_owned(),
    }
}
