//! What a Rollout says of itself.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Icon, Meta, State,
    json::{condition, flag, instant, list, number, text, whole},
    steps,
};

/// What a Rollout says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Its name and age.
    pub meta: Meta,
    /// Its phase.
    pub state: State,
    /// Why it is in this phase; may be empty.
    pub message: String,
    /// How it releases.
    pub strategy: Strategy,
    /// Its pods.
    pub replicas: Replicas,
    /// What it waits for.
    pub wait: Option<Wait>,
}

/// How a Rollout releases.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Strategy {
    /// Step by step.
    Canary(Canary),
    /// All at once, with a preview.
    BlueGreen,
    /// It does not say.
    #[default]
    None,
}

impl Strategy {
    /// The name of the strategy; empty without one.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Canary(_) => "Canary",
            Self::BlueGreen => "BlueGreen",
            Self::None => "",
        }
    }

    /// The canary, where it is one.
    pub const fn canary(&self) -> Option<&Canary> {
        match self {
            Self::Canary(canary) => Some(canary),
            _ => None,
        }
    }
}

/// Where a canary stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Canary {
    /// Its steps in words.
    pub steps: Vec<String>,
    /// The current step, counted from 0; the number of steps when all are done; nothing before the first status.
    pub index: Option<usize>,
    /// Whether the update was aborted.
    pub aborted: bool,
    /// The weight that the steps ask for.
    pub set_weight: i64,
    /// The weight that the router was given; nothing without a router.
    pub routed_weight: Option<i64>,
    /// The weight of all traffic.
    pub total: i64,
}

impl Canary {
    /// Says whether no step is left.
    pub fn done(&self) -> bool {
        self.index.unwrap_or_default() >= self.steps.len()
    }

    /// Where it stands among its steps, such as `2/5`; empty without steps.
    pub fn place(&self) -> String {
        match self.index {
            Some(index) if !self.steps.is_empty() => format!("{index}/{}", self.steps.len()),
            _ => String::new(),
        }
    }
}

/// Numbers of pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    /// Asked for.
    pub desired: i64,
    /// There.
    pub current: i64,
    /// There, of the desired revision.
    pub updated: i64,
    /// Ready.
    pub ready: i64,
    /// Available.
    pub available: i64,
}

/// What is waited for: the condition `Reconciling`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// The reason in one word.
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// Since when.
    pub since: Option<Timestamp>,
}

impl Summary {
    /// Reads a Rollout.
    pub fn of(rollout: &Value) -> Self {
        let (word, message) = phase(rollout);
        let icon = match word {
            "Healthy" => Icon::Ok,
            "Degraded" => Icon::Bad,
            "Progressing" => Icon::Progressing,
            "Paused" => Icon::Paused,
            "Error" | "InvalidSpec" => Icon::Warning,
            "ScaledDown" => Icon::Neutral,
            "Unknown" => Icon::Unknown,
            _ => Icon::None,
        };
        let strategy = match rollout.pointer("/spec/strategy") {
            Some(all) if all.get("canary").is_some_and(|one| !one.is_null()) => Strategy::Canary(canary(rollout)),
            Some(all) if all.get("blueGreen").is_some_and(|one| !one.is_null()) => Strategy::BlueGreen,
            _ => Strategy::None,
        };
        Self {
            meta: Meta::of(rollout),
            state: State::new(word, icon),
            message: message.to_owned(),
            strategy,
            replicas: replicas(rollout),
            wait: wait(rollout),
        }
    }
}

/// The phase and its message. What a status says of an older spec, or of a pause that a person has just ended, does not
/// count any more.
fn phase(rollout: &Value) -> (&str, &str) {
    let field = rollout.pointer("/status/observedGeneration");
    let observed = field.and_then(|field| field.as_i64().or_else(|| field.as_str()?.parse().ok()));
    if observed.is_some_and(|observed| observed < number(rollout, "/metadata/generation")) {
        return ("Progressing", "waiting for rollout spec update to be observed");
    }
    if flag(rollout, "/status/controllerPause") && list(rollout, "/status/pauseConditions").is_empty() {
        return ("Progressing", "waiting for rollout to unpause");
    }
    (text(rollout, "/status/phase"), text(rollout, "/status/message"))
}

fn canary(rollout: &Value) -> Canary {
    let steps = list(rollout, "/spec/strategy/canary/steps");
    let index = rollout.pointer("/status/currentStepIndex").and_then(Value::as_u64);
    let index = index.map(|index| usize::try_from(index).unwrap_or(usize::MAX));
    let total = match number(rollout, "/spec/strategy/canary/trafficRouting/maxTrafficWeight") {
        0 => 100,
        total => total,
    };
    let aborted = flag(rollout, "/status/abort");
    let current = index.unwrap_or_default();
    let set_weight = match steps.get(..=current) {
        _ if aborted => 0,
        Some(passed) => passed.iter().rev().find_map(|step| whole(step.get("setWeight"))).unwrap_or_default(),
        None => total,
    };
    let routed = rollout.pointer("/spec/strategy/canary/trafficRouting").is_some_and(|routing| !routing.is_null());
    let weight = whole(rollout.pointer("/status/canary/weights/canary/weight"));
    let routed_weight = routed.then(|| weight.unwrap_or(set_weight));
    Canary { steps: steps.iter().map(steps::describe).collect(), index, aborted, set_weight, routed_weight, total }
}

fn replicas(rollout: &Value) -> Replicas {
    let status = |field: &str| number(rollout, &format!("/status/{field}"));
    Replicas {
        desired: whole(rollout.pointer("/spec/replicas")).unwrap_or(1),
        current: status("replicas"),
        updated: status("updatedReplicas"),
        ready: status("readyReplicas"),
        available: status("availableReplicas"),
    }
}

fn wait(rollout: &Value) -> Option<Wait> {
    let condition = condition(rollout, "Reconciling").filter(|condition| text(condition, "/reason") != "Settled")?;
    Some(Wait {
        reason: text(condition, "/reason").to_owned(),
        message: text(condition, "/message").to_owned(),
        since: instant(condition, "/lastTransitionTime"),
    })
}
