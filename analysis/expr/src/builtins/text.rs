//! Functions on strings.

use super::super::ast::Node;
use super::super::error::Out;
use super::super::machine::Machine;
use super::super::operators::index;
use super::super::types::{ListOf, Signature, Ty};
use super::super::value::{List, Text, Value};
use super::{Site, arg, refuse};

pub(super) fn check(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let one = |takes: &[Ty], gives: Ty| Signature { takes: takes.to_vec(), gives, results: 1 };
    let texts = Ty::List(ListOf::Texts, None);
    let signatures = match site.name {
        "trim" | "trimPrefix" | "trimSuffix" => {
            vec![one(&[Ty::Text], Ty::Text), one(&[Ty::Text, Ty::Text], Ty::Text)]
        }
        "upper" | "lower" => vec![one(&[Ty::Text], Ty::Text)],
        "split" | "splitAfter" => {
            vec![one(&[Ty::Text, Ty::Text], texts.clone()), one(&[Ty::Text, Ty::Text, Ty::Int], texts)]
        }
        "replace" => vec![
            one(&[Ty::Text, Ty::Text, Ty::Text, Ty::Int], Ty::Text),
            one(&[Ty::Text, Ty::Text, Ty::Text], Ty::Text),
        ],
        "repeat" => vec![one(&[Ty::Text, Ty::Int], Ty::Text)],
        "join" => vec![
            one(&[texts.clone(), Ty::Text], Ty::Text),
            one(&[Ty::any_list(), Ty::Text], Ty::Text),
            one(&[Ty::any_list()], Ty::Text),
            one(&[texts], Ty::Text),
        ],
        "indexOf" | "lastIndexOf" => vec![one(&[Ty::Text, Ty::Text], Ty::Int)],
        _ => vec![one(&[Ty::Text, Ty::Text], Ty::Bool)],
    };
    site.checker.overloads(site.at, site.name, &signatures, args)
}

pub(super) fn call(machine: &mut Machine<'_>, name: &'static str, args: &[Value]) -> Out<Value> {
    if name == "join" {
        return join(machine, args);
    }
    let text = wanted(name, arg(args, 0))?;
    let second = if args.len() > 1 && name != "repeat" { Some(wanted(name, arg(args, 1))?) } else { None };
    let (s, t) = (text.bytes(), second.as_ref().map_or(&b" "[..], Text::bytes));
    machine.work(s.len() >> 4)?;
    let made = match name {
        "trim" => match &second {
            None => trim_space(s).to_vec(),
            Some(set) => trim_set(&text.lossy(), &set.lossy()),
        },
        "trimPrefix" => s.strip_prefix(t).unwrap_or(s).to_vec(),
        "trimSuffix" => s.strip_suffix(t).unwrap_or(s).to_vec(),
        "upper" => change_case(&text.lossy(), true),
        "lower" => change_case(&text.lossy(), false),
        "replace" => {
            let limit = if args.len() > 3 { index(arg(args, 3))? } else { -1 };
            let with = wanted(name, arg(args, 2))?;
            replace(machine, s, (t, with.bytes()), limit)?
        }
        "repeat" => repeat(machine, s, index(arg(args, 1))?)?,
        "split" | "splitAfter" => {
            let limit = if args.len() > 2 { index(arg(args, 2))? } else { -1 };
            return split(machine, s, t, (name == "splitAfter", limit));
        }
        "indexOf" => return Ok(place(position(s, t))),
        "lastIndexOf" => return Ok(place(last_position(s, t))),
        "hasPrefix" => return Ok(Value::Bool(s.starts_with(t))),
        _ => return Ok(Value::Bool(s.ends_with(t))),
    };
    machine.write(made.len())?;
    Ok(Value::text(made))
}

fn wanted(name: &str, value: &Value) -> Out<Text> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        other => refuse(name, "a string", other),
    }
}

fn place(found: Option<usize>) -> Value {
    Value::Int(found.and_then(|index| i64::try_from(index).ok()).unwrap_or(-1))
}

/// Where `needle` first occurs.
pub(crate) fn position(text: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    find(text, needle)
}

/// Searches text as text where both are UTF-8, else byte by byte.
fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    match (std::str::from_utf8(text), std::str::from_utf8(needle)) {
        (Ok(text), Ok(needle)) => text.find(needle),
        _ => text.windows(needle.len()).position(|window| window == needle),
    }
}

fn last_position(text: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(text.len());
    }
    match (std::str::from_utf8(text), std::str::from_utf8(needle)) {
        (Ok(text), Ok(needle)) => text.rfind(needle),
        _ => text.windows(needle.len()).rposition(|window| window == needle),
    }
}

fn trim_space(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}

fn trim_set(text: &str, set: &str) -> Vec<u8> {
    text.trim_matches(|c| set.contains(c)).as_bytes().to_vec()
}

