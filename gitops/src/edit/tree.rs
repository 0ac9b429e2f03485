//! A YAML file as a tree whose nodes know which bytes they are.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};
use serin_crds::rollback::path::Step;

/// Deepest nesting of a file.
const DEEPEST: usize = 100;
/// Most nodes of a file.
const MOST: usize = 200_000;

/// A node: what it is, and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// The bytes, quotes included; of a collection only where it begins.
    pub span: Range<usize>,
    /// Its anchor; 0 without one.
    pub anchor: usize,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A text, a number or another word.
    Scalar(String, ScalarStyle),
    /// Keys with their values, in the order of the file.
    Mapping(Vec<(Node, Node)>),
    /// Items.
    Sequence(Vec<Node>),
    /// Another mention of an anchored node.
    Alias(usize),
}

/// A file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its documents.
    pub documents: Vec<Node>,
    /// Anchors that are mentioned again.
    pub mentioned: Vec<usize>,
}

/// A collection that is being read.
struct Open {
    node: Node,
    key: Option<Node>,
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// It is no YAML, or larger or deeper than anybody writes by hand.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut file = Self { documents: Vec::new(), mentioned: Vec::new() };
        let (mut open, mut nodes): (Vec<Open>, usize) = (Vec::new(), 0);
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| format!("is no YAML: {error}"))?;
            let span = span.byte_range().unwrap_or_default();
            let node = |anchor, kind| Node { span: span.clone(), anchor, kind };
            nodes += 1;
            if nodes > MOST || open.len() > DEEPEST {
                return Err("is larger or deeper than a file may be that is edited".to_owned());
            }
            match event {
                Event::Scalar(value, style, anchor, _) => {
                    file.put(&mut open, node(anchor, Kind::Scalar(value.into_owned(), style)))?;
                }
                Event::Alias(anchor) => {
                    file.mentioned.push(anchor);
                    file.put(&mut open, node(0, Kind::Alias(anchor)))?;
                }
                Event::MappingStart(_, anchor, _) => {
                    open.push(Open { node: node(anchor, Kind::Mapping(Vec::new())), key: None });
                }
                Event::SequenceStart(_, anchor, _) => {
                    open.push(Open { node: node(anchor, Kind::Sequence(Vec::new())), key: None });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    let Open { node, .. } = open.pop().ok_or("is no YAML: unbalanced")?;
                    file.put(&mut open, node)?;
                }
                _ => {}
            }
        }
        Ok(file)
    }

    /// Puts a node into what is being read.
    fn put(&mut self, open: &mut [Open], node: Node) -> Result<(), String> {
        let Some(Open { node: parent, key }) = open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match (&mut parent.kind, key.take()) {
            (Kind::Sequence(items), _) => items.push(node),
            (Kind::Mapping(_), None) => *key = Some(node),
            (Kind::Mapping(pairs), Some(name)) => {
                // Of two values of one key nobody knows which one counts.
                if let Some(word) = name.word().filter(|word| pairs.iter().any(|(known, _)| known.word() == Some(word)))
                {
                    return Err(format!("has the key {word} twice in one place"));
                }
                pairs.push((name, node));
            }
            (Kind::Scalar(..) | Kind::Alias(_), _) => return Err("is no YAML: unbalanced".to_owned()),
        }
        Ok(())
    }
}

impl Node {
    /// The text of a scalar.
    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(word, _) => Some(word),
            _ => None,
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Mapping(pairs) => pairs.iter().find(|(name, _)| name.word() == Some(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The items of a list; none where it is none.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Sequence(items) => items,
            _ => &[],
        }
    }

    /// Goes along a path.
    ///
    /// # Errors
    /// Where it ends, in words that follow the name of the file.
    pub fn find(&self, path: &[Step]) -> Result<&Self, String> {
        let mut here = self;
        for step in path {
            here = match step {
                Step::Key(key) => here.get(key).ok_or_else(|| format!("has no {key} where the path leads")),
                Step::Index(index) => here.items().get(*index).ok_or_else(|| format!("has no item [{index}]")),
                Step::Where(key, value) => here.only(key, value),
            }?;
        }
        Ok(here)
    }

    /// The one item whose key has this value.
    ///
    /// # Errors
    /// There is none, or several.
    pub fn only(&self, key: &str, value: &str) -> Result<&Self, String> {
        let mut fitting = self.items().iter().filter(|item| item.get(key).and_then(Self::word) == Some(value));
        match (fitting.next(), fitting.next()) {
            (Some(item), None) => Ok(item),
            (None, _) => Err(format!("has no item with {key}: {value}")),
            (Some(_), Some(_)) => Err(format!("has several items with {key}: {value}")),
        }
    }

    /// Whether two nodes say the same, but for the scalar that stands at `edited` in this one, which must say `wanted` there.
    pub fn same_but(&self, other: &Self, edited: usize, wanted: &str) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Scalar(..), Kind::Scalar(there, _)) if self.span.start == edited && !self.span.is_empty() => {
                there == wanted && self.anchor == other.anchor
            }
            (Kind::Scalar(here, _), Kind::Scalar(there, _)) => here == there && self.anchor == other.anchor,
            (Kind::Alias(here), Kind::Alias(there)) => here == there,
            (Kind::Sequence(here), Kind::Sequence(there)) => {
                let mut pairs = here.iter().zip(there);
                here.len() == there.len() && pairs.all(|(here, there)| here.same_but(there, edited, wanted))
            }
            (Kind::Mapping(here), Kind::Mapping(there)) => {
                let same = |((name, value), (other_name, other_value)): (&(Self, Self), &(Self, Self))| {
                    name.same_but(other_name, edited, wanted) && value.same_but(other_value, edited, wanted)
                };
                here.len() == there.len() && here.iter().zip(there).all(same)
            }
            _ => false,
        }
    }
}
