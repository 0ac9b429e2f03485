//! Sets of fields: who wrote what, in the form of `managedFields`.

mod managed;
mod shape;
mod stored;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use self::{
    managed::{Entry, Managers, record},
    shape::{ListKind, Shape, item_name},
};

/// A set of places in an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Whether the place itself is in the set.
    pub here: bool,
    /// The places below, by names such as `f:spec`, `k:{"name":"a"}` and `v:"x"`.
    pub below: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    fn leaf() -> Self {
        Self { here: true, below: BTreeMap::new() }
    }

    /// Tells whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        !self.here && self.below.is_empty()
    }

    /// Reads the form that `fieldsV1` has.
    pub fn read(value: &Value) -> Self {
        let mut set = Self::default();
        let Some(map) = value.as_object() else {
            return set;
        };
        for (name, value) in map {
            if name == "." {
                set.here = true;
                continue;
            }
            let mut below = Self::read(value);
            below.here |= below.below.is_empty();
            set.below.insert(name.clone(), below);
        }
        set
    }

    /// Writes the form that `fieldsV1` has.
    pub fn write(&self) -> Value {
        let mut map = Map::new();
        if self.here && !self.below.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (name, below) in &self.below {
            map.insert(name.clone(), below.write());
        }
        Value::Object(map)
    }

    /// Returns every place of `value`.
    pub fn of(value: &Value, shape: Shape<'_>) -> Self {
        match value {
            Value::Object(map) if !map.is_empty() && !shape.atomic_map() => {
                let mut set = Self::default();
                let structured = shape.structured();
                for (key, value) in map.iter().filter(|(key, _)| !shape.unowned(key)) {
                    let mut below = Self::of(value, shape.child(key));
                    below.here |= !structured;
                    if below.is_empty() {
                        continue;
                    }
                    set.below.insert(format!("f:{key}"), below);
                }
                set
            }
            Value::Array(items) if !items.is_empty() => Self::of_list(items, shape),
            _ => Self::leaf(),
        }
    }

    fn of_list(items: &[Value], shape: Shape<'_>) -> Self {
        let mut set = Self::default();
        match shape.list(items) {
            ListKind::Atomic => return Self::leaf(),
            ListKind::Set => {
                for item in items {
                    set.below.insert(format!("v:{item}"), Self::leaf());
                }
            }
            ListKind::Keyed(keys) => {
                for item in items {
                    let mut below = Self::of(item, shape.item());
                    below.here = true;
                    set.below.insert(item_name(item, &keys), below);
                }
            }
        }
        set
    }

    /// Adds every place on the way to those in the set, as a writer owns them who brought them all.
    fn own_all(&mut self) {
        self.here = true;
        self.below.values_mut().for_each(Self::own_all);
    }

    /// Adds the places of `other`.
    pub fn add(&mut self, other: &Self) {
        self.here |= other.here;
        for (name, below) in &other.below {
            self.below.entry(name.clone()).or_default().add(below);
        }
    }

    /// Takes the places of `other` away.
    pub fn subtract(&mut self, other: &Self) {
        self.here &= !other.here;
        for (name, below) in &other.below {
            if let Some(mine) = self.below.get_mut(name) {
                mine.subtract(below);
                if mine.is_empty() {
                    self.below.remove(name);
                }
            }
        }
    }

    /// Takes the places of `other` away, with everything below them.
    #[cfg(test)]
    pub fn cut(&mut self, other: &Self) {
        for (name, below) in &other.below {
            if below.here {
                self.below.remove(name);
            } else if let Some(mine) = self.below.get_mut(name) {
                mine.cut(below);
                if mine.is_empty() {
                    self.below.remove(name);
                }
            }
        }
    }

    /// Lets go of every place at or below which `other` has something, and keeps the rest.
    pub fn release(&mut self, other: &Self) {
        self.here &= other.is_empty();
        for (name, below) in &other.below {
            if let Some(mine) = self.below.get_mut(name) {
                mine.release(below);
                if mine.is_empty() {
                    self.below.remove(name);
                }
            }
        }
    }

    /// Returns the places in both.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let mut set = Self { here: self.here && other.here, below: BTreeMap::new() };
        for (name, mine) in &self.below {
            if let Some(theirs) = other.below.get(name) {
                let common = mine.common(theirs);
                if !common.is_empty() {
                    set.below.insert(name.clone(), common);
                }
            }
        }
        set
    }

    /// Returns each place as people read it, such as `.spec.replicas` and `.spec.containers[name="web"].image`.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.walk(&mut String::new(), &mut paths);
        paths
    }

    fn walk(&self, path: &mut String, paths: &mut Vec<String>) {
        if self.here {
            paths.push(path.clone());
        }
        for (name, below) in &self.below {
            let length = path.len();
            path.push_str(&readable(name));
            below.walk(path, paths);
            path.truncate(length);
        }
    }
}

