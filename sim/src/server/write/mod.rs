//! Carries out writes: checks them, shapes the object, stores it and tells those who listen.

mod admit;
mod create;
mod delete;
mod rules;
mod scale;
mod update;

use std::sync::{Arc, MutexGuard};

use serde_json::Value;

use super::{
    Inner, convert, crd,
    fields::Entry,
    journal::{Verb, Write},
    json::text,
    kind::{GroupVersion, Kind},
    refusal::{Cause, Refusal},
    store::Key,
};

pub use self::{delete::Deletion, scale::scale_of};

/// The object that a call is about.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its kind.
    pub kind: Arc<Kind>,
    /// The version in which the caller sees it.
    pub version: GroupVersion,
    /// Its namespace; empty for cluster objects and for all namespaces.
    pub namespace: String,
    /// Its name; empty for lists and creates.
    pub name: String,
    /// The subresource; empty for the object itself.
    pub subresource: String,
}

impl Target {
    /// Returns where the object stands in the store.
    pub fn key(&self) -> Key {
        Key::new(&self.namespace, &self.name)
    }
}

/// What happens to fields that nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// They are dropped in silence.
    #[default]
    Ignore,
    /// They are dropped with a warning.
    Warn,
    /// They refuse the write.
    Strict,
}

/// How a write is to be carried out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Nothing is stored.
    pub dry_run: bool,
    /// An apply takes fields from others.
    pub force: bool,
    /// What happens to unknown fields.
    pub unknown: Unknown,
}

/// A write that somebody asks for.
#[derive(Clone, Debug)]
pub struct Order {
    /// The object.
    pub target: Target,
    /// What is to be done.
    pub verb: Verb,
    /// Who asks.
    pub user: String,
    /// The field manager.
    pub manager: String,
    /// How.
    pub options: Options,
}

/// A change of part of an object.
#[derive(Clone, Debug)]
pub enum Change {
    /// RFC 7386.
    Merge(Value),
    /// RFC 6902.
    Json(Value),
    /// By the rules of the server's own kinds.
    Strategic(Value),
    /// Server-side apply.
    Apply(Value),
}

/// What a write came to.
#[derive(Clone, Debug)]
pub struct Done {
    /// The HTTP status.
    pub code: u16,
    /// The object as stored (or, in a dry run, as it would be), or the last state of a deleted one.
    pub object: Arc<Value>,
    /// What the caller should know.
    pub warnings: Vec<String>,
    /// Whether the object is gone.
    pub gone: bool,
}

impl Inner {
    /// Carries out a create.
    pub fn create(&self, order: &Order, body: Value) -> Result<Done, Refusal> {
        let _turn = self.turn();
        create::create(self, order, body)
    }

    /// Carries out a replacement.
    pub fn update(&self, order: &Order, body: Value) -> Result<Done, Refusal> {
        let _turn = self.turn();
        update::update(self, order, body)
    }

    /// Carries out a patch.
    pub fn patch(&self, order: &Order, change: &Change) -> Result<Done, Refusal> {
        let _turn = self.turn();
        update::patch(self, order, change)
    }

    /// Carries out a delete.
    pub fn delete(&self, order: &Order, deletion: &Deletion) -> Result<Done, Refusal> {
        let _turn = self.turn();
        delete::delete(self, order, deletion)
    }

    /// Puts an object that has been checked, and tells those who listen.
    fn put(&self, order: &Order, before: Option<Arc<Value>>, object: Value, code: u16) -> Arc<Value> {
        if order.options.dry_run {
            return Arc::new(object);
        }
        let after = self.store().put(order.target.kind.id, object);
        self.record(order, before, Some(Arc::clone(&after)), code);
        self.defined(&order.target.kind, Some(&after));
        after
    }

    /// Takes an object away, and tells those who listen.
    fn remove(&self, order: &Order, before: Arc<Value>) -> Arc<Value> {
        if order.options.dry_run {
            return before;
        }
        let key = Key::of(&before);
        let last = self.store().remove(order.target.kind.id, &key).unwrap_or_else(|| Arc::clone(&before));
        if order.target.kind.names.kind == "CustomResourceDefinition" {
            self.undefine(&key.name);
        }
        self.record(order, Some(before), None, 200);
        last
    }

    fn record(&self, order: &Order, before: Option<Arc<Value>>, after: Option<Arc<Value>>, code: u16) {
        let key = after.as_ref().or(before.as_ref()).map(|object| Key::of(object)).unwrap_or(order.target.key());
        self.journal.record(Write {
            at: self.now(),
            user: order.user.clone(),
            manager: order.manager.clone(),
            verb: order.verb,
            resource: order.target.kind.names.plural.clone(),
            subresource: Some(order.target.subresource.clone()).filter(|name| !name.is_empty()),
            namespace: key.namespace,
            name: key.name,
            before,
            after,
            code,
        });
    }

