//! Follows one kind: lists it, watches it, and never gives up.
//!
//! Written on plain list and watch requests rather than on a ready-made watcher, because bookmarks must count as signs
//! of life, one object that cannot be decoded must not spoil a page, and a list that goes back in time must be refused.

mod error;
mod line;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, Shared};
use futures::{AsyncBufRead, AsyncBufReadExt as _};
use kube::Client;
use kube::api::{ListParams, WatchParams};
use kube::core::Request;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::error::WatchError;
pub use self::error::chain;
use self::line::{Event, Page, key_of, read_event};
use super::clock::Clock;
use super::projection::{Place, Projection};
use super::store::{Change, Store};

/// How long the API server keeps one watch open, in seconds.
const WATCH_SECONDS: u32 = 50;
/// How much longer we wait for a line before we take the connection for dead.
const MARGIN: Duration = Duration::from_secs(5);
/// How long one page of a list, or the head of a watch, may take.
const ANSWER: Duration = Duration::from_secs(30);
/// The first wait after a failure, doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait after a list that worked, so that a watch which is refused each time doesn't list in a hot loop.
const RELIST_WAIT: Duration = Duration::from_secs(2);
/// How long a first list may fail before the others go on without it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a list that goes back in time is refused before its history is accepted as new.
const REFUSALS: u32 = 4;
/// A line buffer larger than this is given back after use.
const BUFFER_KEPT: usize = 64 * 1024;

/// What to follow.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Where the kind lives.
    pub place: Place,
    /// Only this namespace, or all.
    pub namespace: Option<String>,
    /// Only objects with these labels.
    pub labels: Option<String>,
    /// Objects a page of a list; bounds the peak of memory at the start.
    pub page: u32,
}

impl Scope {
    /// Follows a whole kind, in one namespace or in all.
    pub fn of<K: Projection>(namespace: Option<&str>) -> Self {
        Self { place: K::PLACE, namespace: namespace.map(str::to_owned), labels: None, page: 100 }
    }

    /// Follows only objects with these labels.
    #[must_use]
    pub fn with_labels(mut self, selector: impl Into<String>) -> Self {
        self.labels = Some(selector.into());
        self
    }

    /// Follows only objects of the controller with this instance id; without an id, those that name none.
    #[must_use]
    pub fn of_instance(self, id: &str) -> Self {
        let label = serin_crds::names::INSTANCE_ID_LABEL;
        self.with_labels(if id.is_empty() { format!("!{label}") } else { format!("{label}={id}") })
    }

    /// Asks for another version of the kind.
    #[must_use]
    pub fn at_version(mut self, version: &str) -> Self {
        self.place = self.place.at_version(version);
        self
    }
}

type Hear<K> = Box<dyn Fn(&Change<K>) + Send + Sync>;
type WantsBody<K> = Box<dyn Fn(&K) -> bool + Send + Sync>;

/// Who hears of what a watch brings, and what they want of it.
pub struct Listener<K> {
    hear: Hear<K>,
    wants_body: WantsBody<K>,
    after: Option<Ready>,
}

/// Something that watches wait for before they begin, in the order in which they were started.
pub type Ready = Shared<BoxFuture<'static, ()>>;

impl<K> Listener<K> {
    /// Hears of each change after the store has changed; a panic in it is logged and costs nothing else.
    pub fn new(hear: impl Fn(&Change<K>) + Send + Sync + 'static) -> Self {
        Self { hear: Box::new(hear), wants_body: Box::new(|_| true), after: None }
    }

    /// Wants the bodies of these objects only; follows nothing before that can be told.
    #[must_use]
    pub fn wanting(mut self, wants: impl Fn(&K) -> bool + Send + Sync + 'static, after: Ready) -> Self {
        (self.wants_body, self.after) = (Box::new(wants), Some(after));
        self
    }
}

/// Starts to follow a kind in a task of its own; ends only when the handle is aborted.
pub fn follow<K: Projection>(
    client: Client,
    clock: Clock,
    scope: Scope,
    store: Arc<Store<K>>,
    listener: Listener<K>,
) -> JoinHandle<()> {
    let follower = Follower { client, clock, scope, store, listener, wait: FIRST_WAIT, refused: 0 };
    tokio::spawn(follower.run())
}

