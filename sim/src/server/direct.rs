//! The server without HTTP: the same rules, called as functions, for actors, scenarios and tests.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Inner,
    journal::Verb,
    json::text,
    kind::{GroupVersion, Kind},
    refusal::Refusal,
    select::Selector,
    store::Key,
    watch::Follower,
    write::{Change, Deletion, Options, Order, Target},
};

/// The server as one user has it, without HTTP and without faults.
///
/// Resources are named by their plural (`pods`), or in full where that is not enough (`events`,
/// `rollouts.argoproj.io`).
#[derive(Clone, Debug)]
pub struct Direct {
    inner: Arc<Inner>,
    user: String,
    manager: String,
}

impl Direct {
    pub(super) fn new(inner: &Arc<Inner>, user: &str) -> Self {
        let manager = user.rsplit(':').next().unwrap_or(user).to_owned();
        Self { inner: Arc::clone(inner), user: user.to_owned(), manager }
    }

    /// Writes under the field manager `manager` from now on.
    #[must_use]
    pub fn managed_by(mut self, manager: &str) -> Self {
        manager.clone_into(&mut self.manager);
        self
    }

    /// Makes a new object; its own metadata says where.
    ///
    /// # Errors
    /// The refusal that the real server would give.
    pub fn create(&self, object: Value) -> Result<Arc<Value>, Refusal> {
        let order = self.order_for(&object, Verb::Create)?;
        Ok(self.inner.create(&order, object)?.object)
    }

    /// Replaces an object, or its status when `subresource` is `status`.
    ///
    /// # Errors
    /// The refusal that the real server would give.
    pub fn update(&self, object: Value, subresource: &str) -> Result<Arc<Value>, Refusal> {
        let mut order = self.order_for(&object, Verb::Update)?;
        text(&object, &["metadata", "name"]).clone_into(&mut order.target.name);
        subresource.clone_into(&mut order.target.subresource);
        Ok(self.inner.update(&order, object)?.object)
    }

    /// Makes an object, or replaces the one that is there whatever its version.
    ///
    /// # Errors
    /// The refusal that the real server would give.
    pub fn apply_whole(&self, mut object: Value) -> Result<Arc<Value>, Refusal> {
        let order = self.order_for(&object, Verb::Update)?;
        let kind = Arc::clone(&order.target.kind);
        let key = Key::new(&order.target.namespace, text(&object, &["metadata", "name"]));
        let Some(existing) = self.inner.store().get(kind.id, &key) else {
            return self.create(object);
        };
        let version = text(&existing, &["metadata", "resourceVersion"]);
        super::json::put(&mut object, &["metadata", "resourceVersion"], version.into());
        self.update(object, "")
    }

    /// Changes part of an object; `resource` may name a subresource, as in `rollouts/status`.
    ///
    /// # Errors
    /// The refusal that the real server would give.
    pub fn patch(&self, resource: &str, key: &Key, change: &Change) -> Result<Arc<Value>, Refusal> {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let kind = self.kind(resource)?;
        let mut order = self.order(kind, key, Verb::Patch);
        subresource.clone_into(&mut order.target.subresource);
        order.options.force = matches!(change, Change::Apply(_));
        Ok(self.inner.patch(&order, change)?.object)
    }

    /// Merges `changes` into an object.
    ///
    /// # Errors
    /// The refusal that the real server would give.
    pub fn merge(&self, resource: &str, key: &Key, changes: Value) -> Result<Arc<Value>, Refusal> {
        self.patch(resource, key, &Change::Merge(changes))
    }

    /// Takes an object away, in the background.
    ///
    /// # Errors
    /// The refusal that the real server would give.
    pub fn delete(&self, resource: &str, key: &Key) -> Result<(), Refusal> {
        self.delete_with(resource, key, &Deletion::default())
    }

    /// Takes an object away as `deletion` says.
    ///
    /// # Errors
    /// The refusal that the real server would give.
    pub fn delete_with(&self, resource: &str, key: &Key, deletion: &Deletion) -> Result<(), Refusal> {
        let order = self.order(self.kind(resource)?, key, Verb::Delete);
        self.inner.delete(&order, deletion).map(drop)
    }