fn readable(name: &str) -> String {
    if let Some(field) = name.strip_prefix("f:") {
        return format!(".{field}");
    }
    if let Some(Value::Object(keys)) = name.strip_prefix("k:").and_then(|keys| serde_json::from_str(keys).ok()) {
        let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
        return format!("[{}]", keys.join(","));
    }
    format!("[={}]", name.trim_start_matches("v:"))
}

/// What differs between two objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The places that are new or have another value.
    pub changed: FieldSet,
    /// The places that are gone.
    pub removed: FieldSet,
}

impl Difference {
    /// Compares two values.
    pub fn between(before: &Value, after: &Value, shape: Shape<'_>) -> Self {
        // Maps are compared by walking them, so that no part is compared twice.
        match (before, after) {
            (Value::Object(before), Value::Object(after)) if !shape.atomic_map() => {
                let mut difference = Self::default();
                for (key, value) in after.iter().filter(|(key, _)| !shape.unowned(key)) {
                    let part = Self::part(before.get(key), Some(value), shape.child(key));
                    difference.place(format!("f:{key}"), part);
                }
                for key in before.keys().filter(|key| !after.contains_key(*key) && !shape.unowned(key)) {
                    difference.place(format!("f:{key}"), Self::gone());
                }
                difference
            }
            _ if before == after => Self::default(),
            (Value::Array(before), Value::Array(after)) => Self::between_lists(before, after, shape),
            _ => Self { changed: FieldSet::leaf(), removed: FieldSet::default() },
        }
    }

    fn between_lists(before: &[Value], after: &[Value], shape: Shape<'_>) -> Self {
        let longer = if after.is_empty() { before } else { after };
        let names = |items: &[Value]| -> Option<Vec<String>> {
            match shape.list(longer) {
                ListKind::Atomic => None,
                ListKind::Set => Some(items.iter().map(|item| format!("v:{item}")).collect()),
                ListKind::Keyed(keys) => Some(items.iter().map(|item| item_name(item, &keys)).collect()),
            }
        };
        let (Some(old), Some(new)) = (names(before), names(after)) else {
            return Self { changed: FieldSet::leaf(), removed: FieldSet::default() };
        };
        let mut difference = Self::default();
        for (name, item) in new.iter().zip(after) {
            let known = old.iter().position(|old| old == name).and_then(|place| before.get(place));
            difference.place(name.clone(), Self::part(known, Some(item), shape.item()));
        }
        for name in old.iter().filter(|name| !new.contains(name)) {
            difference.place(name.clone(), Self::gone());
        }
        difference
    }

    fn part(before: Option<&Value>, after: Option<&Value>, shape: Shape<'_>) -> Self {
        match (before, after) {
            (Some(before), Some(after)) => Self::between(before, after, shape),
            (None, Some(after)) if after.is_object() && shape.always_there() => {
                Self::between(&Value::Object(Map::new()), after, shape)
            }
            (None, Some(after)) if after.is_array() && shape.always_there() => {
                Self::between(&Value::Array(Vec::new()), after, shape)
            }
            (None, Some(after)) => {
                let mut changed = FieldSet::of(after, shape);
                changed.own_all();
                Self { changed, removed: FieldSet::default() }
            }
            _ => Self::gone(),
        }
    }

    fn gone() -> Self {
        Self { changed: FieldSet::default(), removed: FieldSet::leaf() }
    }

    fn place(&mut self, name: String, part: Self) {
        if !part.changed.is_empty() {
            self.changed.below.insert(name.clone(), part.changed);
        }
        if !part.removed.is_empty() {
            self.removed.below.insert(name, part.removed);
        }
    }
}
