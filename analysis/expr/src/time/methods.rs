//! Methods of times, durations, months, days of the week and time zones.

use std::sync::{Arc, LazyLock};

use jiff::civil::DateTime;
use jiff::{Span, Timestamp};

use super::duration;
use super::layout;
use super::{Moment, Zone};
use crate::error::Out;
use crate::numbers::to_float;
use crate::types::Ty;
use crate::value::{Func, Value};

/// What a method takes and gives.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) takes: Vec<Ty>,
    pub(crate) gives: Ty,
    pub(crate) results: u8,
}

fn methods_of(takes: &[Ty], gives: &Ty, results: u8, names: &[&'static str]) -> Vec<Method> {
    let method = |name: &&'static str| Method { name, takes: takes.to_vec(), gives: gives.clone(), results };
    names.iter().map(method).collect()
}

static TIME: LazyLock<Vec<Method>> = LazyLock::new(|| {
    let integers = ["Year", "YearDay", "Day", "Hour", "Minute", "Second", "Nanosecond"];
    [
        methods_of(&[], &Ty::Int, 1, &integers),
        methods_of(&[], &Ty::Int64, 1, &["Unix", "UnixMilli", "UnixMicro", "UnixNano"]),
        methods_of(&[], &Ty::Month, 1, &["Month"]),
        methods_of(&[], &Ty::Weekday, 1, &["Weekday"]),
        methods_of(&[], &Ty::Bool, 1, &["IsZero", "IsDST"]),
        methods_of(&[], &Ty::Text, 1, &["String"]),
        methods_of(&[], &Ty::Time, 1, &["UTC", "Local"]),
        methods_of(&[], &Ty::Zone, 1, &["Location"]),
        methods_of(&[], &Ty::Text, 2, &["Zone"]),
        methods_of(&[], &Ty::Int, 2, &["ISOWeek"]),
        methods_of(&[], &Ty::Int, 3, &["Date", "Clock"]),
        methods_of(&[Ty::Time], &Ty::Bool, 1, &["Before", "After", "Equal"]),
        methods_of(&[Ty::Time], &Ty::Int, 1, &["Compare"]),
        methods_of(&[Ty::Time], &Ty::Duration, 1, &["Sub"]),
        methods_of(&[Ty::Duration], &Ty::Time, 1, &["Add", "Truncate", "Round"]),
        methods_of(&[Ty::Int, Ty::Int, Ty::Int], &Ty::Time, 1, &["AddDate"]),
        methods_of(&[Ty::Text], &Ty::Text, 1, &["Format"]),
        methods_of(&[Ty::Zone], &Ty::Time, 1, &["In"]),
    ]
    .into_iter()
    .flatten()
    .collect()
});

static DURATION: LazyLock<Vec<Method>> = LazyLock::new(|| {
    [
        methods_of(&[], &Ty::Float, 1, &["Hours", "Minutes", "Seconds"]),
        methods_of(&[], &Ty::Int64, 1, &["Milliseconds", "Microseconds", "Nanoseconds"]),
        methods_of(&[], &Ty::Text, 1, &["String"]),
        methods_of(&[], &Ty::Duration, 1, &["Abs"]),
        methods_of(&[Ty::Duration], &Ty::Duration, 1, &["Round", "Truncate"]),
    ]
    .into_iter()
    .flatten()
    .collect()
});

static NAMED: LazyLock<Vec<Method>> = LazyLock::new(|| methods_of(&[], &Ty::Text, 1, &["String"]));

/// The method of a type with this name.
pub(crate) fn find(ty: &Ty, name: &str) -> Option<&'static Method> {
    let table: &'static [Method] = match ty {
        Ty::Time => TIME.as_slice(),
        Ty::Duration => DURATION.as_slice(),
        Ty::Month | Ty::Weekday | Ty::Zone => NAMED.as_slice(),
        _ => return None,
    };
    table.iter().find(|method| method.name == name)
}

/// The method of a value as a function, if `property` names one.
pub(crate) fn bind(value: &Value, property: &Value) -> Option<Value> {
    let Value::Text(name) = property else { return None };
    let method = find(&value.ty(), &name.lossy())?;
    Some(Value::Func(Func::Method(Arc::new(value.clone()), method.name)))
}

