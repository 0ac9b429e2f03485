//! Answers gets and lists.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Inner,
    refusal::{Cause, Refusal},
    render::ListMeta,
    route::Query,
    select::Selector,
    store::{Key, now},
    write::Target,
};

/// What a list came to.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The objects in the order of their keys.
    pub objects: Vec<Arc<Value>>,
    /// The version and the next page.
    pub meta: ListMeta,
}

/// Which state a list shows.
enum State {
    /// The newest.
    Now,
    /// That of a version.
    At(u64),
}

impl Inner {
    /// Returns one object; with version 0 it may be as old as the cache of its kind lags.
    pub fn get(&self, target: &Target, query: &Query) -> Result<Arc<Value>, Refusal> {
        let absent = || Refusal::not_found(&target.kind, &target.name);
        let version = query.get("resourceVersion");
        if !version.is_empty() {
            let wanted = number(version)?;
            let revision = self.cached(target, wanted)?;
            if revision < self.store().revision() {
                let listed = self.store().list_at(target.kind.id, revision).unwrap_or_default();
                return listed.into_iter().find(|object| Key::of(object) == target.key()).ok_or_else(absent);
            }
        }
        self.store().get(target.kind.id, &target.key()).ok_or_else(absent)
    }

    /// Returns the objects that the query asks for.
    pub fn list(&self, target: &Target, query: &Query) -> Result<Listed, Refusal> {
        let selector = Selector::parse(&target.kind, query.get("labelSelector"), query.get("fieldSelector"))?;
        let (state, after) = self.state(target, query)?;
        let store = self.store();
        let namespace = Some(target.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let (all, revision) = match state {
            State::Now => (store.list(target.kind.id, namespace), store.revision()),
            State::At(revision) => (store.list_at(target.kind.id, revision).ok_or_else(too_old)?, revision),
        };
        drop(store);
        let wanted = |object: &Arc<Value>| {
            let key = Key::of(object);
            namespace.is_none_or(|namespace| key.namespace == namespace)
                && after.as_ref().is_none_or(|after| key > *after)
                && selector.matches(object)
        };
        let mut objects: Vec<Arc<Value>> = all.into_iter().filter(wanted).collect();
        let limit = if query.get("resourceVersion") == "0" { 0 } else { query.get("limit").parse().unwrap_or(0_usize) };
        let mut meta = ListMeta { revision, ..ListMeta::default() };
        if limit > 0 && objects.len() > limit {
            let remaining = objects.len() - limit;
            objects.truncate(limit);
            let last = objects.last().map(|object| Key::of(object));
            meta.next = last.map(|last| format!("{revision}:{}/{}", last.namespace, last.name));
            meta.remaining = selector.is_empty().then_some(remaining);
        }
        Ok(Listed { objects, meta })
    }

    fn state(&self, target: &Target, query: &Query) -> Result<(State, Option<Key>), Refusal> {
        let token = query.get("continue");
        if !token.is_empty() {
            let parts =
                token.split_once(':').and_then(|(revision, key)| Some((revision.parse().ok()?, key.split_once('/')?)));
            let (revision, (namespace, name)) = parts.ok_or_else(|| {
                Refusal::bad_request(
                    "invalid continue token: continue key is not valid: it was not given by this server",
                )
            })?;
            return Ok((State::At(revision), Some(Key::new(namespace, name))));
        }
        let version = query.get("resourceVersion");
        if version.is_empty() && !query.get("resourceVersionMatch").is_empty() {
            let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            return Err(Refusal::option("ListOptions", &Cause::forbidden("resourceVersionMatch", why)));
        }
        if version.is_empty() {
            return Ok((State::Now, None));
        }
        let wanted = number(version)?;
        if query.get("resourceVersionMatch") == "Exact" {
            return Ok((State::At(wanted), None));
        }
        let revision = self.cached(target, wanted)?;
        let state = if revision >= self.store().revision() { State::Now } else { State::At(revision) };
        Ok((state, None))
    }

    /// Returns the version that the cache shows to one who asks for `wanted` or newer.
    fn cached(&self, target: &Target, wanted: u64) -> Result<u64, Refusal> {
        let lag = self.faults.of_watches(&target.kind.names.plural).lag;
        let store = self.store();
        let newest = store.revision();
        if wanted > newest {
            return Err(too_new(wanted, newest));
        }
        Ok(store.revision_behind(target.kind.id, lag, now()).max(wanted))
    }
}

/// Reads a version.
///
/// # Errors
/// 400 when it is no number.
pub fn number(version: &str) -> Result<u64, Refusal> {
    version.parse().map_err(|_| {
        Refusal::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {version:?}: strconv.ParseUint: parsing \
                 {version:?}: invalid syntax"
        ))
    })
}

/// The answer to a list from a version that has been forgotten.
pub fn too_old() -> Refusal {
    Refusal::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter.",
    )
}

/// The answer to one who has seen a version that doesn't exist yet.
pub fn too_new(wanted: u64, newest: u64) -> Refusal {
    let message = format!("Timeout: Too large resource version: {wanted}, current: {newest}");
    let causes = json!([{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]);
    Refusal { details: json!({"causes": causes, "retryAfterSeconds": 1}), ..Refusal::new(504, "Timeout", message) }
}
