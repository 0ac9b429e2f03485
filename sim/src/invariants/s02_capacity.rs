//! S2: traffic is raised only towards pods that can carry it.

use serde_json::Value;

use super::{History, Key, Shares, Violation, WriteRecord, broken, view};

/// Checks every write of ours that sends more traffic to a revision: by weight, by a managed route, by a Service's selector, or
/// by a subset's label. Who gets no more than what matches a managed route needs one pod that answers.
///
/// The canary needs the pods of its whole new share; one that answers is enough where none of those that lose traffic has a pod
/// left that can. The stable side needs those less `maxUnavailable`; but what takes
/// traffic back from a canary that was aborted or judged to be bad, or that can't carry what it has, waits for nothing: there
/// one pod that can answer is enough, and none when nobody else can answer either.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !["virtualservices", "services", "destinationrules"].contains(&write.key.resource.as_str()) {
        return Ok(());
    }
    for key in history.naming(&write.key) {
        let Some(rollout) = history.get(key) else {
            continue;
        };
        let (before, after) = (history.now().routes(key), history.after(write).routes(key));
        for (route, hash) in history.after(write).managed_anew(&history.now(), key) {
            let answers = |(set, _): (&Key, &Value)| history.available(set, write) > 0;
            let known = view::text(rollout, "/status/stableRS") == hash;
            if !known && !history.set(key, &hash).is_some_and(answers) {
                let seen = format!("the managed route {route:?} leads to {hash}, which has no available pod");
                return broken("S2", write, seen);
            }
        }
        let nothing = Shares::new();
        for (place, new) in &after {
            let old = before.get(place).unwrap_or(&nothing);
            let raise = Raise { history, write, key, rollout, old, new };
            let raised = new.iter().filter(|(hash, weight)| **weight > old.get(*hash).copied().unwrap_or_default());
            for (hash, weight) in raised {
                if let Some(wrong) = raise.wrong(hash, *weight) {
                    let from = old.get(hash).copied().unwrap_or_default();
                    let seen = format!("the weight of {hash} was raised from {from} to {weight}, but {wrong}");
                    return broken("S2", write, seen);
                }
            }
        }
    }
    Ok(())
}

/// A raise in one route, with what is known at it.
struct Raise<'a> {
    history: &'a History,
    write: &'a WriteRecord,
    key: &'a Key,
    rollout: &'a Value,
    old: &'a Shares,
    new: &'a Shares,
}

impl Raise<'_> {
    fn available(&self, hash: &str) -> i64 {
        self.history.set(self.key, hash).map_or(0, |(set, _)| self.history.available(set, self.write))
    }

    /// The fewest replicas that the writer may believe to be asked for.
    fn wanted(&self) -> i64 {
        let wanted = self.history.wanted(self.key, self.write).into_iter().min();
        wanted.unwrap_or_else(|| view::replicas(self.rollout))
    }

    fn wrong(&self, hash: &str, weight: i64) -> Option<String> {
        let available = self.available(hash);
        let stable = view::text(self.rollout, "/status/stableRS");
        if hash == stable || stable.is_empty() {
            let elsewhere = self.history.sets(self.key).any(|(set, object)| {
                view::label(object, view::HASH_LABEL) != hash && self.history.available(set, self.write) > 0
            });
            let needed = self.needed_by_stable(weight);
            return (available < needed && elsewhere).then(|| {
                format!("{available} of its pods are available and {needed} are needed, while others have some")
            });
        }
        if available == 0 {
            return Some("it has no available pod".to_owned());
        }
        let needed = if self.nobody_else_answers() { 1 } else { self.needed_by_canary(hash, weight) };
        (available < needed).then(|| format!("{available} of its pods are available and {needed} are needed"))
    }

    /// The pods that a weight needs. Where the spec sizes the canary by hand, or calls fewer pods enough, that counts.
    fn needed_by_canary(&self, hash: &str, weight: i64) -> i64 {
        let canary = self.rollout.pointer("/spec/strategy/canary").unwrap_or(&Value::Null);
        if canary.get("replicaProgressThreshold").is_some() {
            return 1;
        }
        let needed = view::pods_for(weight, self.wanted());
        let by_hand = view::list(canary, "/steps").iter().any(|step| step.get("setCanaryScale").is_some());
        let asked = self.history.set(self.key, hash).and_then(|(_, set)| view::number(set, "/spec/replicas"));
        if by_hand { needed.min(asked.unwrap_or_default()).max(1) } else { needed }
    }

    fn needed_by_stable(&self, weight: i64) -> i64 {
        if self.lowers_what_is_bad() || self.lowers_what_is_weak() {
            return 1;
        }
        (view::pods_for(weight, self.wanted()) - view::max_unavailable(self.rollout)).max(1)
    }

    fn lowers_what_is_bad(&self) -> bool {
        let story = self.history.story(self.key);
        view::flag(self.rollout, "/status/abort")
            || story.is_some_and(|story| story.aborted.is_some() || !story.adverse.is_empty())
    }

    /// Those that lose traffic, each with its old share.
    fn losers(&self) -> impl Iterator<Item = (&String, i64)> {
        let loses = |hash: &String, weight: i64| weight > self.new.get(hash).copied().unwrap_or_default();
        self.old.iter().map(|(hash, weight)| (hash, *weight)).filter(move |(hash, weight)| loses(hash, *weight))
    }

    /// Says whether one of those that lose traffic has fewer pods than its old share needs.
    fn lowers_what_is_weak(&self) -> bool {
        self.losers().any(|(hash, weight)| self.available(hash) < view::pods_for(weight, self.wanted()))
    }

    /// Says whether some lose traffic, and none of them has a pod that can answer.
    fn nobody_else_answers(&self) -> bool {
        let mut losers = self.losers().peekable();
        losers.peek().is_some() && losers.all(|(hash, _)| self.available(hash) == 0)
    }
}
