//! What the API server knows of one kind of object: its names, versions, subresources and rules.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};

use super::builtin::Builtin;

/// One version of one API group; the core group has the empty name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupVersion {
    /// The group, such as `apps`.
    pub group: String,
    /// The version, such as `v1`.
    pub version: String,
}

impl GroupVersion {
    /// Makes a group and version.
    pub fn new(group: &str, version: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned() }
    }

    /// Returns what stands in `apiVersion`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Reads what stands in `apiVersion`.
    pub fn parse(api_version: &str) -> Self {
        match api_version.split_once('/') {
            Some((group, version)) => Self::new(group, version),
            None => Self::new("", api_version),
        }
    }
}

/// What a kind is called.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The kind, such as `ReplicaSet`.
    pub kind: String,
    /// The kind of its lists.
    pub list: String,
    /// The plural in paths, such as `replicasets`.
    pub plural: String,
    /// The singular that kubectl takes.
    pub singular: String,
    /// The short names that kubectl takes.
    pub short: Vec<String>,
    /// The groups of kinds it belongs to, such as `all`.
    pub categories: Vec<String>,
}

/// Where the scale subresource of a kind finds its numbers.
#[derive(Clone, Debug)]
pub struct ScalePaths {
    /// The wished number of replicas.
    pub wished: Vec<String>,
    /// The number of replicas seen.
    pub seen: Vec<String>,
    /// The label selector, as text or as an object.
    pub selector: Vec<String>,
}

/// Which subresources a kind has.
#[derive(Clone, Debug, Default)]
pub struct Subresources {
    /// Status is written through `/status` alone.
    pub status: bool,
    /// Replicas are read and written through `/scale`.
    pub scale: Option<ScalePaths>,
}

/// One column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub of: String,
    /// Where in the object the value stands.
    pub path: String,
    /// What the column tells.
    pub description: String,
    /// 0 for always, more for `-o wide`.
    pub priority: i64,
}

/// A kind from a custom resource definition.
#[derive(Clone, Debug, Default)]
pub struct Custom {
    /// The `OpenAPI` schema of the storage version.
    pub schema: Value,
    /// The columns of its tables.
    pub columns: Vec<Column>,
    /// The fields that a field selector may name besides the name and the namespace.
    pub selectable: Vec<String>,
}

/// Where the rules of a kind come from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// It is one of the server's own.
    Builtin(Builtin),
    /// It was registered.
    Custom(Custom),
}

/// All that the server knows of a kind.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its place in the store.
    pub id: usize,
    /// Where it is served; the first is how it is stored.
    pub served: Vec<GroupVersion>,
    /// What it is called.
    pub names: Names,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Its subresources.
    pub subresources: Subresources,
    /// Its rules.
    pub origin: Origin,
}

impl Kind {
    /// Returns the group it is stored under.
    pub fn group(&self) -> &str {
        self.served.first().map_or("", |first| first.group.as_str())
    }

    /// Returns the group and version it is stored under.
    pub fn storage(&self) -> GroupVersion {
        self.served.first().cloned().unwrap_or_else(|| GroupVersion::new("", "v1"))
    }

    /// Returns the name that messages use, such as `rollouts.argoproj.io`.
    pub fn qualified(&self) -> String {
        let group = self.group();
        if group.is_empty() { self.names.plural.clone() } else { format!("{}.{group}", self.names.plural) }
    }

    /// Returns the details of a `Status` about the object `name`.
    pub fn details(&self, name: &str) -> Value {
        let group = self.group();
        if group.is_empty() {
            json!({"name": name, "kind": self.names.plural})
        } else {
            json!({"name": name, "group": group, "kind": self.names.plural})
        }
    }

    /// Returns the rules of a kind of the server's own.
    pub fn builtin(&self) -> Option<&Builtin> {
        match &self.origin {
            Origin::Builtin(builtin) => Some(builtin),
            Origin::Custom(_) => None,
        }
    }

    /// Returns the schema of a registered kind.
    pub fn schema(&self) -> Option<&Value> {
        match &self.origin {
            Origin::Builtin(_) => None,
            Origin::Custom(custom) => Some(&custom.schema),
        }
    }
}

/// Every kind that is served, found by path or by number.
#[derive(Debug, Default)]
pub struct Registry {
    kinds: Vec<Arc<Kind>>,
    paths: HashMap<(GroupVersion, String), usize>,
    /// By full name, and by plural for the first that has it.
    names: HashMap<String, usize>,
}

impl Registry {
    /// Adds a kind, or replaces the one of the same group and plural, and returns it with its number.
    pub fn add(&mut self, mut kind: Kind) -> Arc<Kind> {
        let known = self.kinds.iter().find(|other| other.qualified() == kind.qualified()).map(|other| other.id);
        kind.id = known.unwrap_or(self.kinds.len());
        let kind = Arc::new(kind);
        self.names.insert(kind.qualified(), kind.id);
        self.names.entry(kind.names.plural.clone()).or_insert(kind.id);
        for version in &kind.served {
            self.paths.insert((version.clone(), kind.names.plural.clone()), kind.id);
        }
        match self.kinds.get_mut(kind.id) {
            Some(place) => *place = Arc::clone(&kind),
            None => self.kinds.push(Arc::clone(&kind)),
        }
        kind
    }

    /// Takes the kind `qualified` off every path; its objects stay where they are.
    pub fn hide(&mut self, qualified: &str) -> Option<Arc<Kind>> {
        let kind = Arc::clone(self.kinds.iter().find(|kind| kind.qualified() == qualified)?);
        self.paths.retain(|_, id| *id != kind.id);
        self.names.retain(|_, id| *id != kind.id);
        Some(kind)
    }

    /// Finds the kind served at a path.
    pub fn at(&self, version: &GroupVersion, plural: &str) -> Option<Arc<Kind>> {
        let id = self.paths.get(&(version.clone(), plural.to_owned()))?;
        self.kinds.get(*id).cloned()
    }

    /// Finds the kind that `apiVersion` and `kind` of an object name.
    pub fn of(&self, api_version: &str, kind: &str) -> Option<Arc<Kind>> {
        let version = GroupVersion::parse(api_version);
        self.visible().find(|known| known.names.kind == kind && known.served.contains(&version)).cloned()
    }

    /// Finds a kind by the name that messages use (`rollouts.argoproj.io`), or by its plural alone.
    pub fn named(&self, name: &str) -> Option<Arc<Kind>> {
        self.kinds.get(*self.names.get(name)?).cloned()
    }

    /// Returns the kind of that number.
    pub fn numbered(&self, id: usize) -> Option<Arc<Kind>> {
        self.kinds.get(id).cloned()
    }

    /// Returns every kind that is served.
    pub fn visible(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.kinds.iter().filter(|kind| {
            kind.served
                .first()
                .is_some_and(|first| self.paths.get(&(first.clone(), kind.names.plural.clone())) == Some(&kind.id))
        })
    }
}
