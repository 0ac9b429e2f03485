//! The garbage collector: what belongs to something that is gone goes too; what lives in a closing namespace as well.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};

use super::Task;
use crate::server::{
    Deletion, Direct, Key, SimServer,
    journal::Write,
    json::{at, list, put, text},
};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// Collects the garbage of a server; it stops when this is dropped.
#[derive(Debug)]
pub struct GarbageCollector {
    _task: Task,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Note {
    /// The owner of this identity is gone.
    Gone(String),
    /// This object waits to be deleted, or names owners that may be missing.
    Look(String, Key),
    /// Something in this namespace is gone.
    Closing(String),
}

impl GarbageCollector {
    /// Starts to collect the garbage of `server`.
    pub fn spawn(server: &SimServer, reaction: Duration) -> Self {
        let (notes, mut taken) = mpsc::unbounded_channel();
        let looker = server.as_user("system:serviceaccount:kube-system:generic-garbage-collector");
        let names = looker.clone();
        server.on_write(Box::new(move |write| {
            for note in notes_of(&names, write) {
                // Nobody takes notes any more when the collector was stopped.
                let _ = notes.send(note);
            }
        }));
        let task = tokio::spawn(async move {
            while let Some(first) = taken.recv().await {
                sleep(reaction).await;
                let mut batch = BTreeSet::from([first]);
                while let Ok(note) = taken.try_recv() {
                    batch.insert(note);
                }
                for note in batch {
                    look(&looker, &note);
                }
            }
        });
        Self { _task: Task(task) }
    }
}

fn notes_of(direct: &Direct, write: &Write) -> Vec<Note> {
    if !write.changed() {
        return Vec::new();
    }
    let mut notes = Vec::new();
    if let (Some(before), None) = (&write.before, &write.after) {
        notes.push(Note::Gone(text(before, &["metadata", "uid"]).to_owned()));
        for owner in list(before, &["metadata", "ownerReferences"]) {
            notes.extend(place_of(direct, owner, &write.namespace).map(|(resource, key)| Note::Look(resource, key)));
        }
        if !write.namespace.is_empty() {
            notes.push(Note::Closing(write.namespace.clone()));
        }
    }
    let Some(after) = &write.after else {
        return notes;
    };
    let dying = at(after, &["metadata", "deletionTimestamp"]).is_some();
    let owned = !list(after, &["metadata", "ownerReferences"]).is_empty();
    if dying && write.resource == "namespaces" {
        notes.push(Note::Closing(write.name.clone()));
    } else if dying || (owned && write.before.is_none()) {
        let resource = direct.resource_of(text(after, &["apiVersion"]), text(after, &["kind"]));
        notes.extend(resource.map(|resource| Note::Look(resource, Key::of(after))));
    }
    notes
}

/// Returns where an owner stands.
fn place_of(direct: &Direct, owner: &Value, namespace: &str) -> Option<(String, Key)> {
    let resource = direct.resource_of(text(owner, &["apiVersion"]), text(owner, &["kind"]))?;
    let namespaced = direct.resources().into_iter().any(|(name, namespaced)| name == resource && namespaced);
    Some((resource, Key::new(if namespaced { namespace } else { "" }, text(owner, &["name"]))))
}

fn look(direct: &Direct, note: &Note) {
    match note {
        Note::Gone(uid) => {
            for (resource, key) in direct.dependents(uid) {
                abandoned(direct, &resource, &key);
            }
        }
        Note::Look(resource, key) => {
            abandoned(direct, resource, key);
            waiting(direct, resource, key);
        }
        Note::Closing(namespace) => close(direct, namespace),
    }
}

/// Deletes an object all of whose owners are gone; where some are left, only the others are forgotten.
fn abandoned(direct: &Direct, resource: &str, key: &Key) {
    let Some(object) = direct.get(resource, key) else {
        return;
    };
    let owners = list(&object, &["metadata", "ownerReferences"]);
    let lives = |owner: &&Value| {
        let found = place_of(direct, owner, &key.namespace).and_then(|(resource, key)| direct.get(&resource, &key));
        found.is_some_and(|found| text(&found, &["metadata", "uid"]) == text(owner, &["uid"]))
    };
    let left: Vec<Value> = owners.iter().filter(lives).cloned().collect();
    if left.len() == owners.len() {
        return;
    }
    if left.is_empty() {
        let deletion = Deletion {
            propagation: "Background".to_owned(),
            uid: text(&object, &["metadata", "uid"]).to_owned(),
            ..Deletion::default()
        };
        // It may be gone already.
        let _ = direct.delete_with(resource, key, &deletion);
    } else {
        let _ = direct.merge(resource, key, json!({"metadata": {"ownerReferences": left}}));
    }
}

/// Goes on with an object that waits for its dependents to go, or to be let go.
fn waiting(direct: &Direct, resource: &str, key: &Key) {
    let Some(object) = direct.get(resource, key) else {
        return;
    };
    let finalizers = list(&object, &["metadata", "finalizers"]);
    let has = |name: &str| finalizers.iter().any(|finalizer| finalizer == name);
    let (uid, dying) = (text(&object, &["metadata", "uid"]), at(&object, &["metadata", "deletionTimestamp"]).is_some());
    if !dying || !(has(FOREGROUND) || has(ORPHAN)) {
        return;
    }
    let dependents = direct.dependents(uid);
    if has(FOREGROUND) && !dependents.is_empty() {
        for (resource, key) in dependents {
            let deletion = Deletion { propagation: "Foreground".to_owned(), ..Deletion::default() };
            let _ = direct.delete_with(&resource, &key, &deletion);
        }
        return;
    }
    for (resource, key) in dependents.iter().filter(|_| has(ORPHAN)) {
        let Some(dependent) = direct.get(resource, key) else {
            continue;
        };
        let mut left = list(&dependent, &["metadata", "ownerReferences"]).to_vec();
        left.retain(|owner| text(owner, &["uid"]) != uid);
        let _ = direct.merge(resource, key, json!({"metadata": {"ownerReferences": left}}));
    }
    let left: Vec<&Value> = finalizers.iter().filter(|name| *name != FOREGROUND && *name != ORPHAN).collect();
    let _ = direct.merge(resource, key, json!({"metadata": {"finalizers": left}}));
}

/// Empties a closing namespace, and removes it when nothing is left.
fn close(direct: &Direct, namespace: &str) {
    let Some(object) = direct.get("namespaces", &Key::new("", namespace)) else {
        return;
    };
    if at(&object, &["metadata", "deletionTimestamp"]).is_none() {
        return;
    }
    let mut left = false;
    for (resource, _) in direct.resources().into_iter().filter(|(_, namespaced)| *namespaced) {
        for object in direct.list(&resource, namespace) {
            if at(&object, &["metadata", "deletionTimestamp"]).is_none() {
                let _ = direct.delete(&resource, &Key::of(&object));
            }
        }
        left |= !direct.list(&resource, namespace).is_empty();
    }
    if !left {
        let mut done = (*object).clone();
        put(&mut done, &["spec", "finalizers"], json!([]));
        let _ = direct.update(done, "finalize");
    }
}
