//! The RollbackPolicy: how an automatic rollback gets into Git, and who hears of it.

pub mod path;
mod status;
pub mod template;

pub use status::*;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::NamespaceResourceScope;
use serde::{Deserialize, Serialize};

use crate::analysis::SecretKeyRef;
use crate::lenient;
use crate::names::{AbortCause, NoticeMoment, Ruling, WriteMode};

/// A RollbackPolicy: how an automatic rollback gets into Git, and who hears of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RollbackPolicy {
    /// Name, namespace, labels and the rest of the standard metadata.
    pub metadata: ObjectMeta,
    /// What is to be done.
    pub spec: RollbackPolicySpec,
    /// What was done.
    pub status: RollbackPolicyStatus,
}

crate::object::resource!(serin RollbackPolicy, "RollbackPolicy", "rollbackpolicies", NamespaceResourceScope, status);

/// What is to be done after an automatic rollback of the Rollouts that are selected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackPolicySpec {
    /// Which Rollouts of the policy's namespace.
    pub selector: RollbackSelector,
    /// Which aborts count: Analysis, Deadline, Person; the first two when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<AbortCause>,
    /// Nothing new is begun while this is true.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub suspend: bool,
    /// Who decides whether Git may be changed; nobody is asked when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<RollbackGate>,
    /// Where the image stands, and how it is written.
    pub git: RollbackGit,
    /// Who is told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<RollbackNotice>,
    /// How long the rollback may take to show in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<RollbackProof>,
}

/// Which Rollouts, by name, by labels or by both; a Rollout has to fit all that is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackSelector {
    /// Names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Labels that they must have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}

/// Who decides whether Git may be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackGate {
    /// Open Policy Agent, over its REST interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opa: Option<OpaGate>,
}

/// Open Policy Agent, over its REST interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct OpaGate {
    /// Address of the server, such as http://opa.policy:8181.
    pub url: String,
    /// Path of the decision below /v1/data, such as serin/rollback. Its value is true or false, or an object with allow and
    /// reasons.
    pub path: String,
    /// Key of a Secret with the bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretKeyRef>,
    /// How long an answer may take; 2s when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub timeout: Option<String>,
    /// Allow, Deny or Hold where the policy has no opinion; Deny when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undefined: Option<Ruling>,
    /// Allow, Deny or Hold while it cannot be asked; Hold when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Ruling>,
}

/// Where the image stands in Git, and how it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackGit {
    /// The repository, over https or ssh; without user name and password.
    pub url: String,
    /// The branch that is synced.
    pub branch: String,
    /// Secret with username and password (a token is a password), or with ssh-privatekey and known_hosts; ca.crt may be
    /// added for https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<RollbackSecret>,
    /// The places to change, all in one commit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<ImageEdit>,
    /// Push when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<WriteMode>,
    /// Whom commits name; Serin when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<CommitAuthor>,
    /// Secret with ssh-privatekey, an OpenSSH key without a passphrase that signs commits; they are not signed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing: Option<RollbackSecret>,
    /// Template of the commit message, with places such as {{to}} and {{reason}}; trailers are added.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
    /// How long one call of git may take; 60s when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub timeout: Option<String>,
}

/// Names a Secret in the policy's namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackSecret {
    /// Its name.
    pub name: String,
}

/// A place where an image stands: a file, and one of yaml, kustomize and helm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ImageEdit {
    /// Path from the root of the repository; {{rollout}}, {{namespace}} and {{labels.NAME}} are filled in.
    pub file: String,
    /// The container whose image it is; needed where images of several containers change in a release.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub container: Option<String>,
    /// A field of a manifest that holds a whole image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yaml: Option<YamlEdit>,
    /// An entry of images in a kustomization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<KustomizeEdit>,
    /// Values of a Helm chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmEdit>,
}

/// A field of a manifest that holds a whole image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct YamlEdit {
    /// Where it stands, such as spec.template.spec.containers[name=web].image.
    pub path: String,
    /// Kind of the document, where the file has several.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// Name in the metadata of the document, where the file has several.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub name: Option<String>,
}

/// An entry of images in a kustomization: its newTag, digest and newName.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct KustomizeEdit {
    /// The entry's name.
    pub image: String,
}

/// Values of a Helm chart, by their paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct HelmEdit {
    /// The tag, such as image.tag.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub tag: Option<String>,
    /// The repository; compared and changed too where it is given.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub repository: Option<String>,
    /// The digest, with its sha256: in front.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub digest: Option<String>,
}

/// Whom commits name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct CommitAuthor {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// Somebody who is told: one of slack and webhook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackNotice {
    /// A name by which the status knows it.
    pub name: String,
    /// Committed, Denied, Failed, Late, Proved; all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<NoticeMoment>,
    /// A channel of Slack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack: Option<SlackNotice>,
    /// Any HTTP server that takes JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookNotice>,
}

/// A channel of Slack: by a bot's token, or by an incoming webhook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct SlackNotice {
    /// Id of the channel, such as C0123456789; with token.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub channel: Option<String>,
    /// Key of a Secret with the bot's token (xoxb-); what follows in a rollback goes into the thread of the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretKeyRef>,
    /// Key of a Secret with the address of an incoming webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<SecretKeyRef>,
    /// Address of the interface; https://slack.com/api when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub url: Option<String>,
}

/// Any HTTP server that takes JSON by POST.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct WebhookNotice {
    /// Where to.
    pub url: String,
    /// Key of a Secret with the bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretKeyRef>,
}

/// How long the rollback may take to show in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackProof {
    /// From the commit until the Rollout is healthy on the version that was stable; 10m when absent. Afterwards people are
    /// told that it is late, and it is waited for on.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub timeout: Option<String>,
}
