//! Functions that make times, durations and time zones.

use super::super::ast::Node;
use super::super::error::Out;
use super::super::machine::Machine;
use super::super::time::{Moment, Zone, duration, parsing};
use super::super::types::{Signature, Ty};
use super::super::value::Value;
use super::{Site, arg, refuse};

pub(super) fn check(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let gives = match site.name {
        "duration" => Ty::Duration,
        "timezone" => Ty::Zone,
        "now" => return check_now(site, args),
        _ => return check_date(site, args),
    };
    let signature = Signature { takes: vec![Ty::Text], gives, results: 2 };
    site.checker.arguments(site.at, site.name, &signature, args)
}

fn check_now(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    match site.types(args)?.as_slice() {
        [] | [Ty::Zone] => Ok(Ty::Time),
        _ => site.fail("now takes nothing, or a time zone such as timezone(\"Europe/Zurich\")"),
    }
}

fn check_date(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let types = site.types(args)?;
    let rest = if types.first() == Some(&Ty::Zone) { types.len().saturating_sub(1) } else { types.len() };
    if types.is_empty() || rest > 3 {
        return site.fail("date takes a string, and perhaps a layout and the name of a time zone");
    }
    Ok(Ty::Time)
}

pub(super) fn call(machine: &mut Machine<'_>, name: &'static str, args: &[Value]) -> Out<Value> {
    match name {
        "now" => Ok(Value::Time(match args.first() {
            Some(Value::Zone(zone)) => Moment { instant: machine.now, zone: zone.clone() },
            _ => Moment::utc(machine.now),
        })),
        "duration" => Ok(Value::Duration(duration::parse(&text(name, arg(args, 0))?)?)),
        "timezone" => Ok(Value::Zone(Zone::load(&text(name, arg(args, 0))?)?)),
        _ => {
            machine.work(100)?;
            date(args)
        }
    }
}

fn text(name: &str, value: &Value) -> Out<String> {
    match value {
        Value::Text(text) => Ok(text.lossy().into_owned()),
        other => refuse(name, "a string", other),
    }
}

fn date(args: &[Value]) -> Out<Value> {
    let (zone, args) = match args.split_first() {
        Some((Value::Zone(zone), rest)) => (zone.clone(), rest),
        _ => (Zone::Utc, args),
    };
    let date = text("date", arg(args, 0))?;
    let moment = match args.len() {
        0 | 1 => parsing::parse_any(&date, &zone)?,
        2 => parsing::parse(&date, &text("date", arg(args, 1))?, &zone)?,
        _ => {
            let layout = text("date", arg(args, 1))?;
            parsing::parse(&date, &layout, &Zone::load(&text("date", arg(args, 2))?)?)?
        }
    };
    Ok(Value::Time(moment))
}
