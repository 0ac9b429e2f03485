//! Turns writes into lines.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{Kind, Line, Transcript, order::sized};
use crate::invariants::{
    History, Key, WriteRecord,
    view::{self, HASH_LABEL, flag, label, list, number, text},
    wiring::wiring,
};

/// Turns writes into lines of a transcript.
#[derive(Debug)]
pub struct Recorder {
    transcript: Transcript,
    /// Parts that somebody else has edited and that we have not put right yet, with who did it.
    edited: BTreeMap<Key, String>,
    /// Edits of others that were told already: who fights for a field every few seconds is told once.
    told: BTreeSet<String>,
}

impl Recorder {
    /// Begins; times are counted from `start`.
    pub const fn new(start: Timestamp) -> Self {
        Self { transcript: Transcript::new(start), edited: BTreeMap::new(), told: BTreeSet::new() }
    }

    /// The lines so far.
    pub const fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Tells what somebody did, or what befell the world.
    pub fn deed(&mut self, at: Timestamp, who: &str, text: impl Into<String>) {
        self.line(at, who, Kind::Deed, text);
    }

    /// Tells a write; `history` is what was before it.
    pub fn see(&mut self, history: &History, write: &WriteRecord) {
        if !write.accepted() {
            return;
        }
        let (before, after) = (history.before(write), write.after.as_deref());
        match (write.key.resource.as_str(), history.ours(write)) {
            ("virtualservices", ours) => self.route(history, write, ours),
            ("rollouts", true) => self.rollout(history, write),
            ("replicasets", true) => self.set(write, before, after),
            ("deployments", true) => self.workload(write, before, after),
            ("services", true) => self.service(history, write, before, after),
            ("destinationrules", true) => self.rule(history, write, before, after),
            ("analysisruns", true) => self.run(history, write, before, after),
            _ => {}
        }
    }

    fn line(&mut self, at: Timestamp, subject: &str, kind: Kind, text: impl Into<String>) {
        self.transcript.push(Line { at, subject: subject.to_owned(), kind, text: text.into() });
    }

    fn rollout(&mut self, history: &History, write: &WriteRecord) {
        let nothing = Value::Null;
        let Some(after) = write.after.as_deref() else {
            return;
        };
        let before = history.before(write).unwrap_or(&nothing);
        for (kind, text) in rollout_events(history, &write.key, before, after) {
            self.line(write.at, &write.key.name, kind, text);
        }
    }

    fn set(&mut self, write: &WriteRecord, before: Option<&Value>, after: Option<&Value>) {
        let Some(set) = after.or(before) else { return };
        let Some(owner) = view::owner(set, "Rollout") else {
            return;
        };
        let size = |set: &Value| number(set, "/spec/replicas").unwrap_or_default();
        let (from, to) = (before.map_or(0, size), after.map_or(0, size));
        if from != to && !write.touches("status") {
            self.line(write.at, owner, Kind::Sized, sized(&revision_of(set), from, to));
        }
    }

    fn workload(&mut self, write: &WriteRecord, before: Option<&Value>, after: Option<&Value>) {
        let size = |object: &Value| number(object, "/spec/replicas").unwrap_or_default();
        let (from, to) = (before.map_or(0, size), after.map_or(0, size));
        let name = &write.key.name;
        self.line(write.at, name, Kind::Sized, sized(&format!("Deployment {name}"), from, to));
    }

    fn service(&mut self, history: &History, write: &WriteRecord, before: Option<&Value>, after: Option<&Value>) {
        let hash = |service: Option<&Value>| -> String {
            let selector = service.and_then(|service| service.pointer("/spec/selector"));
            selector.and_then(|all| all.get(HASH_LABEL)?.as_str()).unwrap_or_default().to_owned()
        };
        let (from, to) = (hash(before), hash(after));
        let Some(rollout) = history.naming(&write.key).next().filter(|_| from != to).cloned() else {
            return;
        };
        let leads = name(history, &rollout, &to);
        self.line(write.at, &rollout.name, Kind::Leads, format!("Service {} selects {leads}", write.key.name));
    }

