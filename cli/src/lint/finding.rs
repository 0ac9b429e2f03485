//! Finding: one thing that is wrong or doubtful, where it stands, and how it is told.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::source::Mark;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It does not work.
    Error,
    /// It works, and hardly as it was meant.
    Warning,
}

impl Level {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong or doubtful.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Which check found it, in one word with hyphens.
    pub check: &'static str,
    /// The file, as it was named; `-` for standard input.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The object, such as `Rollout shop`; empty for a file that is no YAML.
    pub object: String,
    /// The JSON path of the field.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Finding {
    /// Where it stands.
    pub const fn mark(&self) -> Mark {
        Mark { line: self.line, column: self.column }
    }
}

/// How findings are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, with the line that is meant
    #[default]
    Text,
    /// A JSON array
    Json,
    /// Annotations of GitHub Actions
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// Tells findings; `line` gives the text of a line of a file.
pub fn tell(findings: &[Finding], format: Format, line: &dyn Fn(&str, usize) -> Option<String>) -> String {
    match format {
        Format::Text => findings.iter().map(|finding| text(finding, line)).collect::<String>() + &sum(findings),
        Format::Json => pretty(&json!(findings)),
        Format::Github => findings.iter().map(github).collect(),
        Format::Sarif => pretty(&sarif(findings)),
    }
}

fn text(finding: &Finding, line: &dyn Fn(&str, usize) -> Option<String>) -> String {
    let Finding { level, file, line: number, column, object, message, .. } = finding;
    let mut told = format!("{}: {message}\n", level.word());
    let gap = " ".repeat(number.to_string().len());
    let about = if object.is_empty() { String::new() } else { format!(" ({object})") };
    let _ = writeln!(told, "{gap}--> {file}:{number}:{column}{about}");
    if let Some(shown) = line(file, *number) {
        // A tab is shown as one place, so that the mark stands under what it means.
        let shown = shown.trim_end().replace('\t', " ");
        let _ = writeln!(told, "{gap} |\n{number} | {shown}\n{gap} | {}^", " ".repeat(column.saturating_sub(1)));
    }
    told + "\n"
}

fn sum(findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let many = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}\n", many(count(Level::Error), "error"), many(count(Level::Warning), "warning"))
}

/// # Source
/// GitHub Actions, workflow commands: `%`, CR and LF are escaped in messages, `:` and `,` in properties too.
fn github(finding: &Finding) -> String {
    let plain = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let file = plain(&finding.file).replace(':', "%3A").replace(',', "%2C");
    let Finding { line, column, .. } = finding;
    let (level, message) = (finding.level.word(), plain(&finding.message));
    format!("::{level} file={file},line={line},col={column}::{message}\n")
}

/// # Source
/// Static Analysis Results Interchange Format 2.1.0, sections 3.13 to 3.30.
fn sarif(findings: &[Finding]) -> Value {
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding.check).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules.into_iter().map(|id| json!({ "id": id })).collect();
    let result = |finding: &Finding| {
        json!({
            "ruleId": finding.check,
            "level": finding.level.word(),
            "message": { "text": finding.message },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": finding.file },
                "region": { "startLine": finding.line, "startColumn": finding.column },
            } }],
        })
    };
    let driver = json!({ "name": "serin", "version": env!("CARGO_PKG_VERSION"), "rules": rules });
    let results: Vec<Value> = findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results }],
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
