//! Shortening: real time is dear, so on real parts every duration of a scenario is divided by a declared factor.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, Fault, Outcome, PrometheusMode, Scenario, ScenarioError, Span};

/// By how much durations are shortened where time is real.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Scale {
    /// Durations are divided by this; 1 leaves them as they are.
    #[serde(default = "Scale::no_factor")]
    pub factor: u32,
    /// No duration becomes shorter than this, unless it was shorter before.
    #[serde(default = "Scale::usual_floor")]
    pub floor: Span,
}

impl Default for Scale {
    fn default() -> Self {
        Self { factor: Self::no_factor(), floor: Self::usual_floor() }
    }
}

/// Fields of manifests that hold a duration as text or as whole seconds.
const DURATIONS: [&str; 8] = [
    "duration",
    "interval",
    "initialDelay",
    "scaleDownDelaySeconds",
    "abortScaleDownDelaySeconds",
    "progressDeadlineSeconds",
    "minReadySeconds",
    "step",
];

impl Scale {
    const fn no_factor() -> u32 {
        1
    }

    const fn usual_floor() -> Span {
        Span::seconds(2)
    }

    pub(super) fn validate(self, path: &str) -> Result<(), ScenarioError> {
        if self.factor == 0 {
            return Err(ScenarioError::field(format!("{path}.factor"), "is 0; it must be at least 1"));
        }
        Ok(())
    }

    /// Shortens one duration.
    pub fn shorten(self, span: Span) -> Span {
        let shorter = span.duration() / self.factor.max(1);
        Span::from(shorter.max(self.floor.duration()).min(span.duration()))
    }

    fn seconds(self, seconds: u64) -> u64 {
        let millis = self.shorten(Span::seconds(seconds)).duration().as_millis();
        u64::try_from(millis.div_ceil(1000)).unwrap_or(seconds)
    }

    fn text(self, text: &str) -> String {
        text.parse::<Span>().map_or_else(|_| text.to_owned(), |span| self.shorten(span).to_string())
    }

    fn value(self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut() {
                    match (name.as_str(), &*field) {
                        ("query", Value::String(query)) => *field = self.query(query).into(),
                        (known, Value::String(text)) if DURATIONS.contains(&known) => {
                            *field = self.text(text).into();
                        }
                        (known, Value::Number(number)) if DURATIONS.contains(&known) => {
                            if let Some(seconds) = number.as_u64() {
                                *field = self.seconds(seconds).into();
                            }
                        }
                        _ => self.value(field),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            _ => {}
        }
    }

    fn action(self, action: &mut Action) {
        match action {
            Action::Apply(apply) => {
                if let Some(object) = apply.manifest.object.as_mut() {
                    self.value(object);
                }
                apply.span = apply.span.map(|span| self.shorten(span));
                apply.every = apply.every.map(|every| self.shorten(every));
            }
            Action::Behave(behave) => {
                behave.behaviour.ready_after = self.shorten(behave.behaviour.ready_after);
            }
            Action::KillPods(kill) => {
                kill.back_after = kill.back_after.map(|span| self.shorten(span));
            }
            Action::Patch(patch) => self.value(&mut patch.body),
            Action::Prometheus(PrometheusMode::Slow(span)) => *span = self.shorten(*span),
            Action::Fault(fault) => self.fault(fault),
            _ => {}
        }
    }

    fn fault(self, fault: &mut Fault) {
        let span = match fault {
            Fault::Calls(calls) => {
                calls.span = calls.span.map(|span| self.shorten(span));
                let Outcome::Delay(span) = &mut calls.what else { return };
                span
            }
            Fault::Lag(lag) => &mut lag.by,
            Fault::Silence(silence) => &mut silence.span,
            Fault::Coalesce(coalesce) => &mut coalesce.over,
            _ => return,
        };
        *span = self.shorten(*span);
    }

    /// Shortens the windows (`[5m]`) of a query.
    fn query(self, query: &str) -> String {
        let mut shorter = String::with_capacity(query.len());
        let mut rest = query;
        while let Some((before, (window, tail))) =
            rest.split_once('[').and_then(|(before, after)| Some((before, after.split_once(']')?)))
        {
            shorter.push_str(before);
            shorter.push('[');
            shorter.push_str(&self.text(window));
            shorter.push(']');
            rest = tail;
        }
        shorter.push_str(rest);
        shorter
    }
}

impl Scenario {
    /// The same story with every duration shortened by its own [`Scale`], for worlds in which time is real.
    #[must_use]
    pub fn shortened(&self) -> Self {
        let scale = self.scale;
        let mut scenario = self.clone();
        for object in scenario.manifests.iter_mut().filter_map(|manifest| manifest.object.as_mut()) {
            scale.value(object);
        }
        for entry in &mut scenario.timeline {
            for span in [&mut entry.at, &mut entry.after].into_iter().flatten() {
                *span = scale.shorten(*span);
            }
        }
        for behaviour in scenario.images.values_mut() {
            behaviour.ready_after = scale.shorten(behaviour.ready_after);
        }
        scenario.faults.iter_mut().for_each(|fault| scale.fault(fault));
        for action in scenario.timeline.iter_mut().flat_map(|entry| &mut entry.actions) {
            scale.action(action);
        }
        scenario.expect.hold = scale.shorten(scenario.expect.hold);
        scenario.expect.quiet = scale.shorten(scenario.expect.quiet);
        scenario
    }
}
