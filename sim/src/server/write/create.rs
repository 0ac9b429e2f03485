//! Makes new objects.

use serde_json::{Map, Value};

use super::{
    Done, Order, accept,
    admit::{Part, admit, decode},
};
use crate::server::{
    Inner,
    fields::{Difference, Managers, Shape, record},
    json::{default, put, set, take, text},
    kind::Kind,
    refusal::{Cause, Refusal},
    store::Key,
};

/// Carries out a create that came with `body`.
pub fn create(inner: &Inner, order: &Order, body: Value) -> Result<Done, Refusal> {
    let object = accept(order, body)?;
    place(inner, order, object, None)
}

/// Stores a new object; `owners` says who owns what, where that isn't simply the writer.
pub fn place(inner: &Inner, order: &Order, mut object: Value, owners: Option<Managers>) -> Result<Done, Refusal> {
    let kind = &order.target.kind;
    if !text(&object, &["metadata", "resourceVersion"]).is_empty() {
        return Err(Refusal::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let warnings = decode(order, &mut object, None)?;
    name(inner, order, &mut object)?;
    namespace_is_open(inner, order)?;
    begin(inner, order, &mut object);
    let owned = owners.is_none().then(|| owned(kind, &object));
    inner.mutate(&kind.names.plural, &mut object);
    admit(kind, &mut object, Part::Whole)?;
    let key = Key::of(&object);
    if inner.store().get(kind.id, &key).is_some() {
        return Err(Refusal::already_exists(kind, &key.name));
    }
    if let Some(managers) = owners {
        managers.store(&mut object);
    } else {
        let owned = owned.unwrap_or_default();
        let nothing = Value::Object(Map::new());
        let difference = Difference::between(&nothing, &owned, Shape::of(kind));
        record(&mut object, inner.writer(order, "Update"), &difference);
    }
    let object = inner.put(order, None, object, 201);
    Ok(Done { code: 201, object, warnings, gone: false })
}

/// Returns what the writer of a new object owns: what it sent and what that means, not what the server decides.
fn owned(kind: &Kind, object: &Value) -> Value {
    let mut owned = object.clone();
    if let Some(builtin) = kind.builtin() {
        (builtin.defaults)(&mut owned);
    }
    if let Some(schema) = kind.schema() {
        crate::server::schema::fill(&mut owned, schema);
    }
    if kind.subresources.status {
        take(&mut owned, &["status"]);
    }
    owned
}

fn name(inner: &Inner, order: &Order, object: &mut Value) -> Result<(), Refusal> {
    if !text(object, &["metadata", "name"]).is_empty() {
        return Ok(());
    }
    if !order.target.name.is_empty() {
        put(object, &["metadata", "name"], order.target.name.clone().into());
        return Ok(());
    }
    let base = text(object, &["metadata", "generateName"]).to_owned();
    if base.is_empty() {
        let cause = Cause::required("metadata.name", "name or generateName is required");
        return Err(Refusal::invalid(&order.target.kind, "", &[cause]));
    }
    put(object, &["metadata", "name"], format!("{base}{}", inner.suffix()).into());
    Ok(())
}

fn namespace_is_open(inner: &Inner, order: &Order) -> Result<(), Refusal> {
    let target = &order.target;
    if !target.kind.namespaced {
        return Ok(());
    }
    let Some(namespaces) = inner.registry().named("namespaces") else {
        return Ok(());
    };
    let found = inner.store().get(namespaces.id, &Key::new("", &target.namespace));
    match found {
        None => Err(Refusal::not_found(&namespaces, &target.namespace)),
        Some(found) if text(&found, &["status", "phase"]) == "Terminating" => {
            let message = format!(
                "{} is forbidden: unable to create new content in namespace {} because it is being terminated",
                target.kind.qualified(),
                target.namespace
            );
            Err(Refusal { details: target.kind.details(""), ..Refusal::new(403, "Forbidden", message) })
        }
        Some(_) => Ok(()),
    }
}

/// Writes what only the server writes, and drops the status where that has its own path.
fn begin(inner: &Inner, order: &Order, object: &mut Value) {
    let kind = &order.target.kind;
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"] {
        take(object, &["metadata", field]);
    }
    put(object, &["metadata", "uid"], inner.uid().into());
    put(object, &["metadata", "creationTimestamp"], inner.seconds().into());
    let counts = kind.builtin().is_none_or(|builtin| builtin.generation);
    set(object, &["metadata", "generation"], counts.then(|| 1.into()));
    if kind.subresources.status {
        take(object, &["status"]);
    }
    if kind.names.kind == "CustomResourceDefinition" {
        establish(inner, object);
    }
}

/// A definition is served at once, and says so.
fn establish(inner: &Inner, definition: &mut Value) {
    let names = definition.pointer("/spec/names").cloned().unwrap_or_default();
    let condition = |kind: &str, reason: &str, message: &str| {
        serde_json::json!({
            "type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": inner.seconds(),
        })
    };
    let conditions = vec![
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ];
    default(definition, &["status", "acceptedNames"], names);
    default(definition, &["status", "conditions"], conditions);
    default(definition, &["status", "storedVersions"], Vec::<Value>::new());
}
