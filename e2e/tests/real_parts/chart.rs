//! The chart: Helm 4 and Helm 3 find no fault in it, render the plain install files, install it, upgrade it and take it back; and
//! what it grants on a real API server is what the controller needs.

use std::{path::Path, process::Command};

use serde_json::json;
use serin_e2e::{
    runner::Fault,
    world::{Options, Parts, User, World},
};

const HELMS: [&str; 2] = ["helm4", "helm3"];
const NAMESPACE: &str = "argo-rollouts";
/// Not `serin`: a world has roles of that name.
const RELEASE: &str = "chart";

/// A file or folder of the repository.
fn path(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).to_string_lossy().into_owned()
}

/// What a command prints; its complaint if it fails.
fn run(command: &mut Command) -> Result<String, Fault> {
    let output = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr).into()) }
}

pub async fn helm_finds_no_fault() -> Result<(), Fault> {
    for helm in HELMS {
        let program = Parts::locate().program(helm)?;
        for values in [&[][..], &["--set", "clusterInstall=false"], &["--set", EVERYTHING]] {
            let chart = path("charts/serin");
            run(Command::new(&program).args(["lint", "--strict", &chart]).args(values))?;
            let all = run(Command::new(&program).args(["template", "serin", &chart]).args(values))?;
            if !all.contains("kind: Deployment") {
                return Err(format!("{helm} renders no Deployment with {values:?}").into());
            }
        }
    }
    Ok(())
}

/// Whatever is off by default.
const EVERYTHING: &str = "controller.metrics.serviceMonitor.enabled=true,controller.metrics.prometheusRule.enabled=true,\
                          networkPolicy.enabled=true,controller.secretNamespaces={team-a},controller.metricAllowOnly=true,\
                          gitops.enabled=true,gitops.secretNamespaces={team-a},gitops.allow={opa.policy}";

pub async fn install_files_are_what_the_chart_renders() -> Result<(), Fault> {
    let helm = Parts::locate().program("helm4")?;
    for kind in ["cluster", "namespaced"] {
        let rendered = run(Command::new(path("charts/plain")).arg(kind).env("HELM", &helm))?;
        let committed = std::fs::read_to_string(path(&format!("install/{kind}.yaml")))?;
        if rendered != committed {
            return Err(format!("install/{kind}.yaml is out of date; run `make plain`").into());
        }
    }
    Ok(())
}

/// What the controller may do, and what not: namespace, verb, group, resource with its subresource, name.
const RIGHTS: [(&str, &str, &str, &str, &str, bool); 11] = [
    ("default", "patch", "argoproj.io", "rollouts/status", "", true),
    ("default", "create", "apps", "replicasets", "", true),
    ("default", "patch", "apps", "deployments/scale", "", true),
    ("default", "patch", "apps", "deployments", "", false),
    ("default", "patch", "networking.istio.io", "virtualservices", "", true),
    (NAMESPACE, "update", "coordination.k8s.io", "leases", "argo-rollouts-controller-lock", true),
    (NAMESPACE, "update", "coordination.k8s.io", "leases", "other", false),
    ("team-a", "get", "", "secrets", "", true),
    ("default", "get", "", "secrets", "", false),
    ("team-a", "list", "", "secrets", "", false),
    ("default", "delete", "", "pods", "", false),
];

/// Asks the API server what the chart lets the controller do.
async fn rights_are_granted(world: &World) -> Result<(), Fault> {
    for (namespace, verb, group, resource, name, expect) in RIGHTS {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "LocalSubjectAccessReview",
            "metadata": {"namespace": namespace},
            "spec": {
                "user": format!("system:serviceaccount:{NAMESPACE}:{RELEASE}-serin"),
                "resourceAttributes": {
                    "namespace": namespace, "verb": verb, "group": group, "resource": resource,
                    "subresource": subresource, "name": name,
                },
            },
        });
        let answer = world.create_object(User::Admin, &review).await?;
        if answer.pointer("/status/allowed") != Some(&json!(expect)) {
            return Err(format!("{verb} {resource}/{subresource} {name} in {namespace}: {answer}").into());
        }
    }
    Ok(())
}

pub async fn helm_installs_upgrades_and_takes_back() -> Result<(), Fault> {
    let world =
        World::start(Options { mesh: false, prometheus: false, pods: false, kinds: false, ..Options::default() })
            .await?;
    let chart = path("charts/serin");
    for namespace in [NAMESPACE, "team-a"] {
        tool(&world, "kubectl", &["create", "namespace", namespace]).await?;
    }
    for helm in HELMS {
        let secrets = ["--set", "controller.secretNamespaces={team-a}"];
        tool(&world, helm, &[&["install", RELEASE, &chart, "-n", NAMESPACE], &secrets[..]].concat()).await?;
        rights_are_granted(&world).await?;
        tool(&world, helm, &["upgrade", RELEASE, &chart, "-n", NAMESPACE, "--set", "controller.replicas=3"]).await?;
        tool(&world, helm, &["rollback", RELEASE, "1", "-n", NAMESPACE]).await?;
        tool(&world, helm, &["uninstall", RELEASE, "-n", NAMESPACE]).await?;
        let kept = tool(&world, "kubectl", &["get", "crd", "rollouts.argoproj.io", "-o", "name"]).await?;
        if !kept.contains("rollouts.argoproj.io") {
            return Err(format!("{helm} has taken the CRDs, and every Rollout with them").into());
        }
    }
    Ok(())
}

/// What a tool prints as the administrator; its complaint if it fails.
async fn tool(world: &World, program: &str, arguments: &[&str]) -> Result<String, Fault> {
    let said = world.tool(User::Admin, program, arguments).await?;
    if said.succeeded() { Ok(said.out) } else { Err(said.to_string().into()) }
}
