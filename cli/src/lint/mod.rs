//! `serin lint`: what is wrong with manifests, before anybody applies them; without a cluster.

mod checks;
mod fields;
mod finding;
pub(crate) mod source;

use std::collections::HashMap;
use std::path::PathBuf;

use self::checks::{Found, Together};
use self::fields::Schemas;
pub use self::finding::{Finding, Format, Level};
use self::source::Document;
use crate::{files, outcome::Outcome};

/// Check manifests without a cluster
///
/// Reads Rollouts, analyses and what they name in the same files (Services, routes, subsets), and says what is wrong and what
/// to write. Exits with 0 when there is no error, 1 when there is one, 2 for what can't be read.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Files, folders (their .yaml, .yml and .json files, at any depth) or - for standard input
    #[arg(short = 'f', long = "filename", required = true, num_args = 1.., value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How findings are told
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// Checks every file; findings go to standard output, what can't be read to standard error.
pub fn run(arguments: &Arguments) -> Outcome {
    let Some(files) = files::read(&arguments.files) else { return Outcome::Unreadable };
    let texts: Vec<(&str, &str)> = files.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
    let findings = check(&texts);
    let line = |name: &str, number: usize| {
        let file = files.iter().find(|file| file.name == name)?;
        file.text.lines().nth(number.checked_sub(1)?).map(str::to_owned)
    };
    print!("{}", finding::tell(&findings, arguments.format, &line));
    let wrong = findings.iter().any(|finding| finding.level == Level::Error);
    if wrong { Outcome::Bad } else { Outcome::Good }
}

/// Everything that is wrong with these files, each a name and a text, in the order in which it stands there.
pub fn check(files: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut documents: Vec<(&str, Document)> = Vec::new();
    for (name, text) in files {
        match source::documents(text) {
            Ok(found) => documents.extend(found.into_iter().map(|document| (*name, document))),
            Err(malformed) => findings.push(Finding {
                level: Level::Error,
                check: "no-yaml",
                file: (*name).to_owned(),
                line: malformed.mark.line,
                column: malformed.mark.column,
                object: String::new(),
                path: String::new(),
                message: malformed.why,
            }),
        }
    }
    let values: Vec<_> = documents.iter().map(|(_, document)| &document.value).collect();
    let together = Together(&values);
    let schemas = Schemas::read();
    for (file, document) in &documents {
        let unknown = schemas.unknown(&document.value).into_iter().map(unknown);
        let all = unknown.chain(checks::object(&document.value, &together));
        findings.extend(all.map(|found| placed(file, document, found)));
    }
    let order: HashMap<&str, usize> = files.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect();
    findings.sort_by_key(|finding| (order.get(finding.file.as_str()).copied(), finding.mark(), finding.path.clone()));
    findings
}

fn unknown((path, meant): (String, Option<String>)) -> Found {
    let advice =
        meant.map_or_else(|| "remove it, or correct its name".to_owned(), |meant| format!("did you mean {meant}?"));
    let message = format!("{path} is a field that this kind does not have; {advice}");
    Found { level: Level::Error, check: "unknown-field", path, message }
}

fn placed(file: &str, document: &Document, found: Found) -> Finding {
    let Found { level, check, path, message } = found;
    let mark = document.mark(&path);
    let text = |pointer: &str| document.value.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
    let object = format!("{} {}", text("/kind"), text("/metadata/name"));
    Finding { level, check, file: file.to_owned(), line: mark.line, column: mark.column, object, path, message }
}