    fn rule(&mut self, history: &History, write: &WriteRecord, before: Option<&Value>, after: Option<&Value>) {
        let subsets = |rule: Option<&Value>| -> BTreeMap<String, String> {
            let subsets = rule.map(|rule| list(rule, "/spec/subsets")).unwrap_or_default();
            let hash = |one: &Value| one.get("labels").and_then(|all| all.get(HASH_LABEL)?.as_str()).map(str::to_owned);
            subsets.iter().map(|one| (text(one, "/name").to_owned(), hash(one).unwrap_or_default())).collect()
        };
        let (from, to) = (subsets(before), subsets(after));
        let Some(rollout) = history.naming(&write.key).next().cloned() else {
            return;
        };
        for (subset, hash) in to.iter().filter(|(subset, hash)| from.get(*subset) != Some(hash)) {
            let leads = name(history, &rollout, hash);
            self.line(write.at, &rollout.name, Kind::Leads, format!("subset {subset} selects {leads}"));
        }
    }

    fn route(&mut self, history: &History, write: &WriteRecord, ours: bool) {
        let Some(rollout) = history.naming(&write.key).next().cloned() else {
            return;
        };
        let Some(object) = history.get(&rollout) else {
            return;
        };
        let wiring = wiring(object);
        let weight = |service: Option<&Value>| wiring.canary_weight(&write.key, service?);
        let (from, to) = (weight(history.before(write)), weight(write.after.as_deref()));
        if !ours {
            if from != to && history.before(write).is_some() {
                self.edited.insert(write.key.clone(), write.user.clone());
            }
            return;
        }
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        match self.edited.remove(&write.key) {
            Some(who) if from != to => {
                let text = format!("the weights of {} are put back after {who} changed them", write.key.name);
                if self.told.insert(text.clone()) {
                    self.line(write.at, &rollout.name, Kind::Progress, text);
                }
            }
            _ if from < to => self.line(write.at, &rollout.name, Kind::Raised, format!("weight {from} -> {to}")),
            _ if from > to => self.line(write.at, &rollout.name, Kind::Lowered, format!("weight {from} -> {to}")),
            _ => {}
        }
    }

    fn run(&mut self, history: &History, write: &WriteRecord, before: Option<&Value>, after: Option<&Value>) {
        let Some(run) = after else { return };
        let Some(owner) = view::owner(run, "Rollout") else {
            return;
        };
        let what = match label(run, "step-index").parse::<i64>() {
            Ok(step) => format!("analysis of step {}", step + 1),
            Err(_) => "background analysis".to_owned(),
        };
        if before.is_none() {
            self.line(write.at, owner, Kind::Asks, format!("{what} begins"));
        }
        let phase = |run: &Value| text(run, "/status/phase").to_owned();
        let (was, is) = (before.map(phase).unwrap_or_default(), phase(run));
        let ended = |phase: &str| ["Successful", "Failed", "Error", "Inconclusive"].contains(&phase);
        if ended(&is) && !ended(&was) {
            let stopped = flag(history.before(write).unwrap_or(run), "/spec/terminate");
            let message = text(run, "/status/message");
            let text = match (is.as_str(), stopped) {
                (_, true) => format!("{what} was stopped"),
                ("Successful", false) => format!("{what} is Successful"),
                (_, false) => format!("{what} is {is}: {message}"),
            };
            self.line(write.at, owner, Kind::Verdict, text);
        }
    }
}

