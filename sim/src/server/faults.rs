//! What can go wrong between a client and the server, decided call by call.

use std::{
    collections::HashMap,
    fmt,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    bell::{Bell, Listening},
    journal::Verb,
};

/// One call, as a fault sees it before it is carried out.
#[derive(Clone, Debug)]
pub struct Call {
    /// The how manieth call of this server it is, from 0.
    pub index: u64,
    /// When it came.
    pub at: Timestamp,
    /// The version of the whole store when it came.
    pub version: u64,
    /// Who calls.
    pub user: String,
    /// What it does.
    pub verb: Verb,
    /// The plural, such as `rollouts`.
    pub resource: String,
    /// The subresource; empty for the object itself.
    pub subresource: String,
    /// The namespace; empty for cluster objects and for all namespaces.
    pub namespace: String,
    /// The name; empty for lists and for creates.
    pub name: String,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing; it is carried out.
    None,
    /// It is answered with this status and not carried out.
    Before(u16),
    /// It is answered with 429 and the seconds to wait, and not carried out.
    Busy(u32),
    /// It is carried out, and answered with this status all the same.
    After(u16),
    /// It is never answered and not carried out.
    Hang,
    /// It is carried out and never answered.
    HangAfter,
    /// It is carried out and answered later.
    Delay(Duration),
    /// The connection breaks before it is carried out.
    Drop,
    /// It is carried out, and the connection breaks before the answer.
    DropAfter,
    /// It is carried out, and half of the answer arrives.
    Truncate,
    /// Somebody else changes the object just before it is carried out; one that makes an object finds it there.
    Rival,
}

/// How the watches of one kind misbehave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchFaults {
    /// They show changes so late; lists from the cache do too.
    pub lag: Duration,
    /// A change is shown before its lag is over once so many newer ones of the kind were made.
    pub events: Option<usize>,
    /// They say nothing until then.
    pub silent: Option<Instant>,
    /// They tell together what happens in such a span: of each object only how it ends.
    pub coalesce: Duration,
    /// They tell everything twice.
    pub repeat: bool,
}

type Hook = Box<dyn Fn(&Call) -> Fault + Send + Sync>;

/// The faults of one server.
#[derive(Default)]
pub struct Faults {
    hook: RwLock<Option<Hook>>,
    watches: RwLock<HashMap<String, WatchFaults>>,
    cuts: Bell,
    changes: Bell,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("watches", &self.watches).finish_non_exhaustive()
    }
}

impl Faults {
    /// Asks `hook` about every call from now on.
    pub fn set(&self, hook: impl Fn(&Call) -> Fault + Send + Sync + 'static) {
        *self.hook.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }

    /// Lets every call through again.
    pub fn clear(&self) {
        *self.hook.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Tells what happens to `call`.
    pub fn decide(&self, call: &Call) -> Fault {
        let hook = self.hook.read().unwrap_or_else(PoisonError::into_inner);
        hook.as_ref().map_or(Fault::None, |hook| hook(call))
    }

    /// Changes how the watches of `resource` (a plural) misbehave; open ones notice at once.
    pub fn watches(&self, resource: &str, change: impl FnOnce(&mut WatchFaults)) {
        change(self.watches.write().unwrap_or_else(PoisonError::into_inner).entry(resource.to_owned()).or_default());
        self.changes.ring();
    }

    /// Makes the watches of `resource` (a plural), and lists from the cache, show changes `lag` late.
    pub fn set_lag(&self, resource: &str, lag: Duration) {
        self.watches(resource, |faults| faults.lag = lag);
    }

    /// Tells how the watches of `resource` misbehave.
    pub fn of_watches(&self, resource: &str) -> WatchFaults {
        self.watches.read().unwrap_or_else(PoisonError::into_inner).get(resource).copied().unwrap_or_default()
    }

    /// Ends every open watch as a broken connection would.
    pub fn cut_watches(&self) {
        self.cuts.ring();
    }

    /// Tells when watches are cut.
    pub(super) fn cuts(&self) -> Listening {
        self.cuts.listen()
    }

    /// Tells when watches begin to misbehave in another way.
    pub(super) fn changes(&self) -> Listening {
        self.changes.listen()
    }
}