/// Calls a method.
pub(crate) fn call(value: &Value, name: &'static str, args: &[Value]) -> Out<Value> {
    let Some(method) = find(&value.ty(), name) else {
        return Err(format!("{} has no method {name}", value.plain()).into());
    };
    let given = args.len();
    if method.results > 2 {
        return Err(format!("{name} gives more than two values, so it cannot be used here").into());
    }
    let args: Vec<Value> = args.iter().zip(&method.takes).map(|(arg, ty)| or_zero(arg, ty)).collect();
    let args = args.as_slice();
    let fits = given == method.takes.len() && args.iter().zip(&method.takes).all(|(arg, ty)| arg.ty() == *ty);
    if !fits {
        let wanted: Vec<&str> = method.takes.iter().map(Ty::plain).collect();
        let wanted = if wanted.is_empty() { "nothing".to_owned() } else { wanted.join(", ") };
        return Err(format!("{name} takes {wanted}").into());
    }
    match value {
        Value::Time(moment) => match args.first() {
            None => Ok(time_field(moment, name)),
            Some(first) => time_method(moment, name, first, args),
        },
        Value::Duration(span) => Ok(duration_method(*span, name, args.first())),
        Value::Month(month) => Ok(Value::text(layout::month_name(*month))),
        Value::Weekday(day) => Ok(Value::text(layout::day_name(*day))),
        Value::Zone(zone) => Ok(Value::text(zone.name())),
        other => Err(format!("{} has no methods", other.plain()).into()),
    }
}

/// nil as an argument is the zero of what is wanted, as in the language.
fn or_zero(arg: &Value, wanted: &Ty) -> Value {
    match (arg, wanted) {
        (Value::Nil, Ty::Int) => Value::Int(0),
        (Value::Nil, Ty::Text) => Value::text(""),
        (Value::Nil, Ty::Duration) => Value::Duration(0),
        (Value::Nil, Ty::Time) => {
            Timestamp::from_second(-62_135_596_800).map_or(Value::Nil, |zero| Value::Time(Moment::utc(zero)))
        }
        _ => arg.clone(),
    }
}

fn time_field(moment: &Moment, name: &str) -> Value {
    let civil = moment.civil();
    let floor = |unit: i128| i64::try_from(moment.instant.as_nanosecond().div_euclid(unit)).unwrap_or(i64::MAX);
    match name {
        "Year" => Value::Int(i64::from(civil.year())),
        "YearDay" => Value::Int(i64::from(civil.day_of_year())),
        "Day" => Value::Int(i64::from(civil.day())),
        "Hour" => Value::Int(i64::from(civil.hour())),
        "Minute" => Value::Int(i64::from(civil.minute())),
        "Second" => Value::Int(i64::from(civil.second())),
        "Nanosecond" => Value::Int(i64::from(civil.subsec_nanosecond())),
        "Unix" => Value::Int64(floor(1_000_000_000)),
        "UnixMilli" => Value::Int64(floor(1_000_000)),
        "UnixMicro" => Value::Int64(floor(1_000)),
        "UnixNano" => Value::Int64(floor(1)),
        "Month" => Value::Month(i64::from(civil.month())),
        "Weekday" => Value::Weekday(layout::weekday(civil.weekday())),
        "IsZero" => Value::Bool(is_zero(moment.instant)),
        "IsDST" => Value::Bool(moment.zone.is_summer(moment.instant)),
        "String" => Value::text(moment.display()),
        "Location" => Value::Zone(moment.zone.clone()),
        "Zone" => Value::text(moment.zone.at(moment.instant).1),
        "ISOWeek" => Value::Int(i64::from(civil.date().iso_week_date().year())),
        _ => Value::Time(Moment { instant: moment.instant, zone: Zone::Utc }),
    }
}

/// The instant that Go starts from: the first of January of the year one.
fn is_zero(instant: Timestamp) -> bool {
    instant.as_nanosecond() == -62_135_596_800_000_000_000
}

