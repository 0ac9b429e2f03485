//! What the controller may do: one table, from which every role is made.
//!
//! `controller/role.yaml`, the roles of the chart and of the plain install files are generated from it, and end-to-end
//! tests compare it with the calls that the controller really makes. Least privilege: each verb has a reason, roles
//! grant what is enabled and no more, and nothing here reads Secrets in the whole cluster.

use std::fmt::Write as _;

/// What a part of the table is for, and where its role is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// What every installation needs, wherever it watches.
    Core,
    /// Templates of the whole cluster; not with `--namespaced`.
    ClusterTemplates,
    /// Traffic routing by Istio.
    Istio,
    /// Traffic routing by the NGINX ingress controller.
    Nginx,
    /// Finding a leader; in the controller's own namespace only.
    LeaderElection,
    /// Arguments of analyses that are keys of Secrets; only in namespaces whose owner grants it.
    Secrets,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Core, Self::ClusterTemplates, Self::Istio, Self::Nginx, Self::LeaderElection, Self::Secrets];

    /// Those that are bound wherever Rollouts are watched.
    pub const WATCHING: [Self; 4] = [Self::Core, Self::ClusterTemplates, Self::Istio, Self::Nginx];

    /// Its name in the values of the chart.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::ClusterTemplates => "clusterTemplates",
            Self::Istio => "istio",
            Self::Nginx => "nginx",
            Self::LeaderElection => "leaderElection",
            Self::Secrets => "secrets",
        }
    }
}

/// Something that the controller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is for.
    pub feature: Feature,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resources, with subresources after a slash.
    pub resources: &'static [&'static str],
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// Why it is needed.
    pub why: &'static str,
}

const fn rule(
    feature: Feature,
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
    why: &'static str,
) -> Rule {
    Rule { feature, group, resources, verbs, why }
}

/// The table.
pub const RULES: &[Rule] = &[
    rule(
        Feature::Core,
        "argoproj.io",
        &["rollouts"],
        &["get", "list", "watch", "patch"],
        "Patched: the revision annotation, and spec.replicas where it is absent.",
    ),
    rule(
        Feature::Core,
        "argoproj.io",
        &["rollouts/status", "analysisruns/status"],
        &["patch"],
        "Runs have a status subresource only where somebody gave them one.",
    ),
    rule(
        Feature::Core,
        "argoproj.io",
        &["rollouts/finalizers"],
        &["update"],
        "What it makes blocks the deletion of its Rollout, which clusters may allow only to who may set finalizers.",
    ),
    rule(
        Feature::Core,
        "argoproj.io",
        &["analysisruns"],
        &["get", "list", "watch", "create", "patch", "delete"],
        "Made, measured, ended, and deleted beyond the history limits.",
    ),
    rule(Feature::Core, "argoproj.io", &["analysistemplates"], &["get", "list", "watch"], "Joined into runs."),
    rule(
        Feature::Core,
        "apps",
        &["replicasets"],
        &["get", "list", "watch", "create", "patch", "delete"],
        "One for each revision.",
    ),
    rule(
        Feature::Core,
        "apps",
        &["deployments"],
        &["get", "list", "watch"],
        "Read once a Rollout refers to one in spec.workloadRef; never written.",
    ),
    rule(
        Feature::Core,
        "apps",
        &["deployments/scale"],
        &["patch"],
        "The number of pods of a Deployment whose place a Rollout takes, as spec.workloadRef.scaleDown asks for.",
    ),
    rule(
        Feature::Core,
        "",
        &["podtemplates"],
        &["get", "list", "watch"],
        "Read once a Rollout refers to one in spec.workloadRef.",
    ),
    rule(
        Feature::Core,
        "",
        &["services"],
        &["get", "list", "watch", "patch"],
        "Patched: the selector of canary and stable Services.",
    ),
    rule(
        Feature::Core,
        "",
        &["pods"],
        &["list", "patch"],
        "Patched: the labels and annotations of canary and stable pods. Listed when those change or pods are restarted; never watched.",
    ),
    rule(Feature::Core, "", &["pods/eviction"], &["create"], "Pods older than spec.restartAt are evicted."),
    rule(Feature::Core, "", &["events"], &["create", "patch"], "Patched: the count of an event that is repeated."),
    rule(
        Feature::ClusterTemplates,
        "argoproj.io",
        &["clusteranalysistemplates"],
        &["get", "list", "watch"],
        "Joined into runs.",
    ),
    rule(
        Feature::Istio,
        "networking.istio.io",
        &["virtualservices", "destinationrules"],
        &["get", "list", "watch", "patch"],
        "Patched: weights, and the labels of subsets.",
    ),
    rule(
        Feature::Nginx,
        "networking.k8s.io",
        &["ingresses"],
        &["get", "list", "watch", "create", "patch"],
        "Made and patched: the canary Ingress, whose annotation holds the weight.",
    ),
    rule(
        Feature::LeaderElection,
        "coordination.k8s.io",
        &["leases"],
        &["get", "create", "update"],
        "One lease, so that two controllers never work at the same time.",
    ),
    rule(
        Feature::Secrets,
        "",
        &["secrets"],
        &["get"],
        "Arguments of analyses may be keys of Secrets; they are read one by one, when they are needed.",
    ),
];

