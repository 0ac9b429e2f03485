//! Prometheus' text format.

use std::fmt::Write as _;

/// Writes labels as `a="x",b="y"`, with their values escaped.
pub(super) fn label_text<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    text
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}

/// The text of a scrape, or of a part of it, as it grows.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// Begins a metric; `kind` is `counter`, `gauge` or `histogram`.
    pub fn family(&mut self, name: &str, help: &str, kind: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Writes one value of the metric that was begun.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels = label_text(labels.iter().copied());
        self.line(name, "", &labels, value);
    }

    pub(super) fn line(&mut self, name: &str, suffix: &str, labels: &str, value: f64) {
        let value = number(value);
        let _ = if labels.is_empty() {
            writeln!(self.text, "{name}{suffix} {value}")
        } else {
            writeln!(self.text, "{name}{suffix}{{{labels}}} {value}")
        };
    }

    /// Writes a histogram from its bounds, its counts (one more than bounds) and its sum.
    pub(super) fn histogram(&mut self, name: &str, labels: &str, (bounds, counts, sum): (&[f64], &[u64], f64)) {
        let comma = if labels.is_empty() { "" } else { "," };
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        let mut below = 0_u64;
        for (bound, count) in bounds.zip(counts) {
            below = below.saturating_add(*count);
            let bound = number(bound);
            let _ = writeln!(self.text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}");
        }
        self.line(name, "_sum", labels, sum);
        let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.text, "{name}_count{braced} {below}");
    }

    /// Returns the text.
    pub fn into_text(self) -> String {
        self.text
    }
}