fn time_method(moment: &Moment, name: &str, first: &Value, args: &[Value]) -> Out<Value> {
    Ok(match (name, first) {
        ("Before", Value::Time(other)) => Value::Bool(moment.instant < other.instant),
        ("After", Value::Time(other)) => Value::Bool(moment.instant > other.instant),
        ("Equal", Value::Time(other)) => Value::Bool(moment.instant == other.instant),
        ("Compare", Value::Time(other)) => Value::Int(match moment.instant.cmp(&other.instant) {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        }),
        ("Sub", Value::Time(other)) => Value::Duration(moment.minus(other)),
        ("Add", Value::Duration(span)) => Value::Time(moment.plus(*span)?),
        ("Truncate", Value::Duration(step)) => Value::Time(moment.plus(-remainder(moment, *step))?),
        ("Round", Value::Duration(step)) => {
            let rest = remainder(moment, *step);
            let up = i128::from(rest) * 2 >= i128::from(*step) && *step > 0;
            let shift = if up { step.wrapping_sub(rest) } else { -rest };
            Value::Time(moment.plus(shift)?)
        }
        ("Format", Value::Text(text)) => Value::text(layout::format(moment, &text.lossy())),
        ("In", Value::Zone(zone)) => Value::Time(Moment { instant: moment.instant, zone: zone.clone() }),
        ("AddDate", _) => Value::Time(add_date(moment, args)?),
        _ => return Err(format!("{name} does not work here").into()),
    })
}

/// The time since the last multiple of `step` counted from the year one.
fn remainder(moment: &Moment, step: i64) -> i64 {
    if step <= 0 {
        return 0;
    }
    let since = moment.instant.as_nanosecond().saturating_add(62_135_596_800_000_000_000);
    i64::try_from(since.rem_euclid(i128::from(step))).unwrap_or(0)
}

/// Adds years, months and days; a day that the month does not have runs over into the next one.
fn add_date(moment: &Moment, args: &[Value]) -> Result<Moment, String> {
    let problem = "the time is beyond the years that can be told apart";
    let mut numbers = args.iter().map(|arg| if let Value::Int(number) = arg { *number } else { 0 });
    let (years, months, days) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let civil = moment.civil();
    let total = i64::from(civil.year())
        .saturating_add(years)
        .saturating_mul(12)
        .saturating_add(i64::from(civil.month()).saturating_sub(1))
        .saturating_add(months);
    let year = i16::try_from(total.div_euclid(12)).map_err(|_| problem)?;
    let month = i8::try_from(total.rem_euclid(12)).unwrap_or(0).saturating_add(1);
    let first = DateTime::from_parts(jiff::civil::Date::new(year, month, 1).map_err(|_| problem)?, civil.time());
    let days = days.saturating_add(i64::from(civil.day()).saturating_sub(1));
    let shifted = first.checked_add(Span::new().try_days(days).map_err(|_| problem)?).map_err(|_| problem)?;
    Ok(Moment { instant: moment.zone.instant(shifted)?, zone: moment.zone.clone() })
}

fn duration_method(span: i64, name: &str, step: Option<&Value>) -> Value {
    let step = if let Some(Value::Duration(step)) = step { *step } else { 0 };
    let split = |unit: i64| {
        let (whole, rest) = (span.wrapping_div(unit), span.wrapping_rem(unit));
        to_float(whole) + to_float(rest) / to_float(unit)
    };
    match name {
        "Hours" => Value::Float(split(3_600_000_000_000)),
        "Minutes" => Value::Float(split(60_000_000_000)),
        "Seconds" => Value::Float(split(1_000_000_000)),
        "Milliseconds" => Value::Int64(span.wrapping_div(1_000_000)),
        "Microseconds" => Value::Int64(span.wrapping_div(1_000)),
        "Nanoseconds" => Value::Int64(span),
        "Abs" => Value::Duration(span.checked_abs().unwrap_or(i64::MAX)),
        "Round" => Value::Duration(duration::round(span, step)),
        "Truncate" => Value::Duration(duration::truncate(span, step)),
        _ => Value::text(duration::display(span)),
    }
}
