//! Source: manifests as they are written: the value of each document, and where in its file each field stands.

use std::collections::HashMap;

use granit_parser::{Event, Parser, Span};
use serde_json::Value;

/// Where something stands in a file; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub value: Value,
    /// Where each field and item stands, by its JSON path such as `spec.steps[0].pause`; the empty path is the document.
    marks: HashMap<String, Mark>,
}

impl Document {
    /// Where a path stands, or the nearest part above it that is there.
    pub fn mark(&self, path: &str) -> Mark {
        let mut path = path;
        loop {
            if let Some(mark) = self.marks.get(path) {
                return *mark;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None if path.is_empty() => return Mark { line: 1, column: 1 },
                None => path = "",
            }
        }
    }
}

/// Why a text is no YAML.
#[derive(Debug)]
pub struct Malformed {
    /// Where.
    pub mark: Mark,
    /// What is wrong.
    pub why: String,
}

/// Reads every document of a text; a `List` counts as its items.
///
/// # Errors
/// When the text is no YAML, or a key is there twice.
pub fn documents(text: &str) -> Result<Vec<Document>, Malformed> {
    let values: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
        let at = error.location();
        let place = |number: u64| usize::try_from(number).unwrap_or(1).max(1);
        let mark =
            at.map_or(Mark { line: 1, column: 1 }, |at| Mark { line: place(at.line()), column: place(at.column()) });
        let said = error.without_snippet().to_string();
        Malformed { mark, why: said.lines().next().unwrap_or_default().to_owned() }
    })?;
    let mut marks = marks(text)?;
    // A document of comments alone has no value.
    marks.retain(|marks| !marks.is_empty());
    let found = values.into_iter().filter(|value| !value.is_null());
    Ok(found.zip(marks).flat_map(|(value, marks)| items(Document { value, marks })).collect())
}

/// A document, or the items of a list of objects.
fn items(document: Document) -> Vec<Document> {
    let kind = document.value.get("kind").and_then(Value::as_str).unwrap_or_default();
    let Some(items) = document.value.get("items").and_then(Value::as_array).filter(|_| kind.ends_with("List")) else {
        return vec![document];
    };
    let item = |(index, value): (usize, &Value)| {
        let start = format!("items[{index}]");
        let under = |(path, mark): (&String, &Mark)| {
            let rest = path.strip_prefix(&start)?;
            Some((rest.strip_prefix('.').unwrap_or(rest).to_owned(), *mark))
        };
        Document { value: value.clone(), marks: document.marks.iter().filter_map(under).collect() }
    };
    items.iter().enumerate().map(item).collect()
}

/// A collection that is being read.
enum Open {
    /// The path of the mapping; the key whose value is next, if it was read.
    Mapping(String, Option<String>),
    /// The path of the sequence; the number of its next item.
    Sequence(String, usize),
}

/// Where everything stands, for each document of a text; nothing for one without a value.
fn marks(text: &str) -> Result<Vec<HashMap<String, Mark>>, Malformed> {
    let mut all = Vec::new();
    let mut here = HashMap::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = *error.marker();
            Malformed { mark: Mark { line: at.line(), column: at.col() + 1 }, why: error.to_string() }
        })?;
        match event {
            Event::DocumentEnd => all.push(std::mem::take(&mut here)),
            Event::Scalar(word, ..) => {
                if let Some(Open::Mapping(path, key @ None)) = open.last_mut() {
                    // The key's place is that of the field.
                    let field = if path.is_empty() { word.to_string() } else { format!("{path}.{word}") };
                    here.insert(field.clone(), mark(&span));
                    *key = Some(field);
                } else if let Some(path) = place(&mut open) {
                    let null = span.start.index() == span.end.index();
                    if !(path.is_empty() && null) {
                        here.entry(path).or_insert(mark(&span));
                    }
                }
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                let path = place(&mut open).unwrap_or_default();
                here.entry(path.clone()).or_insert(mark(&span));
                let mapping = matches!(event, Event::MappingStart(..));
                open.push(if mapping { Open::Mapping(path, None) } else { Open::Sequence(path, 0) });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
            }
            Event::Alias(..) => {
                place(&mut open);
            }
            _ => {}
        }
    }
    Ok(all)
}

/// The path of the node that begins now.
fn place(open: &mut [Open]) -> Option<String> {
    match open.last_mut() {
        None => Some(String::new()),
        Some(Open::Mapping(_, key)) => key.take(),
        Some(Open::Sequence(path, next)) => {
            let item = format!("{path}[{next}]");
            *next += 1;
            Some(item)
        }
    }
}

fn mark(span: &Span) -> Mark {
    Mark { line: span.start.line(), column: span.start.col() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, places: &[(usize, &str, usize, usize)]) {
        let documents = documents(text).unwrap();
        for (document, path, line, column) in places {
            assert_eq!(documents[*document].mark(path), Mark { line: *line, column: *column }, "{path}");
        }
    }

    #[test]
    fn every_field_has_its_place() {
        let text =
            "# head\n---\nkind: A\nspec:\n  steps:\n    - setWeight: 20\n    - {pause: {duration: 5}}\n---\nkind: B\n";
        check(
            text,
            &[
                (0, "kind", 3, 1),
                (0, "spec.steps[0]", 6, 7),
                (0, "spec.steps[0].setWeight", 6, 7),
                (0, "spec.steps[1].pause.duration", 7, 16),
                (0, "spec.steps[1].pause.missing", 7, 8),
                (0, "spec.missing.deeper", 4, 1),
                (1, "kind", 9, 1),
            ],
        );
    }

    #[test]
    fn lists_are_their_items_and_empty_documents_are_none() {
        let text = "---\n# nothing\n---\nkind: List\nitems:\n- kind: A\n- kind: B\n  spec: {x: 1}\n---\n";
        let found = documents(text).unwrap();
        assert_eq!(found.len(), 2);
        check(text, &[(1, "spec.x", 8, 10), (1, "", 7, 3)]);
    }

    #[test]
    fn what_is_no_yaml_has_its_place() {
        let wrong = documents("kind: A\nspec: {x: 1\n").unwrap_err();
        assert!(wrong.mark.line >= 2, "{wrong:?}");
        let twice = documents("kind: A\nkind: B\n").unwrap_err();
        assert!(twice.why.contains("duplicate"), "{twice:?}");
        assert_eq!(twice.mark.line, 2);
    }
}