struct Follower<K> {
    client: Client,
    clock: Clock,
    scope: Scope,
    store: Arc<Store<K>>,
    listener: Listener<K>,
    wait: Duration,
    refused: u32,
}

impl<K: Projection> Follower<K> {
    async fn run(mut self) {
        if let Some(ready) = self.listener.after.take() {
            ready.await;
        }
        let begun = self.clock.monotonic();
        loop {
            let error = match self.list().await {
                Ok(version) => self.watch(version).await,
                Err(error) => error,
            };
            let resource = self.scope.place.resource();
            match error {
                WatchError::Gone => tracing::info!(%resource, "the watch fell behind; listing again"),
                WatchError::Unavailable(why) => {
                    tracing::warn!(%resource, %why, "cannot follow");
                    self.store.refuse(why);
                }
                WatchError::Passing(why) => {
                    tracing::warn!(%resource, %why, "cannot list");
                    self.store.fail(&why);
                    let waited = self.clock.monotonic().duration_since(begun);
                    if waited >= PATIENCE && !self.store.is_settled() {
                        self.store.set_unavailable(format!("{resource} cannot be listed: {why}"));
                    }
                }
            }
            self.back_off().await;
        }
    }

    async fn back_off(&mut self) {
        sleep(self.wait).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    /// Lists everything; returns the version from which to watch.
    async fn list(&mut self) -> Result<String, WatchError> {
        let mut params = ListParams { limit: Some(self.scope.page), ..ListParams::default() };
        params.label_selector.clone_from(&self.scope.labels);
        self.store.begin_list();
        loop {
            let text = self.page(&params).await?;
            let page: Page<'_> = serde_json::from_str(&text)
                .map_err(|why| WatchError::Passing(format!("cannot decode the list: {why}")))?;
            self.refuse_old_history(&page.metadata.resource_version)?;
            for object in page.items.iter().flatten() {
                self.show(object.get());
            }
            if let Some(token) = page.metadata.next.filter(|token| !token.is_empty()) {
                params.continue_token = Some(token);
                continue;
            }
            for change in self.store.end_list(&page.metadata.resource_version) {
                self.tell(&change);
            }
            return Ok(page.metadata.resource_version);
        }
    }

    async fn page(&self, params: &ListParams) -> Result<String, WatchError> {
        let request = Request::new(self.scope.place.path(self.scope.namespace.as_deref()))
            .list(params)
            .map_err(|why| WatchError::Passing(why.to_string()))?;
        match timeout(ANSWER, self.client.request_text(request)).await {
            Ok(answer) => answer.map_err(|error| WatchError::of(&error, &self.scope.place)),
            Err(_) => Err(WatchError::Passing(format!("no answer to a list in {} s", ANSWER.as_secs()))),
        }
    }

    /// Refuses a list that is older than what was seen, a few times: it comes from a server that lags behind.
    fn refuse_old_history(&mut self, version: &str) -> Result<(), WatchError> {
        if !self.store.is_behind(version) {
            self.refused = 0;
            return Ok(());
        }
        self.refused += 1;
        if self.refused < REFUSALS {
            return Err(WatchError::Passing(format!("the list at version {version} is older than what was seen")));
        }
        tracing::warn!(resource = %self.scope.place.resource(), version, "the history was replaced; starting anew");
        self.refused = 0;
        self.store.accept_older_history();
        self.store.begin_list();
        Ok(())
    }

    /// Watches from a version until something stands in the way that reconnecting doesn't mend.
    async fn watch(&mut self, mut version: String) -> WatchError {
        self.wait = self.wait.min(RELIST_WAIT);
        // What happened in a long silence would be told only after the connection stands: a list tells it at once.
        while self.store.is_believed() {
            let connected = self.clock.monotonic();
            match self.connect(&version).await {
                Ok(_) if !self.store.is_believed() => break,
                Ok(stream) => {
                    self.store.touch(None);
                    if let Err(error) = self.read(stream, &mut version).await {
                        match error {
                            WatchError::Passing(why) => self.stumble(&why),
                            lasting => return lasting,
                        }
                    }
                }
                Err(WatchError::Passing(why)) => self.stumble(&why),
                Err(lasting) => return lasting,
            }
            if self.clock.monotonic().duration_since(connected) >= MARGIN {
                self.wait = FIRST_WAIT;
            } else {
                self.back_off().await;
            }
        }
        WatchError::Gone
    }

    fn stumble(&self, why: &str) {
        tracing::debug!(resource = %self.scope.place.resource(), %why, "the watch broke; connecting again");
        self.store.fail(why);
    }

    async fn connect(&self, version: &str) -> Result<impl AsyncBufRead + use<K>, WatchError> {
        let params = WatchParams {
            label_selector: self.scope.labels.clone(),
            timeout: Some(WATCH_SECONDS),
            bookmarks: true,
            ..WatchParams::default()
        };
        let mut request = Request::new(self.scope.place.path(self.scope.namespace.as_deref()))
            .watch(&params, version)
            .map_err(|why| WatchError::Passing(why.to_string()))?;
        // Events gzipped one by one (Kubernetes 1.37) are not decoded beyond the first.
        request.headers_mut().insert(http::header::ACCEPT_ENCODING, http::HeaderValue::from_static("identity"));
        match timeout(ANSWER, self.client.request_stream(request)).await {
            Ok(answer) => answer.map_err(|error| WatchError::of(&error, &self.scope.place)),
            Err(_) => Err(WatchError::Passing(format!("no answer to a watch in {} s", ANSWER.as_secs()))),
        }
    }

    /// Reads events until the stream ends, fails or falls silent.
    async fn read(&mut self, stream: impl AsyncBufRead, version: &mut String) -> Result<(), WatchError> {
        let idle = Duration::from_secs(u64::from(WATCH_SECONDS)) + MARGIN;
        let mut stream = std::pin::pin!(stream);
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            buffer.shrink_to(BUFFER_KEPT);
            match timeout(idle, stream.read_until(b'\n', &mut buffer)).await {
                Ok(Ok(0)) => return Ok(()),
                Ok(Ok(_)) => self.take_in(&buffer, version)?,
                Ok(Err(why)) => return Err(WatchError::Passing(why.to_string())),
                Err(_) => return Err(WatchError::Passing(format!("silent for {} s", idle.as_secs()))),
            }
        }
    }

