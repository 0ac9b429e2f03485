//! Streams changes: one line of JSON for each, as they happen or as late as the kind lags.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream::{self, Stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{
    Inner,
    bell::Listening,
    faults::WatchFaults,
    json::{put, text},
    read::number,
    refusal::{Cause, Refusal},
    render::ResponseFormat,
    route::Query,
    select::Selector,
    store::{self, Change, Key},
    write::Target,
};

/// How often a watch that nothing happens to says how far it has come.
const BOOKMARK: Duration = Duration::from_secs(60);

/// How long a watch lasts that names no end.
const LIFE: Duration = Duration::from_secs(1800);

/// An open watch.
struct Watch {
    inner: Arc<Inner>,
    target: Target,
    selector: Selector,
    pen: ResponseFormat,
    /// Everything up to this version has been sent.
    seen: u64,
    pending: VecDeque<Bytes>,
    bookmarks: bool,
    /// When the watch ends, and when the next bookmark is due.
    ends: Instant,
    marks: Instant,
    bell: Listening,
    cuts: Listening,
    faults: Listening,
    started: bool,
    over: bool,
}

/// Opens a watch.
///
/// # Errors
/// A refusal when the selectors or the version can't be read. A version that has been forgotten is no refusal: the
/// stream says so, as the real one does.
pub fn open(
    inner: &Arc<Inner>,
    target: Target,
    query: &Query,
    pen: ResponseFormat,
) -> Result<impl Stream<Item = Bytes> + Send + use<>, Refusal> {
    let selector = Selector::parse(&target.kind, query.get("labelSelector"), query.get("fieldSelector"))?;
    let version = query.get("resourceVersion");
    let from = if version.is_empty() { 0 } else { number(version)? };
    let initial = query.flag("sendInitialEvents");
    if initial && query.get("resourceVersionMatch") != "NotOlderThan" {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err(Refusal::option("ListOptions", &Cause::forbidden("resourceVersionMatch", why)));
    }
    let life = query.get("timeoutSeconds").parse().map_or(LIFE, Duration::from_secs);
    let bell = inner.store().bell(target.kind.id).ok_or_else(|| Refusal::of_code(404))?;
    let now = store::now();
    let mut watch = Watch {
        cuts: inner.faults.cuts(),
        faults: inner.faults.changes(),
        inner: Arc::clone(inner),
        target,
        selector,
        pen,
        seen: from,
        pending: VecDeque::new(),
        bookmarks: query.flag("allowWatchBookmarks"),
        ends: now + life,
        marks: now + BOOKMARK,
        bell,
        started: false,
        over: false,
    };
    watch.bell.catch_up();
    if initial || from == 0 {
        watch.begin(version, initial);
    }
    Ok(stream::unfold(watch, |mut watch| async move { watch.next().await.map(|line| (line, watch)) }))
}

impl Watch {
    /// Sends the objects that are there as if they were new.
    fn begin(&mut self, version: &str, initial: bool) {
        let lag = self.misbehaves().lag;
        let id = self.target.kind.id;
        let store = self.inner.store();
        // Without a version the newest state is asked for, with one the cache may answer.
        let revision = if version.is_empty() {
            store.revision()
        } else {
            store.revision_behind(id, lag, store::now()).max(self.seen)
        };
        let objects = store.list_at(id, revision).unwrap_or_default();
        drop(store);
        for object in &objects {
            if !self.covers(object) {
                continue;
            }
            let line = self.line("ADDED", object);
            self.pending.push_back(line);
        }
        self.seen = revision;
        if initial && self.bookmarks {
            let line = self.bookmark(true);
            self.pending.push_back(line);
        }
    }

    fn misbehaves(&self) -> WatchFaults {
        self.inner.faults.of_watches(&self.target.kind.names.plural)
    }

    fn covers(&self, object: &Value) -> bool {
        let namespace = &self.target.namespace;
        (namespace.is_empty() || text(object, &["metadata", "namespace"]) == namespace) && self.selector.matches(object)
    }

    fn line(&mut self, kind: &str, object: &Arc<Value>) -> Bytes {
        let first = !self.started;
        self.started = true;
        self.pen.now = self.inner.now();
        self.pen.line(kind, object, first)
    }

    fn bookmark(&self, initial: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": self.seen.to_string()});
        if initial {
            put(&mut metadata, &["annotations"], json!({"k8s.io/initial-events-end": "true"}));
        }
        let object = json!({
            "kind": self.target.kind.names.kind, "apiVersion": self.target.version.api_version(), "metadata": metadata,
        });
        raw("BOOKMARK", &object)
    }