/// The same for the loop into Git, which runs under a name of its own: nothing here changes what runs.
pub const LOOP_RULES: &[Rule] = &[
    rule(Feature::Core, "serin.dev", &["rollbackpolicies"], &["get", "list", "watch"], "What it carries out."),
    rule(Feature::Core, "serin.dev", &["rollbackpolicies/status"], &["patch"], "What it has done."),
    rule(
        Feature::Core,
        "argoproj.io",
        &["rollouts"],
        &["get", "list", "watch"],
        "Watched for aborts; read for the proof.",
    ),
    rule(Feature::Core, "argoproj.io", &["analysisruns"], &["list"], "Of an aborted release: which metric failed."),
    rule(Feature::Core, "apps", &["replicasets"], &["list"], "Of an aborted release: the images of both versions."),
    rule(Feature::Core, "", &["events"], &["create"], "How a rollback goes is told at its Rollout."),
    rule(
        Feature::LeaderElection,
        "coordination.k8s.io",
        &["leases"],
        &["get", "create", "update"],
        "One lease, so that two never push at the same time.",
    ),
    rule(
        Feature::Secrets,
        "",
        &["secrets"],
        &["get"],
        "Credentials that policies name are read one by one, when they are needed.",
    ),
];

/// The rules of a feature, in the order of the table.
pub fn of(feature: Feature) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.feature == feature)
}

/// The rule that allows a call, if one does; `resource` has its subresource after a slash.
pub fn allowing(group: &str, resource: &str, verb: &str) -> Option<&'static Rule> {
    let allows = |rule: &&Rule| rule.group == group && rule.resources.contains(&resource) && rule.verbs.contains(&verb);
    RULES.iter().find(allows)
}

/// The text of `controller/role.yaml`: one role for what is watched, and one each for what is bound elsewhere.
pub fn role_file() -> String {
    let roles: [(&str, &[Feature], &str); 3] = [
        (
            "serin",
            &Feature::WATCHING,
            "Bind it wherever Rollouts are watched: with a ClusterRoleBinding, or in one namespace.",
        ),
        ("serin-leader-election", &[Feature::LeaderElection], "Bind it in the controller's own namespace."),
        (
            "serin-secrets",
            &[Feature::Secrets],
            "Bind it with a RoleBinding, in namespaces whose analyses have arguments from Secrets, and nowhere else.",
        ),
    ];
    let mut text = HEAD.to_owned();
    for (number, (name, features, about)) in roles.into_iter().enumerate() {
        let between = if number == 0 { "" } else { "---\n" };
        let rules: Vec<_> = features.iter().copied().flat_map(of).collect();
        let head = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n";
        // Writing to a String cannot fail.
        let _ = write!(text, "{between}# {about}\n{head}  name: {name}\nrules:\n{}", list(&rules, "  "));
    }
    text
}

/// The text of `charts/serin/files/rbac.yaml`: the rules of each feature by its name.
pub fn chart_file() -> String {
    by_feature(RULES, &Feature::ALL)
}

/// The text of `charts/serin/files/gitops/rbac.yaml`: the same for the loop into Git.
pub fn loop_file() -> String {
    by_feature(LOOP_RULES, &[Feature::Core, Feature::LeaderElection, Feature::Secrets])
}

fn by_feature(table: &[Rule], features: &[Feature]) -> String {
    let mut text = HEAD.to_owned();
    for feature in features {
        let rules: Vec<_> = table.iter().filter(|rule| rule.feature == *feature).collect();
        let _ = write!(text, "{}:\n{}", feature.name(), list(&rules, "  "));
    }
    text
}

const HEAD: &str = "# Made by `make crds` from the table in crds/src/rbac.rs; don't edit.\n";

/// Rules as YAML, each under its reason.
fn list(rules: &[&Rule], indent: &str) -> String {
    let mut text = String::new();
    for Rule { group, resources, verbs, why, .. } in rules {
        let group = if group.is_empty() { "\"\"" } else { group };
        let (resources, verbs) = (resources.join(", "), verbs.join(", "));
        let _ = write!(
            text,
            "{indent}# {why}\n{indent}- apiGroups: [{group}]\n{indent}  resources: [{resources}]\n{indent}  verbs: [{verbs}]\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_granted_that_has_no_need() {
        for Rule { group, resources, verbs, why, .. } in RULES.iter().chain(LOOP_RULES) {
            let words = [&[*group], *resources, *verbs].concat();
            assert!(words.iter().all(|word| !word.contains('*')), "{words:?}");
            assert!(!verbs.iter().any(|verb| ["escalate", "bind", "impersonate", "deletecollection"].contains(verb)));
            assert!(why.ends_with('.') && !verbs.is_empty() && !resources.is_empty(), "{why}");
        }
    }

    #[test]
    fn secrets_and_leases_are_granted_apart_from_what_is_watched() {
        let watched: Vec<_> = Feature::WATCHING.into_iter().flat_map(of).flat_map(|rule| rule.resources).collect();
        assert!(watched.iter().all(|resource| !["secrets", "leases", "configmaps"].contains(resource)));
        assert_eq!(allowing("", "pods", "watch"), None, "every pod of a cluster in memory is too much");
        assert_eq!(allowing("", "secrets", "get").map(|rule| rule.feature), Some(Feature::Secrets));
        assert_eq!(allowing("", "secrets", "list"), None);
    }

    #[test]
    fn the_loop_into_git_changes_nothing_that_runs() {
        let writes = |rule: &&Rule| rule.verbs.iter().any(|verb| !["get", "list", "watch"].contains(verb));
        let written: Vec<_> = LOOP_RULES.iter().filter(writes).flat_map(|rule| rule.resources).collect();
        assert_eq!(written, [&"rollbackpolicies/status", &"events", &"leases"]);
    }

    #[test]
    fn every_rule_stands_once() {
        let mut calls: Vec<_> =
            RULES.iter().flat_map(|rule| rule.resources.iter().map(move |resource| (rule.group, *resource))).collect();
        calls.sort_unstable();
        let all = calls.len();
        calls.dedup();
        assert_eq!(calls.len(), all);
    }
}
