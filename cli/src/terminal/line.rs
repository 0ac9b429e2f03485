//! One line of text, in pieces of one style each, that knows how many columns it takes.

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What a piece of text means; colours follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// Good news: healthy, stable, successful.
    Good,
    /// Bad news: degraded, failed.
    Bad,
    /// Under way: progressing, paused, the canary.
    Busy,
    /// What matters.
    Strong,
    /// What can be passed over.
    Quiet,
}

impl Tone {
    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Busy => AnsiColor::Yellow.on_default(),
            Self::Strong => Style::new().bold(),
            Self::Quiet => Style::new().dimmed(),
        }
    }
}

/// One line of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<(Tone, String)>,
    /// By how many columns it is indented where it goes on below.
    indent: usize,
}

impl Line {
    /// An empty line.
    pub const fn new() -> Self {
        Self { pieces: Vec::new(), indent: 0 }
    }

    /// Adds a piece of text. Control characters become spaces: texts come from objects that anybody may have written.
    #[must_use]
    pub fn and(mut self, tone: Tone, text: impl AsRef<str>) -> Self {
        let text: String = text.as_ref().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some((last, before)) if *last == tone => before.push_str(&text),
            _ => self.pieces.push((tone, text)),
        }
        self
    }

    /// Indents by so many columns what goes on below when the line is wrapped.
    #[must_use]
    pub const fn hanging(mut self, columns: usize) -> Self {
        self.indent = columns;
        self
    }

    /// Adds the pieces of another line.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// Fills the line up with spaces to this many columns.
    #[must_use]
    pub fn pad(self, columns: usize) -> Self {
        let missing = columns.saturating_sub(self.columns());
        self.and(Tone::Plain, " ".repeat(missing))
    }

    /// How many columns the line takes.
    pub fn columns(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.width()).sum()
    }

    /// The line in at most this many columns; an ellipsis says that something is missing.
    #[must_use]
    pub fn cut(&self, columns: usize) -> Self {
        if self.columns() <= columns {
            return self.clone();
        }
        let mut left = columns.saturating_sub(1);
        let mut cut = Self { pieces: Vec::new(), indent: self.indent };
        for (tone, text) in &self.pieces {
            let mut kept = String::new();
            for c in text.chars() {
                match left.checked_sub(c.width().unwrap_or(0)) {
                    Some(rest) => {
                        left = rest;
                        kept.push(c);
                    }
                    None => return cut.and(*tone, kept).and(*tone, if columns > 0 { "…" } else { "" }),
                }
            }
            cut = cut.and(*tone, kept);
        }
        cut
    }

    /// The line in as many lines as it needs to stay in this many columns; broken at spaces, but not at U+00A0.
    pub fn wrap(&self, columns: usize) -> Vec<Self> {
        let indent = " ".repeat(self.indent.min(columns / 2));
        let mut lines = Vec::new();
        let mut line = Self::new();
        let mut words = 0;
        for (tone, text) in &self.pieces {
            for word in text.split_inclusive(' ') {
                if words > 0 && line.columns() + word.trim_end().width() > columns {
                    lines.push(line.trim_end().cut(columns));
                    (line, words) = (Self::new().and(Tone::Plain, &indent), 0);
                }
                line = line.and(*tone, word);
                words += 1;
            }
        }
        lines.push(line.trim_end().cut(columns));
        lines
    }

    /// The line without the spaces at its end.
    fn trim_end(mut self) -> Self {
        while let Some((tone, text)) = self.pieces.pop() {
            let kept = text.trim_end();
            if !kept.is_empty() {
                return self.and(tone, kept);
            }
        }
        self
    }

    /// The text with colours, or without anything but the text. Spaces that were not to be broken are spaces like others.
    pub fn render(&self, colour: bool) -> String {
        let piece = |(tone, text): &(Tone, String)| {
            let style = tone.style();
            let text = text.replace('\u{a0}', " ");
            if colour { format!("{style}{text}{style:#}") } else { text }
        };
        self.pieces.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Tone};

    fn check(columns: usize, expect: &str) {
        let line = Line::new().and(Tone::Bad, "✖ Degraded").and(Tone::Plain, " 漢字 end");
        assert_eq!(line.cut(columns).render(false), expect, "{columns} columns");
        assert!(line.cut(columns).columns() <= columns);
    }

    #[test]
    fn a_line_is_cut_by_columns_not_by_characters() {
        check(0, "");
        check(1, "…");
        check(5, "✖ De…");
        check(10, "✖ Degrade…");
        check(13, "✖ Degraded …");
        check(14, "✖ Degraded 漢…");
        check(18, "✖ Degraded 漢字 e…");
        check(19, "✖ Degraded 漢字 end");
        check(80, "✖ Degraded 漢字 end");
    }

    #[test]
    fn a_line_is_wrapped_between_words_and_goes_on_indented() {
        let line = Line::new().and(Tone::Quiet, "00:01  ").and(Tone::Bad, "a metric has failed").hanging(7);
        let wrapped = |columns| line.wrap(columns).iter().map(|line| line.render(false)).collect::<Vec<_>>();
        assert_eq!(wrapped(40), ["00:01  a metric has failed"]);
        assert_eq!(wrapped(19), ["00:01  a metric has", "       failed"]);
        assert_eq!(wrapped(15), ["00:01  a metric", "       has", "       failed"]);
        assert_eq!(wrapped(6), ["00:01", "   a", "   me…", "   has", "   fa…"]);
    }

    #[test]
    fn colours_enclose_their_piece_and_nothing_else() {
        let line = Line::new().and(Tone::Plain, "a").and(Tone::Bad, "b").and(Tone::Plain, "c");
        assert_eq!(line.render(true), "a\u{1b}[31mb\u{1b}[0mc");
        assert_eq!(line.render(false), "abc");
    }

    #[test]
    fn text_of_others_can_not_steer_the_terminal() {
        let line = Line::new().and(Tone::Plain, "a\u{1b}[2Jb\nc\u{9b}31md");
        assert_eq!(line.render(true), "a [2Jb c 31md");
    }
}