/// What a write of ours to a Rollout tells.
fn rollout_events(history: &History, key: &Key, before: &Value, after: &Value) -> Vec<(Kind, String)> {
    let mut events = Vec::new();
    let differs = |pointer: &str| text(before, pointer) != text(after, pointer);
    let current = text(after, "/status/currentPodHash");
    let begins = differs("/status/currentPodHash");
    if begins {
        events.push((Kind::Begins, format!("{} begins ({})", name(history, key, current), image(history, key, after))));
    }
    let (was, is) = (flag(before, "/status/abort"), flag(after, "/status/abort"));
    let message = text(after, "/status/message");
    let degraded = text(after, "/status/phase") == "Degraded";
    let was_degraded = text(before, "/status/phase") == "Degraded";
    if degraded && (!was_degraded || (differs("/status/message") && is)) {
        events.push((Kind::Aborted, format!("Degraded: {message}")));
    } else if is && !was {
        events.push((Kind::Aborted, "aborted".to_owned()));
    }
    if !begins && !is {
        events.extend(steps(before, after).map(|text| (Kind::Progress, text)));
    }
    if let Some(reason) = pause(after).filter(|_| pause(before) != pause(after)) {
        events.push((Kind::Progress, format!("pauses at step {} ({reason})", place(after))));
    }
    if differs("/status/stableRS") {
        let stable = text(after, "/status/stableRS");
        events.push((Kind::Progress, format!("{} is stable", name(history, key, stable))));
    }
    if text(after, "/status/phase") == "Healthy" && differs("/status/phase") {
        events.push((Kind::Progress, "Healthy".to_owned()));
    }
    events
}

/// The steps that were left behind, one line each; a jump over several is one line.
fn steps<'a>(before: &'a Value, after: &'a Value) -> impl Iterator<Item = String> + 'a {
    let index = |rollout: &Value| number(rollout, "/status/currentStepIndex").unwrap_or_default();
    let (from, to) = (index(before), index(after));
    let all = list(after, "/spec/strategy/canary/steps");
    let began = !text(before, "/status/stableRS").is_empty();
    let one = (began && to == from + 1).then(|| {
        let step = usize::try_from(from).ok().and_then(|at| all.get(at));
        format!("step {to}/{} done: {}", all.len(), step.map_or_else(String::new, describe))
    });
    let jump = (began && to > from + 1).then(|| format!("goes from step {from}/{0} to step {to}/{0}", all.len()));
    one.into_iter().chain(jump)
}

/// A step in words, without its duration, which differs where time is real.
fn describe(step: &Value) -> String {
    let kind = step.as_object().and_then(|fields| fields.iter().next());
    match kind {
        Some((name, Value::Number(value))) => format!("{name} {value}"),
        Some((name, _)) => name.clone(),
        None => "nothing".to_owned(),
    }
}

fn place(rollout: &Value) -> String {
    let at = number(rollout, "/status/currentStepIndex").unwrap_or_default();
    format!("{}/{}", at + 1, list(rollout, "/spec/strategy/canary/steps").len())
}

fn pause(rollout: &Value) -> Option<&str> {
    if flag(rollout, "/spec/paused") && text(rollout, "/status/phase") == "Paused" {
        return Some("by a person");
    }
    list(rollout, "/status/pauseConditions").first().map(|pause| text(pause, "/reason"))
}

/// The image of a Rollout's template; of what it has made of the workload that it refers to, where it has none.
fn image<'a>(history: &'a History, key: &Key, rollout: &'a Value) -> &'a str {
    const IMAGE: &str = "/spec/template/spec/containers/0/image";
    match text(rollout, IMAGE) {
        "" => history.set(key, text(rollout, "/status/currentPodHash")).map_or("", |(_, set)| text(set, IMAGE)),
        image => image,
    }
}

/// The name of a revision, by the number that its `ReplicaSet` bears.
fn name(history: &History, rollout: &Key, hash: &str) -> String {
    history.set(rollout, hash).map_or_else(|| "no revision".to_owned(), |(_, set)| revision_of(set))
}

fn revision_of(set: &Value) -> String {
    match view::annotation(set, view::REVISION) {
        "" => "revision ?".to_owned(),
        number => format!("revision {number}"),
    }
}