    fn take_in(&mut self, line: &[u8], version: &mut String) -> Result<(), WatchError> {
        let event = read_event(line).map_err(|why| WatchError::Passing(format!("cannot decode an event: {why}")))?;
        match event {
            Event::Nothing => return Ok(()),
            Event::Bookmark(at) => *version = at,
            Event::Failed { code: 410, .. } => return Err(WatchError::Gone),
            Event::Failed { code, message } => {
                return Err(WatchError::Passing(format!("{code} {message}")));
            }
            Event::Shown { at, object } => {
                self.show(object);
                *version = at;
            }
            Event::Removed { at, object } => {
                self.hide(object, &at);
                *version = at;
            }
        }
        self.wait = FIRST_WAIT;
        self.store.touch(Some(version));
        Ok(())
    }

    fn show(&self, object: &str) {
        match K::project(object) {
            Ok(mut object) => {
                if !(self.listener.wants_body)(&object) {
                    object.shed();
                }
                if let Some(change) = self.store.apply(object) {
                    self.tell(&change);
                }
            }
            Err(error) => {
                let Some(key) = key_of(object) else { return };
                let kind = self.scope.place.kind;
                let why = format!("{kind} {key} cannot be decoded: {}", chain(&error));
                tracing::warn!(%why, "an object is left out");
                self.store.mark_unreadable(key, why);
            }
        }
    }

    /// Takes in that an object is gone, which may be one that could not be decoded.
    fn hide(&self, object: &str, version: &str) {
        if let Some(change) = key_of(object).and_then(|key| self.store.remove(&key, version)) {
            self.tell(&change);
        }
    }

    fn tell(&self, change: &Change<K>) {
        if std::panic::catch_unwind(AssertUnwindSafe(|| (self.listener.hear)(change))).is_err() {
            tracing::error!(resource = %self.scope.place.resource(), key = %change.key(), "panic while passing on a change");
        }
    }
}

#[cfg(test)]
mod tests;
