//! Patterns of `matches`: RE2 syntax as Go reads it, run by a linear-time engine.
//!
//! The two dialects differ in details (`\d` is ASCII only, a `{` that starts no count is a plain character, `[a&&b]`
//! has no set operations), so a pattern is read by Go's rules and written anew in a form that both understand alike.

use std::iter::Peekable;
use std::str::Chars;

use regex::bytes::{Regex, RegexBuilder};

/// How large a compiled pattern may be, in bytes.
const SIZE_LIMIT: usize = 1 << 20;
/// How long a pattern may be, in bytes.
const MAX_LENGTH: usize = 4096;
/// How often a part may be repeated by a count.
const MAX_REPEAT: u32 = 1000;

/// Compiles a pattern.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_LENGTH {
        return Err(format!("the pattern is longer than {MAX_LENGTH} bytes"));
    }
    let translated = Translator { chars: pattern.chars().peekable(), out: String::new() }
        .translate()
        .map_err(|why| format!("the pattern {pattern:?} is not valid: {why}"))?;
    RegexBuilder::new(&translated).size_limit(SIZE_LIMIT).nest_limit(100).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("the pattern {pattern:?} is too large"),
        _ => format!("the pattern {pattern:?} is not valid"),
    })
}

/// The names of classes inside `[ ]`.
const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

struct Translator<'a> {
    chars: Peekable<Chars<'a>>,
    out: String,
}

/// What a translated piece was.
#[derive(PartialEq)]
enum Piece {
    /// Something that can be repeated.
    Atom,
    /// A repetition, after which another one is an error.
    Repeat,
    /// The start of a group or an alternative, after which nothing can be repeated.
    Start,
}

