//! Edit: takes an image back in a file: only the bytes of the value change, and only where the aborted image stands.
//!
//! Whatever else the file says (comments, order, quotes, anchors, line ends) stays as it is; the result is read again and
//! compared, and what differs in anything but the value is refused.

mod tree;

use granit_parser::ScalarStyle;
use serin_crds::rollback::path::{Step, parse};
use serin_crds::rollback::{HelmEdit, ImageEdit, KustomizeEdit, YamlEdit};

use self::tree::{File, Kind, Node};
use crate::core::images::ImageRef;

/// Largest file that is edited, in bytes.
pub const LARGEST: usize = 1024 * 1024;

/// What came of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The whole text with the image taken back.
    Changed(String),
    /// The image that was stable stands there already.
    There,
    /// Another image stands there.
    Other(String),
}

/// One value to be replaced: the node, and what it shall say.
type Replacement<'a> = (&'a Node, String);

/// Takes an image back in the text of a file.
///
/// # Errors
/// Why it can't be done, in words that follow the name of the file.
pub fn take_back(text: &str, edit: &ImageEdit, from: &str, to: &str) -> Result<Edited, String> {
    if text.len() > LARGEST {
        return Err(format!("is larger than {LARGEST} bytes"));
    }
    let file = File::read(text)?;
    let found = match (&edit.yaml, &edit.kustomize, &edit.helm) {
        (Some(yaml), None, None) => in_yaml(&file, yaml, from, to),
        (None, Some(kustomize), None) => in_kustomize(&file, kustomize, from, to),
        (None, None, Some(helm)) => in_helm(&file, helm, from, to),
        _ => Err("must have exactly one of yaml, kustomize and helm".to_owned()),
    }?;
    match found {
        Found::Other(other) => Ok(Edited::Other(other)),
        Found::There => Ok(Edited::There),
        Found::Here(mut replacements) => {
            // From the end, so that places before stay where they are.
            replacements.sort_by_key(|(node, _)| std::cmp::Reverse(node.span.start));
            let spans: Vec<_> = replacements.into_iter().map(|(node, value)| (node.clone(), value)).collect();
            let edited = spans.iter().try_fold(text.to_owned(), |text, (node, value)| replace(&text, node, value))?;
            Ok(Edited::Changed(edited))
        }
    }
}

/// What stands where the image is looked for.
enum Found<'a> {
    /// The image that was aborted; these values have to change.
    Here(Vec<Replacement<'a>>),
    There,
    Other(String),
}

fn in_yaml<'a>(file: &'a File, edit: &YamlEdit, from: &str, to: &str) -> Result<Found<'a>, String> {
    let YamlEdit { path, kind, name } = edit;
    let fits = |document: &&Node| {
        let says = |path: &[&str], wanted: &Option<String>| {
            let found = path.iter().try_fold(*document, |node, key| node.get(key)).and_then(Node::word);
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        says(&["kind"], kind) && says(&["metadata", "name"], name)
    };
    let mut fitting = file.documents.iter().filter(fits);
    let document = match (fitting.next(), fitting.next()) {
        (Some(document), None) => document,
        (None, _) => return Err("has no document of that kind and name".to_owned()),
        (Some(_), Some(_)) => return Err("has several documents that fit; give kind and name".to_owned()),
    };
    let node = document.find(&parse(path)?)?;
    let word = scalar(node, path)?;
    Ok(match word {
        word if word == from => Found::Here(vec![(node, to.to_owned())]),
        word if word == to => Found::There,
        word => Found::Other(word.to_owned()),
    })
}

fn in_kustomize<'a>(file: &'a File, edit: &KustomizeEdit, from: &str, to: &str) -> Result<Found<'a>, String> {
    let images = only_document(file)?.find(&[Step::Key("images".to_owned())])?;
    let entry = images.only("name", &edit.image)?;
    let parts = Parts { repository: entry.get("newName"), tag: entry.get("newTag"), digest: entry.get("digest") };
    if parts.tag.is_none() && parts.digest.is_none() {
        return Err(format!("has neither newTag nor digest for the image {}", edit.image));
    }
    parts.take_back(&edit.image, from, to)
}

fn in_helm<'a>(file: &'a File, edit: &HelmEdit, from: &str, to: &str) -> Result<Found<'a>, String> {
    let document = only_document(file)?;
    let find = |path: &Option<String>| path.as_ref().map(|path| document.find(&parse(path)?)).transpose();
    let parts = Parts { repository: find(&edit.repository)?, tag: find(&edit.tag)?, digest: find(&edit.digest)? };
    // Where the repository is not named, it is taken to be that of the image.
    parts.take_back(&ImageRef::read(from).repository, from, to)
}

fn only_document(file: &File) -> Result<&Node, String> {
    match file.documents.as_slice() {
        [document] => Ok(document),
        documents => Err(format!("has {} documents instead of one", documents.len())),
    }
}

