//! What is not looked into: queries that would make a deep tree, or regular expressions that are dear to compile.
//!
//! All of this is told from the text alone, before the parser sees it: a stack that overflows ends the process.

use super::substitution::Place;

/// How long a query may be.
const LENGTH: usize = 8 * 1024;
/// How many brackets may be opened, in strings as well: no reading of the text nests them deeper.
const BRACKETS: usize = 256;
/// How many operators there may be; they decide the depth of the tree where brackets don't.
const OPERATORS: usize = 192;
/// How much may be spent on regular expressions; about one unit for each state that one is compiled to.
const REGEXES: usize = 100_000;
/// What a class of Unicode characters, such as `\w`, costs more than a character.
const CLASS: usize = 100;

/// Refuses what is too large to be looked into.
///
/// # Errors
/// What there is too much of.
pub(super) fn check(query: &str) -> Result<(), String> {
    if query.len() > LENGTH {
        return Err(format!("the query is longer than {LENGTH} bytes"));
    }
    if query.bytes().filter(|byte| b"([{".contains(byte)).count() > BRACKETS {
        return Err(format!("the query has more than {BRACKETS} brackets"));
    }
    if operators(query) > OPERATORS {
        return Err(format!("the query has more than {OPERATORS} operators"));
    }
    if regexes(query) > REGEXES {
        return Err("the query has regular expressions that repeat too much".to_owned());
    }
    Ok(())
}

fn operators(query: &str) -> usize {
    let signs = query.bytes().filter(|byte| b"+-*/%^<>=!".contains(byte)).count();
    let is_word =
        |word: &&str| ["and", "or", "unless", "atan2", "offset"].contains(&word.to_ascii_lowercase().as_str());
    signs + query.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_word).count()
}

/// What the regular expressions of a query may cost.
fn regexes(query: &str) -> usize {
    // The parser reads escapes in raw strings, which Prometheus doesn't; where they matter the query is one string.
    if query.contains('`') && query.contains('\\') {
        return cost(query);
    }
    let (mut total, mut place, mut start) = (0_usize, Place::default(), None);
    for (at, c) in query.char_indices() {
        place.read(c);
        match (matches!(place, Place::String { .. }), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                total = total.saturating_add(cost(query.get(from..at).unwrap_or_default()));
                start = None;
            }
            _ => {}
        }
    }
    total
}

/// What one regular expression may cost, if each of its repetitions repeats all the others.
fn cost(regex: &str) -> usize {
    let classes = regex.split('\\').skip(1).filter(|rest| rest.starts_with(['p', 'P', 'w', 'W', 'd', 'D', 's', 'S']));
    let states = classes.count().saturating_mul(CLASS).saturating_add(regex.len());
    let repetitions = regex.split('{').skip(1).map(|rest| {
        let bounds = rest.split(|c: char| !c.is_ascii_digit()).take(2).filter(|digits| !digits.is_empty());
        bounds.map(|digits| digits.parse().unwrap_or(usize::MAX)).max().unwrap_or(1).max(1)
    });
    repetitions.fold(states, usize::saturating_mul)
}
