//! A scenario: one YAML file that says what a world starts from, what happens to it, and how it has to end.
//!
//! The same file is played by the simulator in virtual time and on real parts with shortened durations ([`Scale`]).

mod action;
mod action_runner;
mod check;
mod fault;
mod frame;
mod images;
mod last_state;
mod manifest;
mod orders;
mod player;
mod routing_state;
mod scale;
mod shipped;
mod span;
mod users;
mod world;

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::images::check_behaviour;

pub use self::{
    action::{
        Action, Apply, Behave, Cascade, Delete, KillPods, Patch, PatchType, PrometheusMode, Release, Side, Target,
        Undo, Who,
    },
    check::{Check, Field, Observation, Pods},
    fault::{CallFault, ClockStep, Coalesce, Fault, Lag, OfKind, Outcome, Silence, Webhook},
    frame::Frame,
    images::{Behaviour, Flaps},
    last_state::{LastState, Phase, Sizes},
    manifest::{Manifest, Reader},
    orders::plural,
    player::{Played, Watcher, play},
    scale::Scale,
    shipped::{shipped, shipped_names},
    span::{Span, SpanError},
    world::{World, WorldError},
};

/// The namespace of every object that names none.
pub const NAMESPACE: &str = "default";

/// A story with a world before it and an end after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Scenario {
    /// A short name; the file's name without its ending.
    pub name: String,
    /// One sentence that says what happens and how it ends.
    pub description: String,
    /// How durations are shortened where time is real.
    #[serde(default)]
    pub scale: Scale,
    /// The objects that are there at the start, in the order they are applied.
    pub manifests: Vec<Manifest>,
    /// The requests that users send.
    #[serde(default)]
    pub load: Load,
    /// How each image behaves; what is not named behaves well.
    #[serde(default)]
    pub images: BTreeMap<String, Behaviour>,
    /// What goes wrong from the start on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What happens, one entry after the other.
    #[serde(default)]
    pub timeline: Vec<Entry>,
    /// How it has to end, and what users may have felt.
    pub expect: Expect,
}

/// The requests that users send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Load {
    /// The host that is asked, as a client in the same namespace names it; the Rollout's name when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Requests per second; 0 sends none.
    #[serde(default = "Load::usual_rate")]
    pub requests_per_second: f64,
    /// The proxies that they come through.
    #[serde(default)]
    pub proxies: Proxies,
}

/// Proxies that learn of changes at times of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Proxies {
    /// How many there are.
    pub count: usize,
    /// How late each learns of each change, at most.
    pub lag: Span,
    /// What the times are drawn from.
    pub seed: u64,
}

impl Default for Proxies {
    fn default() -> Self {
        Self { count: 1, lag: Span::default(), seed: 0 }
    }
}

impl Load {
    const fn usual_rate() -> f64 {
        50.0
    }
}

impl Default for Load {
    fn default() -> Self {
        Self { host: None, requests_per_second: Self::usual_rate(), proxies: Proxies::default() }
    }
}

/// One entry of the timeline: waits for its moment, looks, then acts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    /// Waits until this time since the start of the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Span>,
    /// Waits until the world looks like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Check>,
    /// How long `when` may take; a scenario that waits longer has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// Waits this much longer: after `when`, or after the entry before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// How the world has to look before the actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// What happens then, in this order, at once.
    #[serde(default, rename = "do", skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
}

impl Entry {
    /// How long `when` may take.
    pub fn limit(&self) -> Span {
        self.within.unwrap_or(Span::seconds(30 * 60))
    }
}

/// How a scenario has to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expect {
    /// How long the end may take after the last entry.
    pub within: Span,
    /// How the world looks in the end.
    pub end: Check,
    /// How long it has to stay like that.
    #[serde(default = "Expect::usual_hold")]
    pub hold: Span,
    /// How long nothing at all has to happen after that; `0s` where the end is no rest.
    #[serde(default = "Expect::usual_quiet")]
    pub quiet: Span,
    /// What users may have felt.
    #[serde(default)]
    pub felt: FeltLimits,
}

