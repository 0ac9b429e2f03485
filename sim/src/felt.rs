//! What users felt: requests, where they went, and what came back.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What users felt in a short span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interval {
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
    /// Requests by the pod-template hash of the pod that answered.
    pub answered: BTreeMap<String, u64>,
    /// 5xx that the application sent.
    pub application_5xx: u64,
    /// 5xx that somebody else sent, by reason.
    pub foreign_5xx: BTreeMap<String, u64>,
    /// Those of them that were sent while some pod could have answered; 0 where that can't be seen.
    pub avoidable: u64,
}

impl Interval {
    /// All requests.
    pub fn sent(&self) -> u64 {
        self.answered.values().sum::<u64>() + self.foreign_5xx.values().sum::<u64>()
    }
}

/// What users felt while a weight stood still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plateau {
    /// The canary's weight.
    pub weight: i64,
    /// Requests that the canary answered.
    pub canary: u64,
    /// All requests that were answered.
    pub all: u64,
}

/// The largest chi-square statistic with one degree of freedom that is still taken for chance.
///
/// A whole run of the tests asks some two hundred plateaus: at one in a million each, chance fails one run in five thousand.
///
/// # Source
/// The square of the normal quantile at 1 - 5e-7: 23.928 for p = 1e-6 and one degree of freedom.
pub const CHI_SQUARE_LIMIT: f64 = 23.928;

/// A count as a floating-point number.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

impl Plateau {
    /// How far the canary's share is from its weight: the chi-square statistic with one degree of freedom.
    ///
    /// Infinite when requests went where none may go.
    pub fn chi_square(&self) -> f64 {
        let all = float(self.all);
        let share = (float(u64::try_from(self.weight).unwrap_or_default()) / 100.0).clamp(0.0, 1.0);
        let cell = |seen: f64, expected: f64| match (seen > 0.0, expected > 0.0) {
            (_, true) => (seen - expected).powi(2) / expected,
            (true, false) => f64::INFINITY,
            (false, false) => 0.0,
        };
        let canary = float(self.canary);
        cell(canary, all * share) + cell(all - canary, all * (1.0 - share))
    }

    /// Says whether the canary's share is what its weight promises.
    pub fn fair(&self) -> bool {
        self.chi_square() <= CHI_SQUARE_LIMIT
    }
}

/// Everything that users felt in a scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Felt {
    /// Requests in all.
    pub requests: u64,
    /// 5xx that the application sent.
    pub application_5xx: u64,
    /// 5xx that somebody else sent, by reason.
    pub foreign_5xx: BTreeMap<String, u64>,
    /// Each span in which a weight stood still, in order.
    pub plateaus: Vec<Plateau>,
}

impl Felt {
    /// Takes in an interval. `weight` is the canary's, if it stood still in that time and all proxies knew it.
    pub fn add(&mut self, interval: &Interval, canary: &str, weight: Option<i64>) {
        self.requests += interval.sent();
        self.application_5xx += interval.application_5xx;
        for (reason, count) in &interval.foreign_5xx {
            *self.foreign_5xx.entry(reason.clone()).or_default() += count;
        }
        let Some(weight) = weight else { return };
        if self.plateaus.last().is_none_or(|last| last.weight != weight) {
            self.plateaus.push(Plateau { weight, ..Plateau::default() });
        }
        if let Some(last) = self.plateaus.last_mut() {
            last.canary += interval.answered.get(canary).copied().unwrap_or_default();
            last.all += interval.answered.values().sum::<u64>();
        }
    }

    /// 5xx that the application did not send.
    pub fn foreign(&self) -> u64 {
        self.foreign_5xx.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(weight: i64, canary: u64, all: u64, expect: bool) {
        assert_eq!(Plateau { weight, canary, all }.fair(), expect, "{canary} of {all} at {weight} %");
    }

    #[test]
    fn a_share_is_fair_as_long_as_chance_explains_it() {
        check(20, 200, 1000, true);
        check(20, 261, 1000, true);
        check(20, 262, 1000, false);
        check(50, 400, 1000, false);
    }

    #[test]
    fn weight_0_and_weight_100_leave_nothing_to_chance() {
        check(0, 0, 1000, true);
        check(0, 1, 100_000, false);
        check(100, 1000, 1000, true);
        check(100, 999, 1000, false);
        check(100, 0, 0, true);
    }
}
