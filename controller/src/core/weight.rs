//! Weight: a share of traffic that cannot be out of range.

use std::fmt;

/// A share of the traffic of a route, in percent: 0 to 100 by construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u8);

impl Weight {
    /// No traffic.
    pub const ZERO: Self = Self(0);
    /// All traffic.
    pub const FULL: Self = Self(100);

    /// Bounds a number to a weight: below 0 is 0, above 100 is 100.
    pub fn clamped(value: i64) -> Self {
        Self(u8::try_from(value.clamp(0, 100)).unwrap_or(100))
    }

    /// The share in percent.
    pub fn percent(self) -> i64 {
        i64::from(self.0)
    }

    /// What is left for the other side: the two always sum to 100.
    #[must_use]
    pub fn rest(self) -> Self {
        Self(100 - self.0)
    }

    /// How many of `total` pods carry this share, rounded up.
    pub fn pods(self, total: i64) -> i64 {
        ceil_div(self.percent() * total.max(0), 100)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Divides non-negative numbers, rounding up.
pub(crate) fn ceil_div(a: i64, b: i64) -> i64 {
    if b <= 0 { 0 } else { (a + b - 1).div_euclid(b) }
}

#[cfg(test)]
mod tests {
    use super::Weight;

    #[test]
    fn a_weight_is_bounded_and_its_rest_fills_to_one_hundred() {
        for value in -300..=300 {
            let weight = Weight::clamped(value);
            assert!((0..=100).contains(&weight.percent()));
            assert_eq!(weight.percent() + weight.rest().percent(), 100);
        }
    }

    #[test]
    fn pods_are_rounded_up() {
        assert_eq!(Weight::clamped(1).pods(10), 1);
        assert_eq!(Weight::clamped(20).pods(10), 2);
        assert_eq!(Weight::clamped(21).pods(10), 3);
        assert_eq!(Weight::clamped(50).pods(0), 0);
    }
}
