//! Functions on the bits of integers.

use super::super::ast::Node;
use super::super::error::Out;
use super::super::types::{Signature, Ty};
use super::super::value::{Number, Value};
use super::{Site, arg, refuse};

pub(super) fn check(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let takes = if site.name == "bitnot" { vec![Ty::Int] } else { vec![Ty::Int, Ty::Int] };
    let signature = Signature { takes, gives: Ty::Int, results: 1 };
    site.checker.arguments(site.at, site.name, &signature, args)
}

pub(super) fn call(name: &'static str, args: &[Value]) -> Out<Value> {
    let x = integer(name, arg(args, 0))?;
    if name == "bitnot" {
        return Ok(Value::Int(!x));
    }
    let y = integer(name, arg(args, 1))?;
    let shift = match (name, u32::try_from(y)) {
        ("bitshl" | "bitshr" | "bitushr", Err(_)) if y < 0 => {
            return Err(format!("{name} cannot shift by {y} bits; use a number that is not negative").into());
        }
        (_, Ok(shift)) => shift,
        (_, Err(_)) => u32::MAX,
    };
    Ok(Value::Int(match name {
        "bitand" => x & y,
        "bitor" => x | y,
        "bitxor" => x ^ y,
        "bitnand" => x & !y,
        "bitshl" => x.checked_shl(shift).unwrap_or(0),
        "bitshr" => x >> shift.min(63),
        _ => x.cast_unsigned().checked_shr(shift).unwrap_or(0).cast_signed(),
    }))
}

fn integer(name: &str, value: &Value) -> Out<i64> {
    match value.number() {
        Some(Number::Int(value)) => Ok(value),
        _ => refuse(name, "integers", value),
    }
}
