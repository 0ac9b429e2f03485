//! Revisions: the `ReplicaSets` of a Rollout with their pods, and the analyses that judged them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use serin_crds::names::{HASH_LABEL, REVISION_ANNOTATION, SCALE_DOWN_DEADLINE_ANNOTATION};

use super::{
    Icon, Meta, Objects, Pod, Run, State,
    json::{annotation, condition, label, list, number, text, whole},
    runs,
};

/// One revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// Its number; 0 for what bears none.
    pub number: i64,
    /// Its `ReplicaSets`: one, unless somebody has been at work.
    pub sets: Vec<Set>,
    /// The analyses that judged it, in the order in which they began.
    pub runs: Vec<Run>,
}

/// What a `ReplicaSet` is for its Rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What everybody gets.
    Stable,
    /// What is being released step by step.
    Canary,
    /// What the active Service selects.
    Active,
    /// What the preview Service selects.
    Preview,
    /// The first of two Services that take turns.
    Ping,
    /// The second of them.
    Pong,
}

impl Role {
    /// The role as it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
            Self::Active => "active",
            Self::Preview => "preview",
            Self::Ping => "ping",
            Self::Pong => "pong",
        }
    }
}

/// A `ReplicaSet`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set {
    /// Its name and age.
    pub meta: Meta,
    /// How it stands.
    pub state: State,
    /// Its pod-template hash.
    pub hash: String,
    /// What it is for its Rollout; nothing for an old one.
    pub roles: Vec<Role>,
    /// The images of its containers.
    pub images: Vec<String>,
    /// How many pods it has.
    pub sizes: Sizes,
    /// Until when it keeps its pods, where that is limited.
    pub until: Option<Timestamp>,
    /// Its pods, the oldest first.
    pub pods: Vec<Pod>,
}

/// How many pods a `ReplicaSet` has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Asked for.
    pub desired: i64,
    /// There.
    pub current: i64,
    /// Available.
    pub available: i64,
}

impl Set {
    /// Says whether it has this role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// The revisions of a Rollout, the newest first.
pub(super) fn of(objects: &Objects<'_>) -> Vec<Revision> {
    let rollout = Meta::of(objects.rollout);
    let mut revisions: BTreeMap<i64, Revision> = BTreeMap::new();
    let mut sets: Vec<_> = objects.replica_sets.iter().filter(|set| rollout.owns(set)).collect();
    sets.sort_by_key(|set| text(set, "/metadata/name"));
    for set in sets {
        let number = annotation(set, REVISION_ANNOTATION).parse().unwrap_or_default();
        revisions.entry(number).or_default().sets.push(Set::of(set, objects));
    }
    for run in runs::of(objects) {
        revisions.entry(run.revision).or_default().runs.push(run);
    }
    let numbered = |(number, revision)| Revision { number, ..revision };
    revisions.into_iter().rev().map(numbered).collect()
}

impl Set {
    fn of(set: &Value, objects: &Objects<'_>) -> Self {
        let meta = Meta::of(set);
        let hash = label(set, HASH_LABEL);
        let images = list(set, "/spec/template/spec/containers").iter().map(|one| text(one, "/image").to_owned());
        let mut pods: Vec<Pod> = objects.pods.iter().filter(|pod| meta.owns(pod)).map(|pod| Pod::of(pod)).collect();
        pods.sort_by(|a, b| (a.meta.created, &a.meta.name).cmp(&(b.meta.created, &b.meta.name)));
        Self {
            state: health(set),
            hash: hash.to_owned(),
            roles: roles(objects.rollout, hash),
            images: images.collect(),
            sizes: Sizes {
                desired: number(set, "/spec/replicas"),
                current: number(set, "/status/replicas"),
                available: number(set, "/status/availableReplicas"),
            },
            until: annotation(set, SCALE_DOWN_DEADLINE_ANNOTATION).parse().ok(),
            pods,
            meta,
        }
    }
}

fn health(set: &Value) -> State {
    let desired = whole(set.pointer("/spec/replicas"));
    let observed = number(set, "/metadata/generation") <= number(set, "/status/observedGeneration");
    let refused = condition(set, "ReplicaFailure").is_some_and(|condition| text(condition, "/status") == "True");
    if observed && refused {
        State::new("ReplicaFailure", Icon::Bad)
    } else if !observed || desired.is_some_and(|desired| number(set, "/status/availableReplicas") < desired) {
        State::new("Progressing", Icon::Progressing)
    } else if desired == Some(0) {
        State::new("ScaledDown", Icon::Neutral)
    } else {
        State::new("Healthy", Icon::Ok)
    }
}

/// What the `ReplicaSet` of this hash is for the Rollout.
fn roles(rollout: &Value, hash: &str) -> Vec<Role> {
    let is = |pointer: &str| !hash.is_empty() && text(rollout, pointer) == hash;
    let has = |pointer: &str| rollout.pointer(pointer).is_some_and(|field| !field.is_null());
    let mut roles = Vec::new();
    roles.extend(is("/status/stableRS").then_some(Role::Stable));
    if has("/spec/strategy/canary") {
        let canary = roles.is_empty() && is("/status/currentPodHash");
        roles.extend(canary.then_some(Role::Canary));
        if has("/spec/strategy/canary/pingPong") && !roles.is_empty() {
            let stable_is_ping = text(rollout, "/status/canary/stablePingPong") == "ping";
            roles.push(if stable_is_ping == canary { Role::Pong } else { Role::Ping });
        }
    } else if is("/status/blueGreen/activeSelector") {
        roles.push(Role::Active);
    } else if is("/status/blueGreen/previewSelector") {
        roles.push(Role::Preview);
    }
    roles
}
