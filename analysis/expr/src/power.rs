//! Powers, bit for bit as the language computes them.
//!
//! # Source
//! Go computes powers by repeated squaring of the fraction, which rounds differently from the C library; a condition
//! such as `result ** 2 == 1.21` can tell.
#![expect(clippy::float_cmp, reason = "the special cases are exact values")]

/// `x` to the power of `y`.
pub(crate) fn power(x: f64, y: f64) -> f64 {
    if let Some(value) = special(x, y) {
        return value;
    }
    let (whole, fraction) = (y.abs().trunc(), y.abs().fract());
    if fraction != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    if whole >= 9_223_372_036_854_775_808.0 {
        return huge(x, y);
    }
    let (whole, fraction) = if fraction > 0.5 { (whole + 1.0, fraction - 1.0) } else { (whole, fraction) };
    let mut product = if fraction == 0.0 { 1.0 } else { (fraction * x.ln()).exp() };
    let mut exponent: i64 = 0;
    let (mut square, mut shift) = split(x);
    let mut bits = super::numbers::to_int(whole);
    while bits != 0 {
        if !(-(1 << 12)..=(1 << 12)).contains(&shift) {
            exponent = exponent.saturating_add(shift);
            break;
        }
        if bits & 1 == 1 {
            product *= square;
            exponent = exponent.saturating_add(shift);
        }
        square *= square;
        shift = shift.saturating_mul(2);
        if square < 0.5 {
            square += square;
            shift = shift.saturating_sub(1);
        }
        bits >>= 1;
    }
    if y < 0.0 { scale(1.0 / product, exponent.saturating_neg()) } else { scale(product, exponent) }
}

fn special(x: f64, y: f64) -> Option<f64> {
    let odd = y.trunc() == y && (y % 2.0).abs() == 1.0;
    if y == 0.0 || x == 1.0 {
        Some(1.0)
    } else if y == 1.0 {
        Some(x)
    } else if x.is_nan() || y.is_nan() {
        Some(f64::NAN)
    } else if x == 0.0 || x.is_infinite() {
        let grows = (x == 0.0) == (y < 0.0);
        let size = if grows { f64::INFINITY } else { 0.0 };
        Some(if odd { size.copysign(x) } else { size })
    } else if y.is_infinite() {
        Some(huge(x, y))
    } else if y == 0.5 {
        Some(x.sqrt())
    } else if y == -0.5 {
        Some(1.0 / x.sqrt())
    } else {
        None
    }
}

/// The limit for exponents beyond all integers.
fn huge(x: f64, y: f64) -> f64 {
    if x == -1.0 {
        1.0
    } else if (x.abs() < 1.0) == (y > 0.0) {
        0.0
    } else {
        f64::INFINITY
    }
}

/// A fraction in [0.5, 1) and a power of two whose product is `x`.
fn split(x: f64) -> (f64, i64) {
    let (normal, extra) = if x.abs() < f64::MIN_POSITIVE { (x * f64::powi(2.0, 52), -52) } else { (x, 0) };
    let bits = normal.to_bits();
    let exponent = i64::try_from((bits >> 52) & 0x7ff).unwrap_or(0) - 1022 + extra;
    let fraction = f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52));
    (fraction, exponent)
}

/// `fraction` times two to the power of `exponent`, rounded once.
fn scale(fraction: f64, exponent: i64) -> f64 {
    if fraction == 0.0 || !fraction.is_finite() {
        return fraction;
    }
    let (fraction, shift) = split(fraction);
    let exponent = exponent.saturating_add(shift).clamp(-1100, 1100);
    let power = i32::try_from(exponent).unwrap_or(0);
    if power < -1021 {
        return fraction * f64::powi(2.0, power.saturating_add(53)) * f64::powi(2.0, -53);
    }
    fraction * 2.0 * f64::powi(2.0, power.saturating_sub(1))
}
