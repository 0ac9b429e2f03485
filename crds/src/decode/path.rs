//! A place in a JSON document.

use std::fmt;

use serde_json::Value;
use serde_path_to_error as error;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment {
    /// An item of a list.
    Index(usize),
    /// A member of an object.
    Key(String),
}

/// A place in a JSON document, from its root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(pub(super) Vec<Segment>);

impl Path {
    /// The place that holds this one; none for the root.
    pub(super) fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, parents)| Self(parents.to_vec()))
    }

    /// The first `depth` steps.
    pub(super) fn cut(&self, depth: usize) -> Self {
        Self(self.0.iter().take(depth).cloned().collect())
    }

    /// The lists that hold this place, and the object that does, from the outside in; below the members of the root.
    pub(super) fn containers(&self) -> Vec<Self> {
        let last = self.0.len().saturating_sub(1);
        let holds = |depth: &usize| *depth == last || matches!(self.0.get(*depth), Some(Segment::Index(_)));
        (2..=last).filter(holds).map(|depth| self.cut(depth)).collect()
    }

    /// What stands there.
    pub(super) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |at, segment| match segment {
            Segment::Index(index) => at.get(index),
            Segment::Key(key) => at.get(key),
        })
    }

    /// Removes what stands there; false if nothing does.
    pub(super) fn remove(&self, value: &mut Value) -> bool {
        let Some((last, parents)) = self.0.split_last() else {
            return false;
        };
        let parent = parents.iter().try_fold(value, |at, segment| match segment {
            Segment::Index(index) => at.get_mut(index),
            Segment::Key(key) => at.get_mut(key),
        });
        match (parent, last) {
            (Some(Value::Object(map)), Segment::Key(key)) => map.remove(key).is_some(),
            (Some(Value::Array(list)), Segment::Index(index)) if *index < list.len() => {
                list.remove(*index);
                true
            }
            _ => false,
        }
    }
}

impl From<&error::Path> for Path {
    fn from(path: &error::Path) -> Self {
        let segments = path.iter().filter_map(|segment| match segment {
            error::Segment::Seq { index } => Some(Segment::Index(*index)),
            error::Segment::Map { key } => Some(Segment::Key(key.clone())),
            error::Segment::Enum { .. } | error::Segment::Unknown => None,
        });
        Self(segments.collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the object");
        }
        for (number, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if number == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}
