//! Outbox: tells people what happened, as events of the cluster; never waits and never stands in anybody's way.
//!
//! Notes go into a bounded box and are written one after the other by a task; what doesn't fit is dropped and counted.
//! What is said about one object within a second is one event. One that repeats itself becomes a count on the event that
//! is there, written at most once in a while.

mod gather;
mod series;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use serin_crds::names::{EVENT_COMPONENT, EventReason, FIELD_MANAGER};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::gather::Gather;
use self::series::{Entry, Repeats, Step};
use super::clock::Clock;
use super::key::Key;
use super::metrics::{Counter, Named, Registry};
use super::shutdown::Shutdown;
use super::watch::chain;

/// Notes that wait to be written at most.
const BOX: usize = 1024;
/// Longest message of an event, in bytes: the API server refuses longer ones.
const LONGEST_MESSAGE: usize = 1024;
/// Longest part of an event's name that comes from its object.
const LONGEST_NAME: usize = 200;
/// How long one write may take.
const WRITE: Duration = Duration::from_secs(5);
/// The wait before the one retry of a write that failed for a passing reason.
const RETRY: Duration = Duration::from_secs(1);
/// How long notes are still written when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The object that a note is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Kind, such as `Rollout`.
    pub kind: &'static str,
    /// Group and version, such as `argoproj.io/v1alpha1`.
    pub api_version: String,
    /// Namespace and name.
    pub key: Key,
    /// Uid; `kubectl describe` finds events by it.
    pub uid: String,
    /// Resource version that was looked at; may be empty.
    pub resource_version: String,
}

impl About {
    /// Names an object of our API group.
    pub fn ours(kind: &'static str, key: Key, uid: impl Into<String>) -> Self {
        let api_version = serin_crds::names::API_VERSION.to_owned();
        Self { kind, api_version, key, uid: uid.into(), resource_version: String::new() }
    }
}

/// Something that happened to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventNote {
    /// The object.
    pub about: About,
    /// Argo's reason.
    pub reason: EventReason,
    /// The sentence.
    pub message: String,
}

/// Takes notes; a clone is another slot of the same box.
#[derive(Clone, Debug)]
pub struct Outbox {
    notes: mpsc::Sender<(EventNote, Timestamp)>,
    clock: Clock,
    events: Counter,
    dropped: Counter,
}

impl Outbox {
    /// Starts the task that writes; it ends, after what is in the box, when `stop` is given.
    ///
    /// `instance` tells this process from others in the events that it writes.
    pub fn start(
        client: Client,
        clock: Clock,
        registry: &Registry,
        instance: String,
        stop: Shutdown,
    ) -> (Self, JoinHandle<()>) {
        let (notes, received) = mpsc::channel(BOX);
        let named = |name, help| Named::new(name, help);
        let events = registry.counter(
            named(serin_crds::names::ROLLOUT_EVENTS_TOTAL, "Events of Rollouts."),
            &["namespace", "name", "type", "reason"],
        );
        let dropped = registry.counter(named("serin_events_dropped_total", "Events that were not written."), &["why"]);
        let outbox = Self { notes, clock: clock.clone(), events, dropped: dropped.clone() };
        let (gather, repeats) = (Gather::default(), Repeats::default());
        let writer = Writer { client, clock, instance, dropped, gather, repeats };
        (outbox, tokio::spawn(writer.run(received, stop)))
    }

    /// Takes a note; never waits.
    pub fn record(&self, note: EventNote) {
        if note.about.kind == "Rollout" {
            let (namespace, name) = (note.about.key.namespace(), note.about.key.name());
            self.events.inc(&[namespace, name, type_of(note.reason), note.reason.as_str()]);
        }
        tracing::info!(kind = note.about.kind, key = %note.about.key, reason = %note.reason, "{}", note.message);
        if let Err(error) = self.notes.try_send((note, self.clock.on_the_wall(self.clock.now()))) {
            let full = matches!(error, mpsc::error::TrySendError::Full(_));
            self.dropped.inc(&[if full { "full" } else { "closed" }]);
        }
    }
}

fn type_of(reason: EventReason) -> &'static str {
    if reason.is_warning() { "Warning" } else { "Normal" }
}

struct Writer {
    client: Client,
    clock: Clock,
    instance: String,
    dropped: Counter,
    gather: Gather,
    repeats: Repeats,
}

