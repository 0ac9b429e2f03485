//! A Kubernetes API server in one process, behind the real client.
//!
//! It keeps what callers rely on: one counter of versions, conditional writes, split status, generations, field
//! managers, finalizers, watches that resume or say that they can't, and the `Status` objects of the real server. It
//! leaves out what no promise rests on: admission, CEL, RBAC, quotas.

mod bell;
mod builtin;
mod convert;
mod crd;
mod defaults;
mod direct;
mod discovery;
pub mod faults;
mod fields;
mod istio;
pub mod journal;
pub mod json;
mod kind;
mod listen;
mod openapi;
mod patch;
mod read;
pub mod refusal;
mod render;
mod request;
mod route;
mod schema;
mod select;
mod service;
mod store;
mod table;
mod watch;
mod write;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::{
    crd::CrdError,
    direct::Direct,
    listen::Listener,
    select::Selector,
    service::{Broken, UserEndpoint},
    store::Key,
    watch::{Followed, Follower},
    write::{Change, Deletion},
};

use self::{
    faults::Faults,
    journal::{Counted, Journal, Write},
    kind::Registry,
    refusal::Refusal,
    store::Store,
};

/// Tells the time of day.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How many changes of each kind are remembered for watches.
const HISTORY: usize = 2000;

/// How many writes the journal keeps.
const WRITES: usize = 20_000;

/// A mutating webhook: the plural of a kind, and the JSON patch that it answers with.
type Webhook = (String, Value);

