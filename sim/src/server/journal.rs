//! What was asked of the server and what it did: every write in order, and how often each call was made.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use jiff::Timestamp;
use serde_json::Value;

use super::faults::Call;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads many.
    List,
    /// Follows changes.
    Watch,
    /// Makes a new object.
    Create,
    /// Replaces an object.
    Update,
    /// Changes part of an object.
    Patch,
    /// Takes an object away.
    Delete,
    /// Takes many away.
    DeleteCollection,
}

impl Verb {
    /// Returns the word that RBAC and audit logs use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    /// Tells whether the call can change anything.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::List | Self::Watch)
    }
}

/// One write that the server accepted.
#[derive(Clone, Debug)]
pub struct Write {
    /// When.
    pub at: Timestamp,
    /// Who was authenticated.
    pub user: String,
    /// The field manager.
    pub manager: String,
    /// What the call did.
    pub verb: Verb,
    /// The plural, such as `rollouts`.
    pub resource: String,
    /// The subresource written to, such as `status`.
    pub subresource: Option<String>,
    /// The namespace; empty for cluster objects.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The object before; nothing when it is new.
    pub before: Option<Arc<Value>>,
    /// The object after; nothing when it is gone. The same as `before` when the write changed nothing.
    pub after: Option<Arc<Value>>,
    /// The HTTP status of the commit.
    pub code: u16,
}

impl Write {
    /// Tells whether the stored object is another one than before.
    pub fn changed(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => !Arc::ptr_eq(before, after),
            (None, None) => false,
            _ => true,
        }
    }
}

/// One kind of call in the counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// What the call did.
    pub verb: Verb,
    /// The resource, with its subresource, such as `rollouts/status`.
    pub resource: String,
    /// Who called.
    pub user: String,
    /// What was answered; 0 when nothing was.
    pub code: u16,
}

type Listener = Box<dyn Fn(&Write) + Send + Sync>;

type CallListener = Box<dyn Fn(&Call, u16) + Send + Sync>;

/// The record of all calls.
pub struct Journal {
    writes: Mutex<Writes>,
    counts: Mutex<BTreeMap<Counted, u64>>,
    listeners: RwLock<Vec<Listener>>,
    call_listeners: RwLock<Vec<CallListener>>,
}

#[derive(Debug)]
struct Writes {
    kept: VecDeque<Arc<Write>>,
    most: usize,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Journal {
    /// Makes an empty record that keeps the last `most` writes.
    pub fn new(most: usize) -> Self {
        Self {
            writes: Mutex::new(Writes { kept: VecDeque::new(), most }),
            counts: Mutex::default(),
            listeners: RwLock::default(),
            call_listeners: RwLock::default(),
        }
    }

    /// Keeps a write and tells everyone who listens.
    pub fn record(&self, write: Write) {
        let write = Arc::new(write);
        {
            let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
            writes.kept.push_back(Arc::clone(&write));
            while writes.kept.len() > writes.most {
                writes.kept.pop_front();
            }
        }
        for listener in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(&write);
        }
    }

    /// Tells `listener` of every write from now on.
    pub fn listen(&self, listener: Listener) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Tells nobody any more.
    pub fn deafen(&self) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.call_listeners.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Sets how many writes are kept.
    pub fn keep(&self, most: usize) {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).most = most;
    }

    /// Returns the writes that are kept, oldest first.
    pub fn writes(&self) -> Vec<Arc<Write>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).kept.iter().cloned().collect()
    }

    /// Tells `listener` of every call over HTTP when it is answered, with the HTTP status; 0 when the connection broke.
    pub fn listen_to_calls(&self, listener: CallListener) {
        self.call_listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Counts a call that was answered.
    pub fn count(&self, call: Call, code: u16) {
        for listener in self.call_listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(&call, code);
        }
        let slash = if call.subresource.is_empty() { "" } else { "/" };
        let resource = format!("{}{slash}{}", call.resource, call.subresource);
        let counted = Counted { verb: call.verb, resource, user: call.user, code };
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(counted).or_default() += 1;
    }

    /// Returns how often each call was made.
    pub fn counts(&self) -> BTreeMap<Counted, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts counting anew.
    pub fn reset_counts(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