impl Translator<'_> {
    fn translate(mut self) -> Result<String, String> {
        let mut last = Piece::Start;
        while let Some(c) = self.chars.next() {
            last = match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '|' => {
                    self.out.push('|');
                    Piece::Start
                }
                '*' | '+' | '?' => self.repeat(&c.to_string(), &last)?,
                '{' => match self.count()? {
                    Some(count) => self.repeat(&count, &last)?,
                    None => self.plain('{'),
                },
                '.' | '^' | '$' | ')' => {
                    self.out.push(c);
                    Piece::Atom
                }
                c => self.plain(c),
            };
        }
        Ok(self.out)
    }

    fn plain(&mut self, c: char) -> Piece {
        push_plain(&mut self.out, c);
        Piece::Atom
    }

    fn repeat(&mut self, operator: &str, last: &Piece) -> Result<Piece, String> {
        match last {
            Piece::Start => return Err(format!("there is nothing that {operator} could repeat")),
            Piece::Repeat => return Err(format!("{operator} cannot follow another repetition")),
            Piece::Atom => {}
        }
        self.out.push_str(operator);
        if self.chars.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        Ok(Piece::Repeat)
    }

    /// `{2}`, `{2,}` or `{2,5}` after the brace; none if it is a plain brace, and then nothing is consumed.
    fn count(&mut self) -> Result<Option<String>, String> {
        let mut ahead = self.chars.clone();
        let mut body = String::new();
        loop {
            match ahead.next() {
                Some('}') => break,
                Some(c) if c.is_ascii_digit() || c == ',' => body.push(c),
                _ => return Ok(None),
            }
        }
        let (low, high) = match body.split_once(',') {
            None => (body.as_str(), Some(body.as_str())),
            Some((low, "")) => (low, None),
            Some((low, high)) => (low, Some(high)),
        };
        let plain =
            |digits: &str| digits.is_empty() || digits.contains(',') || (digits.len() > 1 && digits.starts_with('0'));
        if plain(low) || high.is_some_and(plain) {
            return Ok(None);
        }
        let limit = |digits: &str| digits.parse::<u32>().ok().filter(|count| *count <= MAX_REPEAT);
        let (low, high) = (limit(low), high.map(limit));
        match (low, high) {
            (Some(low), Some(Some(high))) if low > high => Err(format!("the count {{{body}}} is upside down")),
            (Some(_), None | Some(Some(_))) => {
                self.chars = ahead;
                Ok(Some(format!("{{{body}}}")))
            }
            _ => Err(format!("the count {{{body}}} is above {MAX_REPEAT}")),
        }
    }

    fn group(&mut self) -> Result<Piece, String> {
        self.out.push('(');
        if self.chars.next_if_eq(&'?').is_none() {
            return Ok(Piece::Start);
        }
        self.out.push('?');
        while let Some(c) = self.chars.next() {
            match c {
                'P' | '<' => {
                    if c == 'P' && self.chars.next() != Some('<') {
                        return Err("(?P must be followed by <name>".to_owned());
                    }
                    let name: String = std::iter::from_fn(|| self.chars.next_if(|c| *c != '>')).collect();
                    let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                    if self.chars.next() != Some('>') || !fits {
                        return Err(format!("{name:?} is not a name for a group"));
                    }
                    // The name itself has no meaning here, and one that starts with a digit is not valid everywhere.
                    self.out.pop();
                    return Ok(Piece::Start);
                }
                'i' | 'm' | 's' | 'U' | '-' => self.out.push(c),
                ':' => {
                    self.out.push(':');
                    return Ok(Piece::Start);
                }
                ')' => {
                    self.out.push(')');
                    return Ok(Piece::Start);
                }
                c => return Err(format!("(?{c} has no meaning")),
            }
        }
        Err("a group is not closed".to_owned())
    }

    fn escape(&mut self) -> Result<Piece, String> {
        let Some(c) = self.chars.next() else {
            return Err("it ends in a backslash".to_owned());
        };
        match c {
            'Q' => {
                self.quoted();
                return Ok(Piece::Atom);
            }
            'b' => self.out.push_str("(?-u:\\b)"),
            'B' => self.out.push_str("(?-u:\\B)"),
            'A' => self.out.push_str("\\A"),
            'z' => self.out.push_str("\\z"),
            c => match perl_class(c) {
                Some((inside, negated)) => {
                    let not = if negated { "^" } else { "" };
                    self.out.extend(["[", not, inside, "]"]);
                }
                None if matches!(c, 'p' | 'P') => {
                    let property = self.property(c)?;
                    self.out.push_str(&property);
                }
                None => {
                    let literal = self.literal(c)?;
                    push_plain(&mut self.out, literal);
                }
            },
        }
        Ok(Piece::Atom)
    }

    fn quoted(&mut self) {
        while let Some(c) = self.chars.next() {
            if c == '\\' && self.chars.next_if_eq(&'E').is_some() {
                return;
            }
            push_plain(&mut self.out, c);
        }
    }

    /// A Unicode property such as `\pL` or `\p{Greek}`.
    fn property(&mut self, p: char) -> Result<String, String> {
        let mut name = String::new();
        match self.chars.next() {
            Some('{') => {
                name.extend(std::iter::from_fn(|| self.chars.next_if(|c| *c != '}')));
                if self.chars.next().is_none() {
                    return Err("a property is not closed".to_owned());
                }
            }
            Some(c) => name.push(c),
            None => return Err("it ends in a backslash".to_owned()),
        }
        let (name, negated) = name.strip_prefix('^').map_or((name.as_str(), false), |rest| (rest, true));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("{name:?} is not a property of characters"));
        }
        let p = if negated == (p == 'p') { 'P' } else { 'p' };
        Ok(if name == "Any" { "[\\x00-\\x{10FFFF}]".to_owned() } else { format!("\\{p}{{{name}}}") })
    }

    /// A character written as an escape.
    fn literal(&mut self, c: char) -> Result<char, String> {
        let value = match c {
            'a' => 7,
            'f' => 12,
            't' => 9,
            'n' => 10,
            'r' => 13,
            'v' => 11,
            'x' => self.hexadecimal()?,
            '0'..='7' => {
                let next_is_digit = self.chars.peek().is_some_and(|c| c.is_digit(8));
                if c != '0' && !next_is_digit {
                    return Err(format!("\\{c} is not an escape; what a group caught cannot be matched again"));
                }
                let mut value = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    if let Some(digit) = self.chars.next_if(|c| c.is_digit(8)) {
                        value = value.saturating_mul(8).saturating_add(digit.to_digit(8).unwrap_or(0));
                    }
                }
                value
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
            c => return Err(format!("\\{c} is not an escape")),
        };
        char::from_u32(value).ok_or_else(|| "there is no such character".to_owned())
    }

    fn hexadecimal(&mut self) -> Result<u32, String> {
        let problem = || "\\x takes two hexadecimal digits, or some in braces".to_owned();
        let digits: String = if self.chars.next_if_eq(&'{').is_some() {
            let digits = std::iter::from_fn(|| self.chars.next_if(char::is_ascii_hexdigit)).collect();
            if self.chars.next() != Some('}') {
                return Err(problem());
            }
            digits
        } else {
            [self.chars.next(), self.chars.next()].into_iter().flatten().collect()
        };
        u32::from_str_radix(&digits, 16).ok().filter(|value| *value <= 0x0010_FFFF).ok_or_else(problem)
    }

    fn class(&mut self) -> Result<Piece, String> {
        self.out.push('[');
        if self.chars.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.chars.next() else {
                return Err("] is missing".to_owned());
            };
            if c == ']' && !first {
                self.out.push(']');
                return Ok(Piece::Atom);
            }
            self.class_item(c)?;
            first = false;
        }
    }

    fn class_item(&mut self, c: char) -> Result<(), String> {
        if c == '[' && self.chars.peek() == Some(&':') {
            let mut ahead = self.chars.clone();
            ahead.next();
            let name: String = std::iter::from_fn(|| ahead.next_if(|c| c.is_ascii_lowercase() || *c == '^')).collect();
            if ahead.next() == Some(':') && ahead.next() == Some(']') {
                if !POSIX_CLASSES.contains(&name.strip_prefix('^').unwrap_or(&name)) {
                    return Err(format!("[:{name}:] is not a class of characters"));
                }
                self.chars = ahead;
                self.out.extend(["[:", &name, ":]"]);
                return Ok(());
            }
        }
        if c == '\\' {
            let Some(next) = self.chars.peek().copied() else {
                return Err("it ends in a backslash".to_owned());
            };
            if let Some((inside, negated)) = perl_class(next) {
                self.chars.next();
                let (open, close) = if negated { ("[^", "]") } else { ("", "") };
                self.out.extend([open, inside, close]);
                return Ok(());
            }
            if matches!(next, 'p' | 'P') {
                self.chars.next();
                let property = self.property(next)?;
                self.out.push_str(&property);
                return Ok(());
            }
        }
        let low = self.class_char(c)?;
        let mut ahead = self.chars.clone();
        if ahead.next() == Some('-') && ahead.peek().is_some_and(|next| *next != ']') {
            self.chars.next();
            let next = self.chars.next().unwrap_or(']');
            let high = self.class_char(next)?;
            if high < low {
                return Err(format!("the range {low}-{high} is upside down"));
            }
            push_hex(&mut self.out, low);
            self.out.push('-');
            push_hex(&mut self.out, high);
        } else {
            push_hex(&mut self.out, low);
        }
        Ok(())
    }

    fn class_char(&mut self, c: char) -> Result<char, String> {
        if c != '\\' {
            return Ok(c);
        }
        let Some(next) = self.chars.next() else {
            return Err("it ends in a backslash".to_owned());
        };
        self.literal(next)
    }
}

/// The characters of `\d`, `\s` and `\w`, and whether the class is negated.
fn perl_class(c: char) -> Option<(&'static str, bool)> {
    Some(match c {
        'd' => ("0-9", false),
        'D' => ("0-9", true),
        's' => ("\\t\\n\\f\\r ", false),
        'S' => ("\\t\\n\\f\\r ", true),
        'w' => ("0-9A-Za-z_", false),
        'W' => ("0-9A-Za-z_", true),
        _ => return None,
    })
}

fn push_plain(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() {
        out.push(c);
    } else {
        push_hex(out, c);
    }
}

fn push_hex(out: &mut String, c: char) {
    let code = format!("\\x{{{:x}}}", u32::from(c));
    out.push_str(&code);
}
