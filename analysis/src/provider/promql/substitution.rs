//! Arguments in queries: whoever gives a value chooses a value, not another query.
//!
//! Argo pastes the text of an argument into the query. That stays so where it is harmless; a value in a string is escaped
//! when pasting it would end the string, and refused when escaping doesn't help.

use promql_parser::parser::Expr;
use regex::Regex;

use super::parse;
use super::shape::{Pair, same};

/// Why a query can't be built from its template and these arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstitutionError {
    /// A tag names nothing that is known.
    #[error("failed to resolve {{{{{0}}}}}")]
    Unresolved(String),
    /// A value does more than take its place.
    #[error(
        "an argument changes the query beyond its own place; give it a value without quotes, brackets and operators, or put the place of the argument in brackets"
    )]
    Changed,
}

/// Placeholders; both are far from anything that a query says.
const NAMES: [&str; 2] = ["serin_argument_one", "serin_argument_two"];
const NUMBERS: [&str; 2] = ["7919", "6997"];
const DURATIONS: [&str; 2] = ["7919s", "6997s"];
const STRINGS: [&str; 2] = ["\"serin_argument_one\"", "\"serin_argument_two\""];
/// How many ways to read a template are tried.
const READINGS_LIMIT: usize = 64;

/// Whether a name is a placeholder and nothing else.
pub(super) fn is_placeholder(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Builds a query from its template, with `value_of` for the inside of each `{{ }}`.
///
/// # Errors
/// If a tag can't be resolved, or a value would change what the query asks beyond its own place.
pub fn substitute(template: &str, value_of: impl Fn(&str) -> Option<String>) -> Result<String, SubstitutionError> {
    let pieces = pieces(template);
    let mut values = Vec::new();
    for piece in &pieces {
        if let Piece::Tag { name, .. } = piece {
            values.push(value_of(name).ok_or_else(|| SubstitutionError::Unresolved((*name).to_owned()))?);
        }
    }
    let pasted = fill(&pieces, values.iter().cloned());
    if check_substitution(template, &pasted).is_ok() {
        return Ok(pasted);
    }
    let tags = pieces.iter().filter_map(|piece| match piece {
        Piece::Tag { place, .. } => Some(*place),
        Piece::Text(_) => None,
    });
    let escaped = fill(
        &pieces,
        tags.zip(&values).map(|(place, value)| match place {
            Place::String(quote) => escape(value, quote),
            _ => value.clone(),
        }),
    );
    check_substitution(template, &escaped)?;
    Ok(escaped)
}

/// Checks that a query is its template with arguments filled in, and nothing else.
///
/// An argument in a string is confined to the string; one in the place of a number, a duration, a name or a list of
/// labels to such a thing; one that stands alone where an expression may stand can be any expression, since the author
/// of the template wanted it so.
///
/// # Errors
/// [`SubstitutionError::Changed`] if it is anything else.
pub fn check_substitution(template: &str, substituted: &str) -> Result<(), SubstitutionError> {
    let pieces = pieces(template);
    let tags = pieces.iter().filter(|piece| matches!(piece, Piece::Tag { .. })).count();
    let whole = matches!(pieces.as_slice(), [Piece::Tag { .. }])
        || (tags == 1 && pieces.iter().all(|piece| !matches!(piece, Piece::Text(text) if !text.trim().is_empty())));
    if whole {
        return Ok(());
    }
    if tags == 0 {
        return if template == substituted { Ok(()) } else { Err(SubstitutionError::Changed) };
    }
    let only_strings =
        pieces.iter().all(|piece| matches!(piece, Piece::Text(_) | Piece::Tag { place: Place::String(_), .. }));
    if only_strings && plainly_filled(&pieces, substituted) {
        return Ok(());
    }
    let verdict = match (readings(&pieces, tags), parse(substituted)) {
        (found, Ok(query)) if !found.is_empty() => found.iter().any(|(one, two)| same(Pair { one, two }, &query)),
        // Beyond our parser: what is in a string must plainly stay there.
        _ => plainly_filled(&pieces, substituted),
    };
    if verdict { Ok(()) } else { Err(SubstitutionError::Changed) }
}

/// Escapes a value for the inside of a `PromQL` string.
///
/// A raw string (in backquotes) knows no escapes; a backquote for it is left out.
pub fn escape(value: &str, quote: char) -> String {
    if quote == '`' {
        return value.replace('`', "");
    }
    let mut escaped = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        match c {
            '\\' => escaped.push_str(r"\\"),
            '\n' => escaped.push_str(r"\n"),
            '\r' => escaped.push_str(r"\r"),
            c if c == quote => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Tag { name: &'a str, place: Place },
}

/// Where a tag stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Inside a string with this quote.
    String(char),
    /// Inside square brackets or behind `offset`.
    Duration { unit_follows: bool },
    /// Part of a longer number.
    PartOfNumber,
    /// Part of a longer name.
    PartOfName,
    /// Anywhere else.
    Free,
}

/// Cuts a template at its tags.
fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut context = Context::default();
    let mut rest = template;
    while let Some((text, tag)) = rest.split_once("{{") {
        let Some((name, after)) = tag.split_once("}}") else {
            break;
        };
        context.read(text);
        pieces.push(Piece::Text(text));
        pieces.push(Piece::Tag { name: name.trim(), place: context.place(after) });
        context.before = Some('x');
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// What stands before a position of a template.
#[derive(Default)]
struct Context {
    quote: Option<char>,
    escaped: bool,
    in_range: bool,
    before: Option<char>,
    word: String,
}

impl Context {
    fn read(&mut self, text: &str) {
        for c in text.chars() {
            match self.quote {
                Some(_) if self.escaped => self.escaped = false,
                Some(open) if c == '\\' && open != '`' => self.escaped = true,
                Some(open) if c == open => self.quote = None,
                Some(_) => {}
                None => self.read_outside(c),
            }
            self.before = Some(c);
        }
    }

    fn read_outside(&mut self, c: char) {
        match c {
            '"' | '\'' | '`' => self.quote = Some(c),
            '[' => self.in_range = true,
            ']' => self.in_range = false,
            _ => {}
        }
        if c.is_ascii_alphabetic() {
            if !self.before.is_some_and(|before| before.is_ascii_alphanumeric() || before == '_') {
                self.word.clear();
            }
            self.word.push(c.to_ascii_lowercase());
        } else if !c.is_whitespace() && c != '-' {
            self.word.clear();
        }
    }

    fn place(&self, after: &str) -> Place {
        if let Some(quote) = self.quote {
            return Place::String(quote);
        }
        let next = after.chars().next();
        let name = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
        let unit_follows = next.is_some_and(|c| c.is_ascii_lowercase());
        let adjacent_number = |c: char| c.is_ascii_digit() || c == '.';
        if self.in_range || (self.word == "offset" && !self.before.is_some_and(char::is_alphanumeric)) {
            return Place::Duration { unit_follows };
        }
        match (self.before, next) {
            (Some(before), _) if name(before) => Place::PartOfName,
            (Some(before), _) if adjacent_number(before) => Place::PartOfNumber,
            (_, Some(next)) if name(next) || next.is_ascii_digit() => Place::PartOfName,
            (_, Some('.')) => Place::PartOfNumber,
            _ if after.starts_with("{{") => Place::PartOfName,
            _ => Place::Free,
        }
    }
}

/// Puts texts in the places of tags.
fn fill(pieces: &[Piece<'_>], values: impl IntoIterator<Item = String>) -> String {
    let mut values = values.into_iter();
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => (*text).to_owned(),
            Piece::Tag { .. } => values.next().unwrap_or_default(),
        })
        .collect()
}

/// The ways to read a template as a query, each with two sets of placeholders.
fn readings(pieces: &[Piece<'_>], tags: usize) -> Vec<(Expr, Expr)> {
    let candidates: Vec<Vec<[&str; 2]>> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Tag { place, .. } => Some(match place {
                Place::String(_) | Place::PartOfName => vec![NAMES],
                Place::Duration { unit_follows: true } | Place::PartOfNumber => vec![NUMBERS],
                Place::Duration { unit_follows: false } => vec![DURATIONS],
                Place::Free => vec![NAMES, NUMBERS, STRINGS],
            }),
        })
        .collect();
    let total = candidates.iter().try_fold(1_usize, |all, one| all.checked_mul(one.len())).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for reading in 0..total.min(READINGS_LIMIT) {
        let mut rest = reading;
        let mut chosen: Vec<&[&str; 2]> = Vec::with_capacity(tags);
        for options in &candidates {
            chosen.extend(options.get(rest % options.len()));
            rest /= options.len();
        }
        let text =
            |set: usize| fill(pieces, chosen.iter().filter_map(|pair| pair.get(set)).map(|text| (*text).to_owned()));
        if let (Ok(one), Ok(two)) = (parse(&text(0)), parse(&text(1))) {
            found.push((one, two));
        }
    }
    found
}

/// Whether a text is the template with values that hold neither quotes, escapes nor line breaks inside strings.
///
/// Any way to cut the text into such values will do: the text is then what those values give.
fn plainly_filled(pieces: &[Piece<'_>], substituted: &str) -> bool {
    let mut pattern = String::from("(?s)^");
    for piece in pieces {
        match piece {
            Piece::Text(text) => pattern.push_str(&regex::escape(text)),
            Piece::Tag { place: Place::String(quote), .. } => {
                pattern.push_str(r"[^\\\r\n");
                pattern.push(*quote);
                pattern.push_str("]*");
            }
            Piece::Tag { .. } => pattern.push_str(".*"),
        }
    }
    pattern.push('$');
    Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(substituted))
}