impl Writer {
    async fn run(mut self, mut notes: mpsc::Receiver<(EventNote, Timestamp)>, stop: Shutdown) {
        loop {
            let due = self.repeats.next_due().into_iter().chain(self.gather.next_due()).min();
            tokio::select! {
                biased;
                () = stop.wait() => break,
                note = notes.recv() => match note {
                    Some((note, at)) => self.take_in(note, at).await,
                    None => break,
                },
                () = until(due) => self.write_due(false).await,
            }
        }
        notes.close();
        let rest = async {
            while let Some((note, at)) = notes.recv().await {
                self.take_in(note, at).await;
            }
            self.write_due(true).await;
        };
        if timeout(LAST_WORDS, rest).await.is_err() {
            tracing::warn!("events were left unwritten at the end");
        }
    }

    async fn take_in(&mut self, note: EventNote, at: Timestamp) {
        for (note, at) in self.gather.add(note, at, self.clock.monotonic()) {
            self.tell(note, at).await;
        }
    }

    async fn tell(&mut self, mut note: EventNote, at: Timestamp) {
        shorten(&mut note.message);
        let now = self.clock.monotonic();
        match self.repeats.step(&note, at, now) {
            Step::Nothing => {}
            Step::Make(entry) => {
                let event = self.event(&note, &entry, at);
                let namespace = namespace_of(&note.about.key).to_owned();
                let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
                self.attempt(|| async { api.create(&PostParams::default(), &event).await }).await;
            }
            Step::Count(entry) => self.count(&entry).await,
        }
    }

    async fn write_due(&mut self, all: bool) {
        let now = self.clock.monotonic();
        for (note, at) in self.gather.due(now, all) {
            self.tell(note, at).await;
        }
        for entry in self.repeats.due(now, all) {
            self.count(&entry).await;
        }
    }

    async fn count(&self, entry: &Entry) {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &entry.namespace);
        let patch = Patch::Merge(json!({
            "count": entry.count,
            "lastTimestamp": Time(entry.last),
        }));
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.attempt(|| async { api.patch(&entry.name, &params, &patch).await }).await;
    }

    /// Writes; tries a second time where the reason may pass.
    async fn attempt<F: Future<Output = kube::Result<Event>>>(&self, write: impl Fn() -> F) {
        for last in [false, true] {
            let why = match timeout(WRITE, write()).await {
                Ok(Ok(_)) => return,
                // An earlier attempt was carried out although its answer got lost.
                Ok(Err(kube::Error::Api(status))) if status.code == 409 => return,
                Ok(Err(error)) if super::client::is_not_leader(&error) => {
                    return self.dropped.inc(&["not leader"]);
                }
                Ok(Err(error)) => {
                    let refused = matches!(&error, kube::Error::Api(status) if (400..429).contains(&status.code));
                    (chain(&error), refused)
                }
                Err(_) => (format!("no answer in {} s", WRITE.as_secs()), false),
            };
            let (why, refused) = why;
            if last || refused {
                tracing::warn!(%why, "an event was not written");
                return self.dropped.inc(&[if refused { "refused" } else { "failed" }]);
            }
            sleep(RETRY).await;
        }
    }

    fn event(&self, note: &EventNote, entry: &Entry, at: Timestamp) -> Event {
        let About { kind, api_version, key, uid, resource_version } = &note.about;
        Event {
            metadata: ObjectMeta {
                name: Some(entry.name.clone()),
                namespace: Some(entry.namespace.clone()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                kind: Some((*kind).to_owned()),
                api_version: Some(api_version.clone()),
                name: Some(key.name().to_owned()),
                namespace: Some(key.namespace().to_owned()).filter(|namespace| !namespace.is_empty()),
                uid: Some(uid.clone()),
                resource_version: Some(resource_version.clone()).filter(|version| !version.is_empty()),
                field_path: None,
            },
            reason: Some(note.reason.as_str().to_owned()),
            message: Some(note.message.clone()),
            type_: Some(type_of(note.reason).to_owned()),
            source: Some(EventSource { component: Some(EVENT_COMPONENT.to_owned()), host: None }),
            first_timestamp: Some(Time(at)),
            last_timestamp: Some(Time(at)),
            count: Some(1),
            reporting_component: Some(EVENT_COMPONENT.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Finds the namespace of an object's events: its own, or `default` for objects of the cluster.
fn namespace_of(key: &Key) -> &str {
    if key.namespace().is_empty() { "default" } else { key.namespace() }
}

fn shorten(message: &mut String) {
    const MARK: &str = "...";
    if message.len() > LONGEST_MESSAGE {
        let mut end = LONGEST_MESSAGE - MARK.len();
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push_str(MARK);
    }
}

#[cfg(test)]
mod tests;