    /// Returns an object; nothing when it, or its kind, isn't there.
    pub fn get(&self, resource: &str, key: &Key) -> Option<Arc<Value>> {
        let kind = self.kind(resource).ok()?;
        self.inner.store().get(kind.id, key)
    }

    /// Returns the objects of a kind, of one namespace or (with an empty one) of all.
    pub fn list(&self, resource: &str, namespace: &str) -> Vec<Arc<Value>> {
        let Ok(kind) = self.kind(resource) else {
            return Vec::new();
        };
        self.inner.store().list(kind.id, Some(namespace).filter(|namespace| !namespace.is_empty()))
    }

    /// Returns the objects of a kind in a namespace that the `LabelSelector` object chooses.
    pub fn select(&self, resource: &str, namespace: &str, selector: &Value) -> Vec<Arc<Value>> {
        let selector = Selector::of_object(selector);
        let mut objects = self.list(resource, namespace);
        objects.retain(|object| selector.matches(object));
        objects
    }

    /// Returns the objects of a kind that name `uid` as an owner.
    pub fn owned_by(&self, resource: &str, uid: &str) -> Vec<Arc<Value>> {
        let Ok(kind) = self.kind(resource) else {
            return Vec::new();
        };
        let store = self.inner.store();
        let owned = store.owned_by(uid).into_iter().filter(|(id, _)| *id == kind.id);
        owned.filter_map(|(id, key)| store.get(id, &key)).collect()
    }

    /// Returns the resource and the place of everything that names `uid` as an owner.
    pub fn dependents(&self, uid: &str) -> Vec<(String, Key)> {
        let owned = self.inner.store().owned_by(uid);
        let registry = self.inner.registry();
        owned.into_iter().filter_map(|(id, key)| Some((registry.numbered(id)?.qualified(), key))).collect()
    }

    /// Returns the full names of all kinds that are served, with whether they live in namespaces.
    pub fn resources(&self) -> Vec<(String, bool)> {
        self.inner.registry().visible().map(|kind| (kind.qualified(), kind.namespaced)).collect()
    }

    /// Returns the full name of the kind that an owner reference or an object names.
    pub fn resource_of(&self, api_version: &str, kind: &str) -> Option<String> {
        self.inner.registry().of(api_version, kind).map(|kind| kind.qualified())
    }

    /// Follows the changes of a kind without lag, beginning with what is there.
    pub fn follow(&self, resource: &str) -> Option<(Follower, Vec<Arc<Value>>)> {
        let kind = self.kind(resource).ok()?;
        Follower::new(&self.inner, kind.id)
    }

    fn kind(&self, resource: &str) -> Result<Arc<Kind>, Refusal> {
        self.inner.registry().named(resource).ok_or_else(|| Refusal::of_code(404))
    }

    fn order(&self, kind: Arc<Kind>, key: &Key, verb: Verb) -> Order {
        let version = kind.storage();
        self.order_in(kind, version, key, verb)
    }

    fn order_in(&self, kind: Arc<Kind>, version: GroupVersion, key: &Key, verb: Verb) -> Order {
        Order {
            target: Target {
                kind,
                version,
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                subresource: String::new(),
            },
            verb,
            user: self.user.clone(),
            manager: self.manager.clone(),
            options: Options::default(),
        }
    }

    fn order_for(&self, object: &Value, verb: Verb) -> Result<Order, Refusal> {
        let (api_version, kind) = (text(object, &["apiVersion"]), text(object, &["kind"]));
        let known = self.inner.registry().of(api_version, kind).ok_or_else(|| {
            let message = format!("no matches for kind {kind:?} in version {api_version:?}");
            Refusal { details: json!({}), ..Refusal::new(404, "NotFound", message) }
        })?;
        let namespace = match (known.namespaced, text(object, &["metadata", "namespace"])) {
            (false, _) => "",
            (true, "") => "default",
            (true, namespace) => namespace,
        };
        let key = Key::new(namespace, "");
        Ok(self.order_in(known, GroupVersion::parse(api_version), &key, verb))
    }
}
