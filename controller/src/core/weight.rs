//! Weight: a share of traffic that cannot be out of range.

use std::cmp::Ordering;
use std::fmt;

/// A share of the traffic of a route: parts of a whole, by construction none to all of them.
///
/// The whole is 100, or `maxTrafficWeight`; weights of different wholes compare by the share that they are.
#[derive(Clone, Copy, Debug)]
pub struct Weight {
    parts: i64,
    total: i64,
}

/// The whole where nobody names another.
const PERCENT: i64 = 100;

impl Weight {
    /// No traffic.
    pub const ZERO: Self = Self { parts: 0, total: PERCENT };
    /// All traffic.
    pub const FULL: Self = Self { parts: PERCENT, total: PERCENT };

    /// Bounds a number to a weight: below 0 is 0, above 100 is 100.
    pub fn clamped(percent: i64) -> Self {
        Self::of(percent, PERCENT)
    }

    /// Bounds so many parts of a whole to a weight.
    pub fn of(parts: i64, total: i64) -> Self {
        let total = total.clamp(1, i64::from(i32::MAX));
        Self { parts: parts.clamp(0, total), total }
    }

    /// The share in percent, rounded up.
    pub fn percent(self) -> i64 {
        self.parts_of(PERCENT)
    }

    /// The share in parts of a whole, rounded up.
    pub fn parts_of(self, total: i64) -> i64 {
        ceil_div(self.parts * total, self.total)
    }

    /// The whole that it is counted in.
    pub fn total(self) -> i64 {
        self.total
    }

    /// What is left for the other side: the two are always the whole.
    #[must_use]
    pub fn rest(self) -> Self {
        Self { parts: self.total - self.parts, total: self.total }
    }

    /// How many of `total` pods carry this share, rounded up.
    pub fn pods(self, total: i64) -> i64 {
        ceil_div(self.parts * total.max(0), self.total)
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::ZERO
    }
}

impl PartialEq for Weight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Weight {}

impl PartialOrd for Weight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Weight {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.parts * other.total).cmp(&(other.parts * self.total))
    }
}

/// In percent, with as many digits as a thousandth needs.
impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = self.parts_of(PERCENT * 1000);
        let (whole, rest) = (thousandths / 1000, thousandths % 1000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{rest:03}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
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
    fn a_whole_of_another_number_is_as_fine_as_that_number() {
        let half_a_percent = Weight::of(5, 1000);
        assert!(half_a_percent > Weight::ZERO && half_a_percent < Weight::clamped(1));
        assert_eq!(Weight::of(200, 1000), Weight::clamped(20));
        assert_eq!((half_a_percent.parts_of(1000), half_a_percent.percent(), half_a_percent.pods(1000)), (5, 1, 5));
        assert_eq!(half_a_percent.rest().parts_of(1000), 995);
        assert_eq!(Weight::of(1, 3).parts_of(3), 1);
        let shown = [half_a_percent, Weight::clamped(20), Weight::of(1, 3)].map(|weight| weight.to_string());
        assert_eq!(shown, ["0.5", "20", "33.334"]);
    }

    #[test]
    fn pods_are_rounded_up() {
        assert_eq!(Weight::clamped(1).pods(10), 1);
        assert_eq!(Weight::clamped(20).pods(10), 2);
        assert_eq!(Weight::clamped(21).pods(10), 3);
        assert_eq!(Weight::clamped(50).pods(0), 0);
    }
}
