//! JSON and base64.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::super::ast::Node;
use super::super::error::{EvalError, Out};
use super::super::machine::Machine;
use super::super::numbers::json_float;
use super::super::types::{Signature, Ty};
use super::super::value::{MAX_VALUE_DEPTH, Map, Text, Value};
use super::{Site, arg, refuse};

/// The standard alphabet with padding; bits that stand for nothing are ignored, as in Go.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

pub(super) fn check(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let (takes, gives) = match site.name {
        "toJSON" => (Ty::Any, Ty::Text),
        "fromJSON" => (Ty::Text, Ty::Any),
        _ => (Ty::Text, Ty::Text),
    };
    let signature = Signature { takes: vec![takes], gives, results: 1 };
    site.checker.arguments(site.at, site.name, &signature, args)
}

pub(super) fn call(machine: &mut Machine<'_>, name: &'static str, args: &[Value]) -> Out<Value> {
    let value = arg(args, 0);
    if name == "toJSON" {
        let mut out = Vec::new();
        write(machine, value, 0, &mut out)?;
        return Ok(Value::text(out));
    }
    let Value::Text(text) = value else {
        return refuse(name, "a string", value);
    };
    machine.write(text.bytes().len().saturating_mul(2))?;
    match name {
        "fromJSON" => match serde_json::from_slice(text.bytes()) {
            Ok(json) => from_json(machine, &json),
            Err(error) => Err(format!("fromJSON: the text is not JSON: {error}").into()),
        },
        "toBase64" => Ok(Value::text(BASE64.encode(text.bytes()))),
        _ => match BASE64.decode(without_line_ends(text.bytes())) {
            Ok(bytes) => Ok(Value::text(bytes)),
            Err(_) => Err("fromBase64: the text is not base64".into()),
        },
    }
}

/// Base64 may be broken into lines.
fn without_line_ends(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|c| !matches!(c, b'\r' | b'\n')).collect()
}

fn from_json(machine: &mut Machine<'_>, json: &serde_json::Value) -> Out<Value> {
    let (value, size) = convert(json, 0)?;
    machine.grow(size)?;
    Ok(value)
}

/// A value of the language from JSON, with the number of values in it.
pub(crate) fn convert(json: &serde_json::Value, depth: u32) -> Out<(Value, usize)> {
    if depth > MAX_VALUE_DEPTH {
        return Err(EvalError::limit(format!("the JSON is nested more than {MAX_VALUE_DEPTH} levels deep")));
    }
    let below = depth.saturating_add(1);
    let mut size: usize = 1;
    let value = match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_f64() {
            Some(value) if value.is_finite() => Value::Float(value),
            _ => return Err(format!("{number} is too large for a number").into()),
        },
        serde_json::Value::String(text) => Value::text(text.as_str()),
        serde_json::Value::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                let (value, count) = convert(item, below)?;
                size = size.saturating_add(count);
                list.push(value);
            }
            Value::list(list)
        }
        serde_json::Value::Object(object) => {
            let mut entries = BTreeMap::new();
            for (key, item) in object {
                let (value, count) = convert(item, below)?;
                size = size.saturating_add(count);
                entries.insert(Text::from(key.as_str()), value);
            }
            Value::Map(Map::new(entries))
        }
    };
    Ok((value, size))
}

fn write(machine: &mut Machine<'_>, value: &Value, indent: usize, out: &mut Vec<u8>) -> Out<()> {
    machine.write(indent.saturating_add(2))?;
    machine.work(1)?;
    match value {
        Value::Nil | Value::Zone(_) if value.is_nil() => out.extend_from_slice(b"null"),
        Value::Zone(_) => out.extend_from_slice(b"{}"),
        Value::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Int(value)
        | Value::Int64(value)
        | Value::Duration(value)
        | Value::Month(value)
        | Value::Weekday(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Byte(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Float(value) if value.is_finite() => out.extend_from_slice(json_float(*value).as_bytes()),
        Value::Text(text) => quote(machine, text, out)?,
        Value::Time(moment) => match moment.json() {
            Some(text) => quote(machine, &Text::from(text), out)?,
            None => return Err("toJSON: the year of the time is beyond 9999".into()),
        },
        Value::List(list) if list.nil => out.extend_from_slice(b"null"),
        Value::List(list) => {
            let write_item = |machine: &mut Machine<'_>, item: &Value, out: &mut Vec<u8>| {
                write(machine, item, indent.saturating_add(2), out)
            };
            block(machine, (b'[', b']', indent), list.items.iter(), out, write_item)?;
        }
        Value::Map(map) => {
            let write_entry = |machine: &mut Machine<'_>, (key, value): (&Text, &Value), out: &mut Vec<u8>| {
                quote(machine, key, out)?;
                out.extend_from_slice(b": ");
                write(machine, value, indent.saturating_add(2), out)
            };
            block(machine, (b'{', b'}', indent), map.entries.iter(), out, write_entry)?;
        }
        other => return Err(format!("toJSON cannot write {}", json_problem(other)).into()),
    }
    Ok(())
}

fn json_problem(value: &Value) -> &'static str {
    match value {
        Value::Float(_) => "a number that is infinite or NaN",
        Value::Dict(_) => "a map whose keys are not declared as strings",
        other => other.plain(),
    }
}

/// Writes the parts of a list or map, each on a line of its own.
fn block<T>(
    machine: &mut Machine<'_>,
    (open, close, indent): (u8, u8, usize),
    parts: impl ExactSizeIterator<Item = T>,
    out: &mut Vec<u8>,
    mut write_part: impl FnMut(&mut Machine<'_>, T, &mut Vec<u8>) -> Out<()>,
) -> Out<()> {
    out.push(open);
    let empty = parts.len() == 0;
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        new_line(indent.saturating_add(2), out);
        write_part(machine, part, out)?;
    }
    if !empty {
        new_line(indent, out);
    }
    out.push(close);
    Ok(())
}

fn new_line(indent: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len().saturating_add(indent), b' ');
}

/// Writes a string; `<`, `>`, `&` are escaped as well, as Go does.
fn quote(machine: &mut Machine<'_>, text: &Text, out: &mut Vec<u8>) -> Out<()> {
    machine.write(text.bytes().len())?;
    out.push(b'"');
    for chunk in text.bytes().utf8_chunks() {
        quote_valid(chunk.valid(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
    Ok(())
}

fn quote_valid(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '<' | '>' | '&' | '\u{0}'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