/// Upper or lower case, one character for one: `ß` has no single upper-case character and stays.
fn change_case(text: &str, upper: bool) -> Vec<u8> {
    let change = |c: char| {
        let mut changed = if upper { Case::Upper(c.to_uppercase()) } else { Case::Lower(c.to_lowercase()) };
        match (changed.next(), changed.next()) {
            (Some(single), None) => single,
            (Some(first), Some(_)) if !upper => first,
            _ => c,
        }
    };
    text.chars().map(change).collect::<String>().into_bytes()
}

enum Case {
    Upper(std::char::ToUppercase),
    Lower(std::char::ToLowercase),
}

impl Case {
    fn next(&mut self) -> Option<char> {
        match self {
            Self::Upper(chars) => chars.next(),
            Self::Lower(chars) => chars.next(),
        }
    }
}

/// The pieces of a text around a separator; an empty separator cuts between characters.
fn pieces<'t>(text: &'t [u8], separator: &[u8], keep: bool, limit: i64) -> Vec<&'t [u8]> {
    let most = if limit < 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
    let mut found = Vec::new();
    let mut rest = text;
    while found.len().saturating_add(1) < most {
        let cut = if separator.is_empty() {
            Some(char_length(rest)).filter(|length| *length > 0 && *length < rest.len())
        } else {
            position(rest, separator)
        };
        let Some(cut) = cut else { break };
        let after = cut.saturating_add(separator.len());
        found.push(rest.get(..if keep { after } else { cut }).unwrap_or_default());
        rest = rest.get(after..).unwrap_or_default();
    }
    if !(separator.is_empty() && text.is_empty()) {
        found.push(rest);
    }
    found
}

fn char_length(text: &[u8]) -> usize {
    let chunk = text.get(..text.len().min(4)).unwrap_or_default();
    match std::str::from_utf8(chunk) {
        Ok(chunk) => chunk.chars().next().map_or(0, char::len_utf8),
        Err(error) if error.valid_up_to() > 0 => {
            let valid = chunk.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).ok().and_then(|valid| valid.chars().next()).map_or(1, char::len_utf8)
        }
        Err(_) => 1,
    }
}

fn split(machine: &mut Machine<'_>, text: &[u8], separator: &[u8], (keep, limit): (bool, i64)) -> Out<Value> {
    if limit == 0 {
        return Ok(Value::List(List::nil(ListOf::Texts)));
    }
    machine.work(text.len())?;
    let pieces = pieces(text, separator, keep, limit);
    machine.grow(pieces.len())?;
    machine.write(text.len())?;
    let items = pieces.into_iter().map(Value::text).collect();
    Ok(Value::List(List::new(ListOf::Texts, items)))
}

fn replace(machine: &mut Machine<'_>, text: &[u8], (old, new): (&[u8], &[u8]), limit: i64) -> Out<Vec<u8>> {
    let mut left = if limit < 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
    let mut made = Vec::new();
    let mut rest = text;
    let mut first = true;
    while left > 0 {
        machine.work(1)?;
        let cut = match (old.is_empty(), first) {
            (true, true) => 0,
            (true, false) if rest.is_empty() => break,
            (true, false) => char_length(rest),
            (false, _) => match position(rest, old) {
                Some(cut) => cut,
                None => break,
            },
        };
        first = false;
        made.extend_from_slice(rest.get(..cut).unwrap_or_default());
        made.extend_from_slice(new);
        machine.write(new.len())?;
        rest = rest.get(cut.saturating_add(old.len())..).unwrap_or_default();
        left = left.saturating_sub(1);
    }
    made.extend_from_slice(rest);
    Ok(made)
}

fn repeat(machine: &mut Machine<'_>, text: &[u8], times: i64) -> Out<Vec<u8>> {
    let Ok(times) = usize::try_from(times) else {
        return Err(format!("repeat takes a count that is not negative, not {times}").into());
    };
    if times > 1_000_000 {
        return Err(super::super::error::EvalError::limit("repeat takes a count of 1000000 at most"));
    }
    machine.grow(text.len().saturating_mul(times))?;
    Ok(text.repeat(times))
}

fn join(machine: &mut Machine<'_>, args: &[Value]) -> Out<Value> {
    let glue = if args.len() > 1 { wanted("join", arg(args, 1))? } else { Text::from("") };
    let Value::List(list) = arg(args, 0) else {
        return refuse("join", "a list of strings", arg(args, 0));
    };
    if !matches!(list.of, ListOf::Any | ListOf::Texts) {
        return refuse("join", "a list of strings", arg(args, 0));
    }
    let mut made = Vec::new();
    for (index, item) in list.items.iter().enumerate() {
        let Value::Text(text) = item else {
            return refuse("join", "a list of strings", item);
        };
        if index > 0 {
            made.extend_from_slice(glue.bytes());
        }
        made.extend_from_slice(text.bytes());
        machine.write(text.bytes().len().saturating_add(glue.bytes().len()))?;
        machine.work(1)?;
    }
    Ok(Value::text(made))
}
