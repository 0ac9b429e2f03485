//! Exposure: how traffic is split between the canary and the stable side, wherever it is split.

use std::cmp::Ordering;

use super::managed::Managed;
use super::weight::{Weight, ceil_div};

/// How one place splits its traffic: parts of a whole that need not be 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Parts that the canary gets.
    pub canary: i64,
    /// Parts that the stable side gets.
    pub stable: i64,
    /// Parts that belong to somebody else and never change.
    pub others: i64,
    /// What all parts add up to once they are as asked for.
    pub total: i64,
}

impl Split {
    /// A split of 100 parts between the two sides.
    pub fn percent(canary: i64) -> Self {
        Self { canary, stable: 100 - canary, others: 0, total: 100 }
    }

    /// The canary's share, rounded up; all of it where the stable side gets nothing.
    pub fn share(self) -> Weight {
        match (self.canary, self.stable) {
            (..=0, _) => Weight::ZERO,
            (_, ..=0) => Weight::FULL,
            (canary, stable) => {
                let sum = canary + stable + self.others.max(0);
                Weight::of(ceil_div(canary * self.total, sum), self.total)
            }
        }
    }

    /// The parts of canary and stable side that give the canary `weight`.
    pub fn wanted(self, weight: Weight) -> (i64, i64) {
        let ours = (self.total - self.others.max(0)).max(0);
        let canary = weight.parts_of(self.total).min(ours);
        (canary, ours - canary)
    }

    /// The parts that give the canary at most `weight`, and never more than it has.
    pub fn lowered(self, weight: Weight) -> (i64, i64) {
        let (wanted, stable) = self.wanted(weight);
        let canary = wanted.min(self.canary.max(0));
        (canary, stable + wanted - canary)
    }

    /// Whether it is split exactly so.
    pub fn is(self, weight: Weight) -> bool {
        (self.canary, self.stable) == self.wanted(weight)
    }

    /// How the canary's share compares with the one that `weight` gives; parts count relative to their sum.
    fn compare(self, weight: Weight) -> Ordering {
        let sum = self.canary.max(0) + self.stable.max(0) + self.others.max(0);
        let sum = if sum == 0 { self.total } else { sum };
        (self.canary.max(0) * self.total).cmp(&(self.wanted(weight).0 * sum))
    }
}

/// What of the traffic reaches the canary: its share in every place that counts, and the routes that lead to it.
///
/// Exposures are partially ordered: one is lower than another if the canary gets no more anywhere and less somewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposure {
    /// How each place splits what no managed route takes.
    pub splits: Vec<Split>,
    /// The managed routes of each place that can have some.
    pub managed: Managed,
}

impl Exposure {
    /// Splits, and no managed routes.
    pub fn of(splits: Vec<Split>) -> Self {
        Self { splits, managed: Managed::default() }
    }

    /// Whether some requests reach the canary, or copies of them.
    pub fn reaches_canary(&self) -> bool {
        self.share() > Weight::ZERO || !self.managed.is_none()
    }

    /// The largest share that the canary gets anywhere.
    pub fn share(&self) -> Weight {
        self.splits.iter().map(|split| split.share()).max().unwrap_or(Weight::ZERO)
    }

    /// Whether every place is split exactly so.
    pub fn is(&self, weight: Weight) -> bool {
        self.splits.iter().all(|split| split.is(weight))
    }

    /// Whether the canary gets more than `weight` somewhere.
    pub fn exceeds(&self, weight: Weight) -> bool {
        self.splits.iter().any(|split| split.compare(weight) == Ordering::Greater)
    }

    /// Whether the canary gets less than `weight` somewhere.
    pub fn falls_short(&self, weight: Weight) -> bool {
        self.splits.iter().any(|split| split.compare(weight) == Ordering::Less)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split() -> impl Strategy<Value = Split> {
        let total = prop_oneof![Just(100i64), Just(10_000), 1i64..200];
        (0i64..300, 0i64..300, 0i64..120, total).prop_map(|(canary, stable, others, total)| Split {
            canary,
            stable,
            others,
            total,
        })
    }

    proptest! {
        #[test]
        fn what_is_wanted_is_read_back_as_reached(before in split(), percent in 0i64..=100) {
            let weight = Weight::clamped(percent);
            let (canary, stable) = before.wanted(weight);
            let after = Split { canary, stable, ..before };
            prop_assert!(after.is(weight));
            prop_assert!(canary >= 0 && stable >= 0);
            prop_assert!(!Exposure::of(vec![after]).exceeds(weight) && !Exposure::of(vec![after]).falls_short(weight));
            prop_assert_eq!(canary + stable, (before.total - before.others).max(0));
        }

        #[test]
        fn a_lowering_raises_the_canary_nowhere(before in split(), percent in 0i64..=100) {
            let weight = Weight::clamped(percent);
            let (canary, _) = before.lowered(weight);
            prop_assert!(canary <= before.canary);
            prop_assert!(canary <= before.wanted(weight).0);
        }
    }

    #[test]
    fn a_destination_of_somebody_else_does_not_hide_that_all_of_ours_has_gone_over() {
        let split = Split { canary: 90, stable: 0, others: 10, total: 100 };
        assert_eq!(split.share(), Weight::FULL);
        assert!(split.is(Weight::FULL));
        assert_eq!(Split { canary: 20, stable: 70, others: 10, total: 100 }.share(), Weight::clamped(20));
    }

    #[test]
    fn a_whole_of_ten_thousand_parts_is_split_as_finely() {
        let split = Split { canary: 0, stable: 10_000, others: 0, total: 10_000 };
        assert_eq!(split.wanted(Weight::clamped(20)), (2_000, 8_000));
    }
}