impl Expect {
    const fn usual_hold() -> Span {
        Span::seconds(60)
    }

    const fn usual_quiet() -> Span {
        Span::seconds(90)
    }
}

/// What users may have felt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FeltLimits {
    /// 5xx answers that the application did not send: by default none at all.
    #[serde(default, rename = "foreign5xx")]
    pub foreign_5xx: u64,
    /// Canary weights that users must have felt, each with the share that it promises.
    #[serde(default)]
    pub shares: Vec<u32>,
    /// Requests reach the canary by other ways than the route too, so that its share says nothing.
    #[serde(default)]
    pub unsplit: bool,
    /// The least number of requests; fewer mean that nothing was asserted.
    #[serde(default)]
    pub requests: u64,
}

/// Why a scenario can't be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what a scenario or a manifest looks like.
    #[error("{path} is not well formed")]
    Yaml {
        /// The file.
        path: String,
        /// Where, and what was expected.
        source: Box<serde_saphyr::Error>,
    },
    /// A field says something that can't be.
    #[error("{path} {why}")]
    Field {
        /// The path of the field.
        path: String,
        /// What is wrong and what to change.
        why: String,
    },
}

impl ScenarioError {
    /// Makes an error about one field.
    pub fn field(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Field { path: path.into(), why: why.into() }
    }
}

impl Scenario {
    /// Reads a scenario from a file; the files that it names are looked for in `base`, or else beside it.
    ///
    /// # Errors
    /// When a file is missing or malformed, or when the scenario contradicts itself.
    pub fn load(path: &Path, base: Option<&Path>) -> Result<Self, ScenarioError> {
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| ScenarioError::Read { path: shown.clone(), source })?;
        let folder = base.or(path.parent()).unwrap_or(Path::new("."));
        Self::parse(&shown, &text, &|file| std::fs::read_to_string(folder.join(file)))
    }

    /// Reads a scenario from its text; `read` finds the files that it names.
    ///
    /// # Errors
    /// As [`Scenario::load`].
    pub fn parse(shown: &str, text: &str, read: Reader<'_>) -> Result<Self, ScenarioError> {
        let mut scenario: Self = serde_saphyr::from_str(text)
            .map_err(|source| ScenarioError::Yaml { path: shown.to_owned(), source: Box::new(source) })?;
        let mut resolved = Vec::with_capacity(scenario.manifests.len());
        for (at, manifest) in std::mem::take(&mut scenario.manifests).into_iter().enumerate() {
            resolved.extend(manifest.resolve(&format!("{shown}: manifests[{at}]"), read)?);
        }
        scenario.manifests = resolved;
        for (at, entry) in scenario.timeline.iter_mut().enumerate() {
            resolve_applied(&format!("{shown}: timeline[{at}]"), entry, read)?;
        }
        scenario.validate(shown)?;
        Ok(scenario)
    }

    /// The objects that are there at the start, in the order they are applied.
    pub fn objects(&self) -> impl Iterator<Item = &Value> {
        self.manifests.iter().filter_map(|manifest| manifest.object.as_ref())
    }

    /// The scenario's one Rollout: in its manifests, or applied later on.
    pub fn rollout(&self) -> Option<&Value> {
        self.objects().chain(self.applied()).find(|object| is_rollout(object))
    }

    /// The objects that somebody applies in its course.
    fn applied(&self) -> impl Iterator<Item = &Value> {
        let actions = self.timeline.iter().flat_map(|entry| &entry.actions);
        actions.filter_map(|action| match action {
            Action::Apply(apply) => apply.manifest.object.as_ref(),
            _ => None,
        })
    }

    /// The name of the scenario's one Rollout; empty when there is none.
    pub fn rollout_name(&self) -> &str {
        self.rollout().and_then(|rollout| rollout.pointer("/metadata/name")).and_then(Value::as_str).unwrap_or_default()
    }

    /// Says whether nothing goes wrong for the controller from its start to its end.
    pub fn fair(&self) -> bool {
        let actions = self.timeline.iter().flat_map(|entry| &entry.actions);
        let unfair = |action: &Action| matches!(action, Action::Fault(_) | Action::KillController);
        self.faults.is_empty() && !actions.into_iter().any(unfair)
    }

    /// The host that users ask.
    pub fn host(&self) -> &str {
        self.load.host.as_deref().unwrap_or(self.rollout_name())
    }

    /// How an image behaves, at first.
    pub fn behaviour(&self, image: &str) -> Behaviour {
        self.images.get(image).cloned().unwrap_or_default()
    }

    fn validate(&self, shown: &str) -> Result<(), ScenarioError> {
        let rollouts = self.objects().filter(|object| is_rollout(object)).count();
        let later = rollouts == 0 && self.rollout().is_some();
        if rollouts != 1 && !later {
            let why = format!("hold {rollouts} Rollouts; a scenario is the story of one");
            return Err(ScenarioError::field(format!("{shown}: manifests"), why));
        }
        let rate = self.load.requests_per_second;
        if !(0.0..=100_000.0).contains(&rate) {
            let why = format!("is {rate}; it must be 0 to 100000");
            return Err(ScenarioError::field(format!("{shown}: load.requestsPerSecond"), why));
        }
        for (image, behaviour) in &self.images {
            check_behaviour(&format!("{shown}: images[{image:?}]"), behaviour)?;
        }
        for (at, fault) in self.faults.iter().enumerate() {
            fault.validate(&format!("{shown}: faults[{at}]"))?;
        }
        for (at, entry) in self.timeline.iter().enumerate() {
            check_entry(&format!("{shown}: timeline[{at}]"), entry)?;
        }
        self.scale.validate(&format!("{shown}: scale"))
    }
}