    /// Returns the next line, or nothing when the watch is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let faults = self.misbehaves();
            if let Some(until) = faults.silent.filter(|until| *until > store::now()) {
                tokio::select! {
                    biased;
                    () = self.cuts.rung() => return None,
                    () = self.faults.rung() => {}
                    () = sleep_until(until) => {}
                }
                continue;
            }
            if let Some(line) = self.pending.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            let due = self.gather(faults);
            if !self.pending.is_empty() {
                continue;
            }
            let wake = due.unwrap_or(self.ends).min(self.ends).min(self.marks);
            tokio::select! {
                biased;
                () = self.cuts.rung() => return None,
                () = self.faults.rung() => {}
                () = self.bell.rung() => {}
                () = sleep_until(wake) => self.tick(),
            }
        }
    }

    /// Collects the changes that may be shown by now, and tells when the next one may be.
    fn gather(&mut self, faults: WatchFaults) -> Option<Instant> {
        let now = store::now();
        let mut due = None;
        let fresh = {
            let store = self.inner.store();
            let newest = store.revision();
            let Some(changes) = store.changes_after(self.target.kind.id, self.seen) else {
                drop(store);
                self.expire(newest);
                return None;
            };
            let mut changes: Vec<Change> = changes.cloned().collect();
            let newer = faults.events.map(|events| changes.len().saturating_sub(events)).unwrap_or_default();
            let early = |(at, change): (usize, &Change)| at < newer || change.at + faults.lag <= now;
            let shown = changes.iter().enumerate().take_while(|one| early(*one)).count();
            due = changes.get(shown).map(|change| change.at + faults.lag).or(due);
            changes.truncate(shown);
            if let Some(first) = changes.first().filter(|first| first.at + faults.coalesce > now) {
                due = Some(first.at + faults.coalesce);
                changes.clear();
            }
            changes
        };
        if let Some(last) = fresh.last() {
            self.seen = last.revision;
        }
        let fresh = if faults.coalesce.is_zero() { fresh } else { together(fresh) };
        for change in fresh {
            self.tell(&change);
            if faults.repeat {
                self.tell(&change);
            }
        }
        due
    }

    /// Tells of a change as far as it is seen through the selector.
    fn tell(&mut self, change: &Change) {
        let before = change.before.as_ref().filter(|before| self.covers(before));
        let is = change.after.as_ref().is_some_and(|after| self.covers(after));
        let (kind, object) = match (before, is) {
            (None, true) => ("ADDED", Arc::clone(&change.last)),
            (Some(_), true) => ("MODIFIED", Arc::clone(&change.last)),
            (Some(_), false) if change.after.is_none() => ("DELETED", Arc::clone(&change.last)),
            (Some(before), false) => {
                // One who goes out of sight is shown as last seen.
                let mut last = (**before).clone();
                put(&mut last, &["metadata", "resourceVersion"], change.revision.to_string().into());
                ("DELETED", Arc::new(last))
            }
            (None, false) => return,
        };
        let line = self.line(kind, &object);
        self.pending.push_back(line);
    }

    fn expire(&mut self, newest: u64) {
        let refusal = Refusal::expired(format!("too old resource version: {} ({newest})", self.seen));
        self.pending.push_back(raw("ERROR", &refusal.status()));
        self.over = true;
    }

    /// Says how far the watch has come, or ends it.
    fn tick(&mut self) {
        let now = store::now();
        let (marks, ends) = (now >= self.marks, now >= self.ends);
        if marks {
            self.marks = now + BOOKMARK;
        }
        if (marks || ends) && self.bookmarks && self.seen > 0 {
            self.catch_up(now);
            let line = self.bookmark(false);
            self.pending.push_back(line);
        }
        self.over |= ends;
    }

    /// Counts versions of other kinds as seen, which bookmarks are for.
    fn catch_up(&mut self, now: Instant) {
        let store = self.inner.store();
        let behind = store.revision_behind(self.target.kind.id, self.misbehaves().lag, now);
        let nothing_new = store
            .changes_after(self.target.kind.id, self.seen)
            .is_some_and(|mut changes| changes.next().is_none_or(|change| change.revision > behind));
        if nothing_new {
            self.seen = self.seen.max(behind);
        }
    }
}

/// Makes one change of all changes of an object: from before the first to after the last.
fn together(changes: Vec<Change>) -> Vec<Change> {
    let mut joined: Vec<Change> = Vec::new();
    for change in changes {
        let key = Key::of(&change.last);
        match joined.iter().position(|one| Key::of(&one.last) == key) {
            Some(at) => {
                let first = joined.remove(at);
                joined.push(Change { before: first.before, ..change });
            }
            None => joined.push(change),
        }
    }
    joined
}

fn raw(kind: &str, object: &Value) -> Bytes {
    let mut line = json!({"type": kind, "object": object}).to_string().into_bytes();
    line.push(b'\n');
    line.into()
}

/// Follows the changes of a kind from inside the simulation, without lag and without HTTP.
#[derive(Debug)]
pub struct Follower {
    inner: Arc<Inner>,
    id: usize,
    seen: u64,
    bell: Listening,
}

/// One change that a follower sees.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The object before.
    pub before: Option<Arc<Value>>,
    /// The object after.
    pub after: Option<Arc<Value>>,
    /// Where it stands.
    pub key: Key,
}

impl Followed {
    /// Says that an object is there.
    pub fn new(object: Arc<Value>) -> Self {
        Self { before: None, key: Key::of(&object), after: Some(object) }
    }

    fn of(change: &Change) -> Self {
        Self { before: change.before.clone(), after: change.after.clone(), key: Key::of(&change.last) }
    }
}

impl Follower {
    /// Follows the kind `id` from its beginning: what is there comes first, as new.
    pub(super) fn new(inner: &Arc<Inner>, id: usize) -> Option<(Self, Vec<Arc<Value>>)> {
        let mut store = inner.store();
        let bell = store.bell(id)?;
        let (objects, seen) = (store.list(id, None), store.revision());
        drop(store);
        Some((Self { inner: Arc::clone(inner), id, seen, bell }, objects))
    }

    /// Returns what changed since the last call, at once. When more changed than is remembered, everything that is there
    /// comes again, as new.
    pub fn drain(&mut self) -> Vec<Followed> {
        self.bell.catch_up();
        let store = self.inner.store();
        let followed = match store.changes_after(self.id, self.seen) {
            Some(changes) => changes.map(Followed::of).collect(),
            None => store.list(self.id, None).into_iter().map(Followed::new).collect(),
        };
        self.seen = store.revision();
        followed
    }

    /// Waits until something changes.
    pub async fn changed(&mut self) {
        self.bell.rung().await;
    }
}