    /// Serves a kind whose definition was just stored.
    fn defined(&self, kind: &Kind, definition: Option<&Arc<Value>>) {
        if kind.names.kind != "CustomResourceDefinition" {
            return;
        }
        if let Some(Ok(kind)) = definition.map(|definition| crd::kind(definition)) {
            let kind = self.registry_mut().add(kind);
            self.store().prepare(kind.id);
        }
    }

    /// Stops serving a kind whose definition is gone; its objects go with it.
    fn undefine(&self, qualified: &str) {
        let Some(kind) = self.registry_mut().hide(qualified) else {
            return;
        };
        let mut store = self.store();
        for object in store.list(kind.id, None) {
            store.remove(kind.id, &Key::of(&object));
        }
        drop(store);
        self.faults.cut_watches();
    }

    /// Lets one write in at a time, so that those who listen see them in the order of their versions.
    fn turn(&self) -> MutexGuard<'_, ()> {
        super::lock(&self.writing)
    }

    /// Returns the entry that the writer of `order` leaves in `managedFields`.
    fn writer(&self, order: &Order, operation: &str) -> Entry {
        Entry {
            manager: order.manager.clone(),
            operation: operation.to_owned(),
            api_version: order.target.version.api_version(),
            subresource: order.target.subresource.clone(),
            time: if order.target.subresource == "scale" { String::new() } else { self.seconds() },
            fields: super::fields::FieldSet::default(),
        }
    }

    /// Tells the time as objects carry it.
    pub fn seconds(&self) -> String {
        format!("{:.0}", self.now())
    }
}

/// Refuses an object of a registered kind that says it is another.
fn mismatch(body: &Value, field: &str, expected: &str) -> Refusal {
    let have = text(body, &[field]);
    let group = GroupVersion::parse(text(body, &["apiVersion"])).group;
    let cause = Cause::invalid(field, &have.into(), &format!("must be {expected}"));
    Refusal::other_kind(text(body, &["kind"]), text(body, &["metadata", "name"]), &group, &cause)
}

/// Reads the body of a write: checks that it is the object that the path names, and returns it as it is stored.
fn accept(order: &Order, mut body: Value) -> Result<Value, Refusal> {
    let target = &order.target;
    if !body.is_object() {
        return Err(Refusal::bad_request("the object provided is unrecognized (must be of type object)"));
    }
    let expected = target.version.api_version();
    for (field, expected) in [("kind", target.kind.names.kind.as_str()), ("apiVersion", expected.as_str())] {
        let have = text(&body, &[field]);
        let custom = target.kind.builtin().is_none();
        if have.is_empty() && custom && field == "kind" {
            let kind = &target.kind.names.kind;
            let message = format!(
                "the object provided is unrecognized (must be of type {kind}): Object 'Kind' is missing in '{body}'"
            );
            return Err(Refusal::bad_request(message));
        }
        if (!have.is_empty() || custom) && have != expected {
            if custom && (field == "kind" || order.verb == Verb::Patch) {
                return Err(mismatch(&body, field, expected));
            }
            let what = if field == "kind" { "kind" } else { "API version" };
            let message = format!("the {what} in the data ({have}) does not match the expected {what} ({expected})");
            return Err(Refusal::bad_request(message));
        }
        super::json::put(&mut body, &[field], expected.into());
    }
    if body.get("metadata").is_none_or(Value::is_null) {
        super::json::put(&mut body, &["metadata"], Value::Object(serde_json::Map::new()));
    }
    let namespace = text(&body, &["metadata", "namespace"]);
    if !namespace.is_empty() && namespace != target.namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Refusal::bad_request(message));
    }
    let name = text(&body, &["metadata", "name"]);
    if name.is_empty() && order.verb == Verb::Update {
        let message =
            format!("the name of the object ({} based on URL) was undeterminable: name must be provided", target.name);
        return Err(Refusal::bad_request(message));
    }
    if !target.name.is_empty() && name != target.name && !(name.is_empty() && target.kind.builtin().is_some()) {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({})", target.name);
        return Err(Refusal::bad_request(message));
    }
    let namespace = target.kind.namespaced.then(|| target.namespace.clone().into());
    super::json::set(&mut body, &["metadata", "namespace"], namespace);
    Ok(convert::store(&target.kind, body, &target.version))
}
