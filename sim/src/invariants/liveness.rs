//! What has to hold over time rather than at one write: the controller comes to rest (L1), and never runs in circles (L9).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{CallRecord, Key, Violation, WriteRecord};

/// How many calls the controller may make for each Rollout in a minute in which nobody else changes anything.
///
/// A release that begins moves capacity, traffic and the record within one minute, which takes some forty calls.
pub const CALLS: u64 = 60;

/// How many more it may make for each change of somebody else.
pub const CALLS_PER_CHANGE: u64 = 3;

/// How many watches of one kind it may open in a minute.
pub const WATCHES: u64 = 12;

/// So many calls in a minute are no haste but a loop that never ends: going on with the story makes no sense.
const ENDLESS: u64 = 3000;

/// What the controller and the others did, minute by minute.
#[derive(Debug, Default)]
pub struct Activity {
    minutes: BTreeMap<i64, Minute>,
    /// When the world should have come to rest, and what was done since.
    rest: Option<Timestamp>,
    restless: BTreeMap<String, u64>,
}

#[derive(Debug, Default, Clone)]
struct Minute {
    calls: BTreeMap<String, u64>,
    watches: BTreeMap<String, u64>,
    changes: u64,
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

impl Activity {
    /// Takes in a call of the controller.
    pub fn hear(&mut self, call: &CallRecord) {
        let of = self.minutes.entry(minute(call.at)).or_default();
        if call.verb == "watch" {
            *of.watches.entry(call.key.resource.clone()).or_default() += 1;
            return;
        }
        let what = format!("{} {} ({})", call.verb, call.key.resource, call.code);
        if self.rest.is_some() {
            *self.restless.entry(what.clone()).or_default() += 1;
        }
        *of.calls.entry(what).or_default() += 1;
    }

    /// Takes in a write; only those of others count, and only where something is another than before.
    pub fn see(&mut self, write: &WriteRecord, ours: bool) {
        if ours {
            if self.rest.is_some() && !write.is("leases") {
                let what = format!("{} {} {}", write.verb, write.key, write.code);
                *self.restless.entry(what).or_default() += 1;
            }
        } else if write.accepted() {
            self.minutes.entry(minute(write.at)).or_default().changes += 1;
        }
    }

    /// From now on nothing should happen any more.
    pub fn rest(&mut self, at: Timestamp) {
        self.rest = Some(at);
        self.restless.clear();
    }

    /// Says whether the controller runs in a loop that waits for nothing.
    pub fn endless(&self) -> bool {
        self.minutes.values().next_back().is_some_and(|of| of.calls.values().sum::<u64>() > ENDLESS)
    }

    /// What was not at rest, and where the controller ran in circles.
    pub fn violations(&self, now: Timestamp, rollouts: usize) -> Vec<Violation> {
        let rollouts = u64::try_from(rollouts).unwrap_or(u64::MAX).max(1);
        let broken = |at, invariant, seen| Violation { at, invariant, object: Key::new("", "", "controller"), seen };
        let mut all = Vec::new();
        if let Some(since) = self.rest.filter(|_| !self.restless.is_empty()) {
            let seconds = now.duration_since(since).as_secs();
            all.push(broken(now, "L1", format!("nothing happened for {seconds} s, and we sent {:?}", self.restless)));
        }
        for (minute, of) in &self.minutes {
            let at = Timestamp::from_second(minute * 60).unwrap_or_default();
            let (calls, limit) = (of.calls.values().sum::<u64>(), CALLS * rollouts + CALLS_PER_CHANGE * of.changes);
            if calls > limit {
                let seen = format!("{calls} calls in a minute with {} changes of others: {:?}", of.changes, of.calls);
                all.push(broken(at, "L9", seen));
            }
            if let Some((kind, count)) = of.watches.iter().find(|(_, count)| **count > WATCHES) {
                all.push(broken(at, "L9", format!("{count} watches of {kind} were opened in a minute")));
            }
        }
        all
    }
}
