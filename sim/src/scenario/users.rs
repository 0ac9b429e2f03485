//! What users felt, judged by what was promised to them.

use jiff::{SignedDuration, Timestamp};

use super::{FeltLimits, NAMESPACE, Scenario, routing_state::RoutingState};
use crate::{
    felt::{Felt, Interval},
    invariants::{History, Key, Violation, WriteRecord},
};

/// How long requests may find nobody before the traffic is sent where somebody answers: to see it and to write.
const NOTICE: SignedDuration = SignedDuration::from_secs(2);

/// What users felt, beside what decides where their requests go.
#[derive(Debug)]
pub(super) struct Users<'a> {
    scenario: &'a Scenario,
    felt: Felt,
    /// What decides where requests go, and when that last changed.
    routing: RoutingState,
    changed: Timestamp,
    /// Since when requests find nobody though somebody could answer, and whether that was told.
    unanswered: Option<(Timestamp, bool)>,
}

impl<'a> Users<'a> {
    pub(super) fn new(scenario: &'a Scenario, now: Timestamp) -> Self {
        Self { scenario, felt: Felt::default(), routing: RoutingState::default(), changed: now, unanswered: None }
    }

    /// Takes in a write that the history has taken in already.
    pub(super) fn see(&mut self, history: &History, write: &WriteRecord) {
        if RoutingState::depends_on(write) {
            let routing = RoutingState::of(history, self.scenario);
            if routing != self.routing {
                (self.routing, self.changed) = (routing, write.at);
            }
        }
    }

    /// Takes in what users felt, and says when that breaks promise 2. `propagation` is how long the world's proxies may go on
    /// sending to where they were told before.
    pub(super) fn feel(&mut self, interval: &Interval, propagation: SignedDuration) -> Option<Violation> {
        let late = propagation + self.scenario.load.proxies.lag.signed();
        // A plateau is what lies wholly behind the last change, and behind the time that proxies need to learn of it.
        let still = interval.from >= self.changed + late && self.routing.releasing();
        let weight = self.routing.weight.filter(|_| still);
        self.felt.add(interval, &self.routing.current, weight);
        self.unanswered(interval, late)
    }

    /// Promise 2: nobody is sent to nothing while somebody could answer, but for the time that it takes to notice.
    fn unanswered(&mut self, interval: &Interval, late: SignedDuration) -> Option<Violation> {
        if interval.avoidable == 0 {
            self.unanswered = None;
            return None;
        }
        let (since, told) = *self.unanswered.get_or_insert((interval.from, false));
        let lasted = interval.to.duration_since(since);
        if told || lasted <= NOTICE + late {
            return None;
        }
        self.unanswered = Some((since, true));
        let object = Key::new("services", NAMESPACE, self.scenario.host());
        let seen = format!("for {lasted:#} requests have found nobody, while pods could have answered");
        Some(Violation { at: interval.to, invariant: "P2", object, seen })
    }

    /// What is not as the scenario allows it, one sentence each.
    pub(super) fn judge(&self, limits: &FeltLimits) -> Vec<String> {
        let felt = &self.felt;
        let mut failures = Vec::new();
        if felt.foreign() > limits.foreign_5xx {
            let (count, seen, limit) = (felt.foreign(), &felt.foreign_5xx, limits.foreign_5xx);
            failures
                .push(format!("users got {count} 5xx that the application did not send ({seen:?}), expected {limit}"));
        }
        if felt.requests < limits.requests {
            failures.push(format!("users sent {} requests, expected {} at least", felt.requests, limits.requests));
        }
        for plateau in felt.plateaus.iter().filter(|plateau| !limits.unsplit && !plateau.fair()) {
            let (weight, canary, all) = (plateau.weight, plateau.canary, plateau.all);
            failures
                .push(format!("{canary} of {all} requests reached the canary at weight {weight}: that is no chance"));
        }
        for share in &limits.shares {
            let felt = felt.plateaus.iter().any(|plateau| plateau.weight == i64::from(*share) && plateau.all > 0);
            if !felt {
                failures.push(format!("no request was sent while the canary's weight stood at {share}"));
            }
        }
        failures
    }

    /// Everything that they felt.
    pub(super) fn felt(&self) -> Felt {
        self.felt.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::shipped;

    fn check(avoidable: &[bool], lag: u64, expect: usize) {
        let mut scenario = shipped("good-release").unwrap();
        scenario.load.proxies.lag = crate::scenario::Span::seconds(lag);
        let mut users = Users::new(&scenario, Timestamp::UNIX_EPOCH);
        let second = |at: usize| Timestamp::from_second(i64::try_from(at).unwrap()).unwrap();
        let intervals = avoidable.iter().enumerate().map(|(at, avoidable)| Interval {
            from: second(at),
            to: second(at + 1),
            avoidable: u64::from(*avoidable),
            ..Interval::default()
        });
        let told = intervals.filter_map(|interval| users.feel(&interval, SignedDuration::from_secs(1))).count();
        assert_eq!(told, expect, "{avoidable:?} with proxies that are {lag} s late");
    }

    #[test]
    fn who_is_sent_to_nothing_for_longer_than_it_takes_to_notice_breaks_promise_2_once() {
        let (lost, good) = (true, false);
        check(&[lost, lost, lost, good, lost, lost], 0, 0);
        check(&[lost, lost, lost, lost, lost, lost], 0, 1);
        check(&[lost, lost, lost, lost, good, lost, lost, lost, lost], 0, 2);
        check(&[lost, lost, lost, lost, lost, lost], 10, 0);
    }
}
