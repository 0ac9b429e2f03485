//! What can happen in a scenario: orders of people, edits of `GitOps` tools, faults.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Behaviour, Fault, Load, Manifest, Span};

/// One thing that happens, named as the scenario file names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum Action {
    /// Puts a new image into the Rollout's first container, as `kubectl argo rollouts set image` does.
    Release(Release),
    /// Takes the release back (`kubectl argo rollouts abort`).
    Abort,
    /// Tries an aborted release again (`retry rollout`).
    Retry,
    /// Ends the pause, or the step (`promote`).
    Promote,
    /// Skips everything that is left (`promote --full`).
    PromoteFull,
    /// Skips the current step, as Argo CD's action does.
    SkipStep,
    /// Sets `spec.paused` (`pause`).
    Pause,
    /// Clears `spec.paused` and the pause conditions (Argo CD's `resume`).
    Resume,
    /// Puts back the template of an older revision (`undo`).
    Undo(Undo),
    /// Sets `spec.replicas`.
    Scale(Scale),
    /// Patches any object.
    Patch(Patch),
    /// Applies a manifest by forced server-side apply, once or again and again.
    Apply(Apply),
    /// Deletes an object.
    Delete(Delete),
    /// Ends the controller at once, as SIGKILL does.
    KillController,
    /// Starts a new controller.
    StartController,
    /// Changes how Prometheus answers.
    Prometheus(PrometheusMode),
    /// Changes how an image behaves, in pods that run already too.
    Behave(Behave),
    /// Makes pods die by themselves.
    KillPods(KillPods),
    /// Changes the requests that users send.
    Load(Load),
    /// Something goes wrong for the controller.
    Fault(Fault),
}

impl Action {
    /// Says whether the action needs the one Rollout of the scenario.
    pub fn needs_rollout(&self) -> bool {
        !matches!(
            self,
            Self::Patch(_)
                | Self::Apply(_)
                | Self::Delete(_)
                | Self::KillController
                | Self::StartController
                | Self::Prometheus(_)
                | Self::Behave(_)
                | Self::Load(_)
                | Self::Fault(_)
        )
    }
}

/// Who does something; each has credentials and a field manager of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Who {
    /// A person with `kubectl`.
    #[default]
    Person,
    /// A tool that applies what is in Git.
    Gitops,
}

impl Who {
    /// The user name that the API server sees.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Gitops => "gitops",
        }
    }
}

/// A new image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Release {
    /// The image, with its tag.
    pub image: String,
}

/// Which revision to go back to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Undo {
    /// The revision's number; without it the second highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_revision: Option<u64>,
}

/// A new number of replicas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Scale {
    /// The number; 0 switches the service off.
    pub replicas: u32,
}

/// Names one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Target {
    /// Group and version, like `networking.istio.io/v1alpha3`; may be left out for the kinds that scenarios use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The kind, like `VirtualService`.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// `status` or another subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
}

/// The way a patch is to be understood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PatchType {
    /// RFC 6902, a list of operations.
    Json,
    /// RFC 7386.
    #[default]
    Merge,
    /// Kubernetes' strategic merge, built-in kinds only.
    Strategic,
}

impl PatchType {
    /// The media type that tells the API server.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
        }
    }
}

/// A patch of one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Patch {
    /// Which object.
    pub target: Target,
    /// How the body is to be understood.
    #[serde(default, rename = "type")]
    pub kind: PatchType,
    /// The patch.
    pub body: Value,
    /// Who patches.
    #[serde(default, rename = "as")]
    pub by: Who,
}

/// A forced server-side apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Apply {
    /// What is applied.
    pub manifest: Manifest,
    /// The time between one apply and the next; without it there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// For how long it goes on.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// Who applies.
    #[serde(default, rename = "as")]
    pub by: Who,
}

/// Deletes one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Delete {
    /// Which object.
    pub target: Target,
    /// What becomes of the objects that it owns.
    #[serde(default)]
    pub cascade: Cascade,
}

/// What becomes of the objects that a deleted one owns (`kubectl delete --cascade`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cascade {
    /// They are deleted after it.
    #[default]
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay, without owner.
    Orphan,
}

impl Cascade {
    /// The word of the API.
    pub const fn policy(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

/// How Prometheus answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PrometheusMode {
    /// As it should.
    #[default]
    Ok,
    /// Not at all: connections are refused.
    Down,
    /// Rightly, but only after this time.
    Slow(Span),
    /// With an empty vector, whatever is asked.
    Empty,
    /// With `NaN`, whatever is asked.
    Nan,
}

/// A change of how an image behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Behave {
    /// The image, with its tag.
    pub image: String,
    /// What it does from now on.
    pub behaviour: Behaviour,
}

/// Which side of a release is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// The version that was promoted last.
    Stable,
    /// The version that is being released.
    Canary,
}

/// Pods that die by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KillPods {
    /// Of which version.
    pub of: Side,
    /// How many; at most all of them die.
    pub count: u32,
    /// How long their successors need to become ready; as the image behaves when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_after: Option<Span>,
}