/// The values that make up an image.
struct Parts<'a> {
    repository: Option<&'a Node>,
    tag: Option<&'a Node>,
    digest: Option<&'a Node>,
}

impl<'a> Parts<'a> {
    /// Compares what stands there with the two images; `unnamed` is the repository where none is named.
    fn take_back(&self, unnamed: &str, from: &str, to: &str) -> Result<Found<'a>, String> {
        let text = |node: Option<&Node>, what: &str| {
            let word = node.map(|node| scalar(node, what)).transpose()?;
            Ok::<_, String>(word.filter(|word| !word.is_empty()).map(str::to_owned))
        };
        let here = ImageRef {
            repository: text(self.repository, "the repository")?.unwrap_or_else(|| unnamed.to_owned()),
            tag: text(self.tag, "the tag")?,
            digest: text(self.digest, "the digest")?,
        };
        let (from, to) = (ImageRef::read(from), ImageRef::read(to));
        if here.says(&to) && !here.says(&from) {
            return Ok(Found::There);
        }
        if !here.says(&from) {
            return Ok(Found::Other(here.to_string()));
        }
        let mut changes = Vec::new();
        if from.repository != to.repository {
            let node = self.repository.ok_or("does not name the repository, which has to change too")?;
            changes.push((node, to.repository));
        }
        for (node, from, to, what) in
            [(self.tag, from.tag, to.tag, "tag"), (self.digest, from.digest, to.digest, "digest")]
        {
            // What the file does not hold need not change.
            let Some(node) = node.filter(|node| node.word().is_some_and(|word| !word.is_empty())) else { continue };
            match to {
                Some(to) if from.as_ref() != Some(&to) => changes.push((node, to)),
                Some(_) => {}
                None => return Err(format!("holds a {what}, and the image that was stable has none")),
            }
        }
        if changes.is_empty() {
            return Err("does not hold the part of the image that differs".to_owned());
        }
        Ok(Found::Here(changes))
    }
}

impl ImageRef {
    /// Whether what a file holds is this image, as far as it says.
    fn says(&self, image: &Self) -> bool {
        let repository =
            self.repository == image.repository || image.repository.ends_with(&format!("/{}", self.repository));
        let tag = self.tag.is_none() || self.tag == image.tag || (self.digest.is_some() && image.tag.is_none());
        let digest = self.digest.is_none() || self.digest == image.digest;
        let some = self.tag.is_some() || self.digest.is_some();
        // A tag alone is no image that is pinned by its digest.
        let pinned = image.digest.is_none() || self.digest.is_some();
        repository && tag && digest && some && pinned
    }
}

impl std::fmt::Display for ImageRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

fn scalar<'a>(node: &'a Node, what: &str) -> Result<&'a str, String> {
    match &node.kind {
        Kind::Scalar(word, _) => Ok(word),
        Kind::Alias(_) => Err(format!("has an alias at {what}; what it stands for may be used elsewhere")),
        Kind::Mapping(_) | Kind::Sequence(_) => Err(format!("has more than a value at {what}")),
    }
}

/// Replaces one value, and makes sure that nothing else is different afterwards.
fn replace(text: &str, node: &Node, value: &str) -> Result<String, String> {
    let Kind::Scalar(_, style) = &node.kind else { return Err("has no value there".to_owned()) };
    let before = File::read(text)?;
    if node.anchor != 0 && before.mentioned.contains(&node.anchor) {
        return Err("uses the value elsewhere too, by its anchor".to_owned());
    }
    let written = match style {
        ScalarStyle::Plain if is_plain(value) => value.to_owned(),
        ScalarStyle::SingleQuoted => format!("'{}'", value.replace('\'', "''")),
        ScalarStyle::Plain | ScalarStyle::DoubleQuoted => serde_json::Value::from(value).to_string(),
        ScalarStyle::Literal | ScalarStyle::Folded => return Err("has the value as a block of text".to_owned()),
    };
    let (start, end) = (node.span.start, node.span.end);
    let (Some(head), Some(tail)) = (text.get(..start), text.get(end..)) else {
        return Err("could not be edited".to_owned());
    };
    let edited = format!("{head}{written}{tail}");
    let after = File::read(&edited)?;
    let mut pairs = before.documents.iter().zip(&after.documents);
    let same = before.documents.len() == after.documents.len() && pairs.all(|(a, b)| a.same_but(b, start, value));
    if same { Ok(edited) } else { Err("would change in more than the image".to_owned()) }
}

/// Whether a text can stand without quotes and is read as a text, not as a number or another word.
fn is_plain(value: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._/@:+-".contains(&byte);
    let word = value.to_ascii_lowercase();
    let spoken = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&word.as_str());
    let number = value.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte))
        && (!value.bytes().any(|byte| byte.is_ascii_alphabetic() && !b"eExXoObB".contains(&byte))
            || word.starts_with("0x"));
    value.bytes().all(safe)
        && value.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && !value.ends_with(':')
        && !spoken
        && !number
}

#[cfg(test)]
mod tests;