fn check_entry(path: &str, entry: &Entry) -> Result<(), ScenarioError> {
    if entry.at.is_some() && (entry.when.is_some() || entry.after.is_some()) {
        return Err(ScenarioError::field(path, "has `at` beside `when` or `after`; keep one of them"));
    }
    if entry.within.is_some() && entry.when.is_none() {
        return Err(ScenarioError::field(path, "has `within` without `when`; say what is waited for"));
    }
    if entry.check.is_none() && entry.actions.is_empty() && entry.when.is_none() {
        return Err(ScenarioError::field(path, "has neither `do` nor `check` nor `when`; say what happens"));
    }
    for (at, action) in entry.actions.iter().enumerate() {
        let path = format!("{path}.do[{at}]");
        match action {
            Action::Apply(apply) if apply.every.is_some() != apply.span.is_some() => {
                return Err(ScenarioError::field(path, "has `every` without `for`, or the other way round"));
            }
            Action::Apply(apply) if apply.every.is_some_and(|every| every.duration().is_zero()) => {
                return Err(ScenarioError::field(path, "has `every: 0s`; it must be longer"));
            }
            Action::Fault(fault) => fault.validate(&format!("{path}.fault"))?,
            Action::Behave(behave) => {
                check_behaviour(&format!("{path}.behave.behaviour"), &behave.behaviour)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn resolve_applied(path: &str, entry: &mut Entry, read: Reader<'_>) -> Result<(), ScenarioError> {
    for (at, action) in entry.actions.iter_mut().enumerate() {
        let Action::Apply(apply) = action else {
            continue;
        };
        let path = format!("{path}.do[{at}].apply.manifest");
        let mut objects = apply.manifest.clone().resolve(&path, read)?;
        match (objects.pop(), objects.is_empty()) {
            (Some(one), true) => apply.manifest = one,
            _ => return Err(ScenarioError::field(path, "must hold one object")),
        }
    }
    Ok(())
}

fn is_rollout(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Rollout")
}

#[cfg(test)]
mod tests;