/// What all clients of a server share.
pub struct Inner {
    now: Now,
    registry: RwLock<Registry>,
    store: Mutex<Store>,
    writing: Mutex<()>,
    journal: Journal,
    faults: Faults,
    webhooks: RwLock<Vec<Webhook>>,
    calls: AtomicU64,
    named: AtomicU64,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl Inner {
    fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Lets webhooks change an object of `resource` before it is stored. A patch that does not apply is passed over.
    fn mutate(&self, resource: &str, object: &mut Value) {
        let webhooks = self.webhooks.read().unwrap_or_else(PoisonError::into_inner);
        for (_, operations) in webhooks.iter().filter(|(kind, _)| kind == resource) {
            if let Ok(patched) = patch::json_patch(object, operations) {
                *object = patched;
            }
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn registry_mut(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a number that looks random, is never the same twice, and is the same in every run.
    fn scatter(&self) -> u64 {
        let count = self.named.fetch_add(1, Ordering::Relaxed);
        let mixed = count.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn uid(&self) -> String {
        let (high, low) = (self.scatter(), self.scatter());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    fn suffix(&self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut number = self.scatter();
        let mut suffix = String::new();
        for _ in 0..5 {
            let letters = LETTERS.len() as u64;
            let place = usize::try_from(number % letters).unwrap_or_default();
            suffix.push(LETTERS.get(place).copied().unwrap_or(b'x') as char);
            number /= letters;
        }
        suffix
    }
}

/// Takes a lock, whatever became of the one who had it before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A Kubernetes API server in this process.
#[derive(Clone, Debug)]
pub struct SimServer {
    inner: Arc<Inner>,
}

impl SimServer {
    /// Makes a server with the namespaces of a fresh cluster, which asks `now` for the time of day.
    ///
    /// All waiting is done on tokio's time, which a test may stop; `now` should move with it.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let mut registry = Registry::default();
        let mut store = Store::new(HISTORY);
        for kind in builtin::kinds() {
            let kind = registry.add(kind);
            store.prepare(kind.id);
        }
        let server = Self {
            inner: Arc::new(Inner {
                now: Arc::new(now),
                registry: RwLock::new(registry),
                store: Mutex::new(store),
                writing: Mutex::default(),
                journal: Journal::new(WRITES),
                faults: Faults::default(),
                webhooks: RwLock::default(),
                calls: AtomicU64::new(0),
                named: AtomicU64::new(0),
            }),
        };
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            // A fresh server has no namespace of that name.
            let _ = server.create_namespace(name);
        }
        server
    }

    /// Makes a namespace.
    ///
    /// # Errors
    /// The refusal of the server, for example when it is there already.
    pub fn create_namespace(&self, name: &str) -> Result<Arc<Value>, Refusal> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.as_user("system:admin").create(namespace)
    }

    /// Returns a client of `user` for the namespace `default`.
    ///
    /// It must be called, and used, within a tokio runtime.
    pub fn client(&self, user: &str) -> kube::Client {
        self.client_in(user, "default")
    }

    /// Returns a client of `user` for `namespace`.
    pub fn client_in(&self, user: &str, namespace: &str) -> kube::Client {
        kube::Client::new(self.door(user), namespace)
    }

    /// Returns the server as the tower service that `user` sees.
    pub fn door(&self, user: &str) -> UserEndpoint {
        UserEndpoint { inner: Arc::clone(&self.inner), user: user.into() }
    }

    /// Returns the server as `user` has it without HTTP and without faults, for actors and for tests.
    pub fn as_user(&self, user: &str) -> Direct {
        Direct::new(&self.inner, user)
    }

    /// Serves the kind of a `CustomResourceDefinition`, and stores the definition.
    ///
    /// # Errors
    /// When the definition lacks a name, a group or a version.
    pub fn register_crd(&self, definition: Value) -> Result<(), CrdError> {
        let kind = crd::kind(&definition)?;
        let direct = self.as_user("system:admin");
        if direct.apply_whole(definition).is_err() {
            // A definition that isn't storable as it stands is served all the same.
            let kind = self.inner.registry_mut().add(kind);
            self.inner.store().prepare(kind.id);
        }
        Ok(())
    }

    /// Serves Istio's `VirtualService` and `DestinationRule` in the versions v1, v1beta1 and v1alpha3.
    pub fn register_istio(&self) {
        for definition in istio::definitions() {
            // The definitions are our own and complete.
            let _ = self.register_crd(definition);
        }
    }

    /// Serves the same on TCP until the listener is dropped.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn listen(&self, address: SocketAddr) -> std::io::Result<Listener> {
        Listener::bind(&self.inner, address).await
    }

    /// Writes a kubeconfig for a server that listens at `address`.
    pub fn kubeconfig(&self, address: SocketAddr) -> String {
        listen::kubeconfig(address)
    }

    /// Tells `listener` of every write that is accepted, before its answer is sent.
    ///
    /// The listener may read the server through [`SimServer::as_user`], but not write to it.
    pub fn on_write(&self, listener: Box<dyn Fn(&Write) + Send + Sync>) {
        self.inner.journal.listen(listener);
    }

    /// Tells `listener` of every call over HTTP when it is answered, with the HTTP status; 0 when the connection broke.
    pub fn on_call(&self, listener: impl Fn(&faults::Call, u16) + Send + Sync + 'static) {
        self.inner.journal.listen_to_calls(Box::new(listener));
    }

    /// Tells nobody any more; whoever listens and holds the server keeps it alive until then.
    pub fn deafen(&self) {
        self.inner.journal.deafen();
        self.inner.faults.clear();
    }

    /// What the server is known by once it is given up.
    #[cfg(test)]
    pub(crate) fn trace(&self) -> std::sync::Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    /// Returns the writes that were accepted lately, oldest first.
    pub fn writes(&self) -> Vec<Arc<Write>> {
        self.inner.journal.writes()
    }

    /// Returns how often each call was made over HTTP.
    pub fn counts(&self) -> BTreeMap<Counted, u64> {
        self.inner.journal.counts()
    }

    /// Starts counting calls anew.
    pub fn reset_counts(&self) {
        self.inner.journal.reset_counts();
    }

    /// Sets how many writes are kept, and how many changes of each kind watches can resume from.
    pub fn remember(&self, writes: usize, changes: usize) {
        self.inner.journal.keep(writes);
        self.inner.store().remember(changes);
    }

    /// Returns the faults, to be set.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// From now on changes every object of `resource` (a plural) that somebody writes, by a JSON patch.
    pub fn webhook(&self, resource: &str, operations: Value) {
        let mut webhooks = self.inner.webhooks.write().unwrap_or_else(PoisonError::into_inner);
        webhooks.push((resource.to_owned(), operations));
    }

    /// Forgets the changes of `resource` (a plural), so that watches from before are told 410.
    pub fn forget(&self, resource: &str) {
        let kind = self.inner.registry().named(resource);
        if let Some(kind) = kind {
            self.inner.store().forget(kind.id);
        }
    }

    /// Returns the newest version of all.
    pub fn revision(&self) -> u64 {
        self.inner.store().revision()
    }

    /// Tells the time of day.
    pub fn now(&self) -> Timestamp {
        self.inner.now()
    }
}

/// Returns the moment on tokio's clock, which a test may have stopped.
pub(crate) fn tokio_now() -> tokio::time::Instant {
    store::now()
}
