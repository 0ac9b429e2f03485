//! Values as text: what `string(...)` gives.

use super::error::Out;
use super::machine::Machine;
use super::numbers::display_float;
use super::time::duration;
use super::value::Value;

/// Writes a value as the language prints it.
pub(crate) fn display(machine: &mut Machine<'_>, value: &Value, out: &mut Vec<u8>) -> Out<()> {
    machine.work(1)?;
    let before = out.len();
    match value {
        Value::Nil => out.extend_from_slice(b"<nil>"),
        Value::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Int(value) | Value::Int64(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Byte(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Float(value) => out.extend_from_slice(display_float(*value).as_bytes()),
        Value::Text(text) => out.extend_from_slice(text.bytes()),
        Value::Duration(span) => out.extend_from_slice(duration::display(*span).as_bytes()),
        Value::Time(moment) => out.extend_from_slice(moment.display().as_bytes()),
        Value::Month(month) => out.extend_from_slice(super::time::layout::month_name(*month).as_bytes()),
        Value::Weekday(day) => out.extend_from_slice(super::time::layout::day_name(*day).as_bytes()),
        Value::Zone(zone) => out.extend_from_slice(zone.name().as_bytes()),
        Value::Func(_) => out.extend_from_slice(b"func"),
        Value::List(list) => {
            out.push(b'[');
            for (index, item) in list.items.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                display(machine, item, out)?;
            }
            out.push(b']');
        }
        Value::Map(map) => {
            let entries = map.entries.iter().map(|(key, value)| (Value::Text(key.clone()), value));
            display_map(machine, entries, out)?;
        }
        Value::Dict(dict) => {
            display_map(machine, dict.entries.values().map(|(key, value)| (key.clone(), value)), out)?;
        }
    }
    machine.write(out.len().saturating_sub(before))
}

fn display_map<'v>(
    machine: &mut Machine<'_>,
    entries: impl Iterator<Item = (Value, &'v Value)>,
    out: &mut Vec<u8>,
) -> Out<()> {
    out.extend_from_slice(b"map[");
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        display(machine, &key, out)?;
        out.push(b':');
        display(machine, value, out)?;
    }
    out.push(b']');
    Ok(())
}
