//! What is in the way is a wait with a name, and nothing is lost: gates, Git, Slack, Secrets, policies that are wrong.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use serin_crds::rbac::{Feature, LOOP_RULES, Rule};
use serin_sim::server::faults::Fault;

use crate::common::release::{Release, aborted, now};
use crate::common::repository::Repository;
use crate::common::servers::Servers;
use crate::common::stage::{Stage, USER};

const MANIFEST: &str = "spec:\n  image: web:v2\n";

/// A stage with an aborted release of web; the policy may be changed before it is made.
async fn begin(change: impl FnOnce(&mut Value, &Servers)) -> (Stage, Repository, Servers) {
    let server = aborted(&[Release { name: "web", from: "web:v2", to: "web:v1" }]);
    let repository = Repository::with(&[("web.yaml", MANIFEST)]);
    let servers = Servers::start().await;
    let mut stage = Stage::new(&server, now());
    let mut spec = json!({
        "selector": {"names": ["web"]},
        "gate": {"opa": {"url": servers.url(""), "path": "a/b"}},
        "git": {"url": repository.url(), "branch": "main", "edits": [{"file": "web.yaml", "yaml": {"path": "spec.image"}}]},
        "notices": [{"name": "hook", "webhook": {"url": servers.url("/hook")}}],
    });
    change(&mut spec, &servers);
    stage.policy("loop", &spec);
    stage.start();
    (stage, repository, servers)
}

fn message(status: &Value) -> String {
    status["rollbacks"][0]["message"].as_str().unwrap_or_default().to_owned()
}

/// Texts that the webhook has taken.
fn told(servers: &Servers) -> Vec<String> {
    servers.state.taken.lock().unwrap().values().map(|body| body["text"].as_str().unwrap().to_owned()).collect()
}

/// What the role allows and no more: a test of what the chart grants.
#[tokio::test]
async fn every_call_of_the_loop_is_one_that_its_role_allows() {
    let calls = Arc::new(Mutex::new(BTreeSet::new()));
    let (seen, server) = (calls.clone(), aborted(&[Release { name: "web", from: "web:v2", to: "web:v1" }]));
    server.on_call(move |call, _| {
        if call.user == USER {
            let sub = if call.subresource.is_empty() { String::new() } else { format!("/{}", call.subresource) };
            let resource = call.resource.split('.').next().unwrap();
            seen.lock().unwrap().insert((call.verb.word().to_lowercase(), format!("{resource}{sub}")));
        }
    });
    let repository = Repository::with(&[("web.yaml", MANIFEST)]);
    let servers = Servers::start().await;
    let mut stage = Stage::new(&server, now());
    stage.secret("opa", &[("token", "x")]);
    stage.policy("loop", &json!({
        "selector": {"names": ["web"]},
        "gate": {"opa": {"url": servers.url(""), "path": "a/b", "token": {"name": "opa", "key": "token"}}},
        "git": {"url": repository.url(), "branch": "main", "edits": [{"file": "web.yaml", "yaml": {"path": "spec.image"}}]},
    }));
    stage.start();
    stage.stage("loop", "Syncing").await;
    let events = server.as_user("admin").list("events", "default");
    let event = events.iter().find(|event| event["reason"] == "RollbackCommitted").unwrap();
    assert_eq!((&event["involvedObject"]["name"], &event["type"]), (&json!("web"), &json!("Normal")));
    assert!(event["message"].as_str().unwrap().starts_with("v2 to v1 in Git, commit "), "{event}");
    let calls = calls.lock().unwrap().clone();
    let allowed = |(verb, resource): &(String, String)| {
        let fits = |rule: &&Rule| rule.resources.contains(&resource.as_str()) && rule.verbs.contains(&verb.as_str());
        LOOP_RULES.iter().any(|rule| fits(&rule))
    };
    assert_eq!(calls.iter().filter(|call| !allowed(call)).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    for rule in LOOP_RULES.iter().filter(|rule| rule.feature != Feature::LeaderElection) {
        for verb in rule.verbs {
            let made = rule.resources.iter().all(|resource| calls.contains(&((*verb).into(), (*resource).into())));
            assert!(made, "{rule:?}: {verb} is never used: {calls:?}");
        }
    }
}

#[tokio::test]
async fn a_denial_is_told_with_its_reasons_and_changes_nothing() {
    let (stage, repository, servers) = begin(|_, servers| {
        let said = json!({"result": {"allow": false, "reasons": ["freeze until Monday"]}, "decision_id": "d-9"});
        *servers.state.opa.lock().unwrap() = said;
    })
    .await;
    let rollback = stage.stage("loop", "Denied").await;
    let expect = json!({"allowed": false, "id": "d-9", "reasons": ["freeze until Monday"]});
    assert_eq!(rollback["decision"], expect);
    assert_eq!(
        told(&servers),
        ["default/web: v2 rolled back to v1 automatically: bad; Git is left as it is: \
        the gate denied the change: freeze until Monday"]
    );
    assert_eq!(repository.subjects(), ["first"]);
}

#[tokio::test]
async fn a_gate_without_an_opinion_denies_unless_the_policy_says_otherwise() {
    let undefined = |_: &mut Value, servers: &Servers| *servers.state.opa.lock().unwrap() = json!({});
    let (stage, repository, _servers) = begin(undefined).await;
    let rollback = stage.stage("loop", "Denied").await;
    assert_eq!(rollback["decision"]["reasons"][0], "the gate has no opinion at a/b");
    assert_eq!(repository.subjects(), ["first"]);
    let (stage, repository, _servers) = begin(|spec, servers| {
        *servers.state.opa.lock().unwrap() = json!({});
        spec["gate"]["opa"]["undefined"] = "Allow".into();
    })
    .await;
    stage.stage("loop", "Syncing").await;
    assert_eq!(repository.subjects().len(), 2);
}

#[tokio::test]
async fn a_gate_that_does_not_answer_holds_and_goes_on_when_it_is_back() {
    let (stage, repository, servers) = begin(|spec, servers| {
        spec["gate"]["opa"]["token"] = json!({"name": "opa", "key": "token"});
        servers.state.down.store(true, Ordering::SeqCst);
    })
    .await;
    let missing = "the gate can't be asked: there is no Secret opa";
    stage.until("loop", "a wait for the Secret", |status| message(status) == missing).await;
    stage.secret("opa", &[("token", "s3cr3t")]);
    let down = "the gate could not be asked: it answered 503 Service Unavailable";
    stage.until("loop", "a wait for the gate", |status| message(status) == down).await;
    assert_eq!(repository.subjects(), ["first"]);
    servers.state.down.store(false, Ordering::SeqCst);
    stage.stage("loop", "Syncing").await;
    let asked = servers.seen("/v1/data/a/b");
    assert_eq!(asked.last().unwrap().headers["authorization"], "Bearer s3cr3t");
    assert!(!stage.status("loop").to_string().contains("s3cr3t"));
}

#[tokio::test]
async fn a_repository_that_is_away_is_a_wait_and_the_notice_follows_when_it_is_back() {
    let (stage, repository, servers) = begin(|spec, _| spec["gate"] = Value::Null).await;
    // It may have been pushed already; then this is about the notice alone.
    stage.stage("loop", "Syncing").await;
    assert_eq!(told(&servers).len(), 1);
    drop((stage, repository));
    let away = Repository::with(&[("web.yaml", MANIFEST)]);
    let (from, to) = (away.path(), away.folder.0.join("away.git"));
    std::fs::rename(&from, &to).unwrap();
    let url = away.url();
    let (stage, _other, servers) = begin(|spec, servers| {
        spec["gate"] = Value::Null;
        spec["git"]["url"] = url.into();
        *servers.state.failures.lock().unwrap() = vec![500];
    })
    .await;
    let status = stage.until("loop", "a wait for Git", |status| message(status).starts_with("git fetch failed")).await;
    let working = &status["conditions"][1];
    assert!(working["message"].as_str().unwrap().starts_with("web v2: git fetch failed"), "{working}");
    std::fs::rename(to, from).unwrap();
    stage.stage("loop", "Syncing").await;
    assert_eq!(told(&servers).len(), 1, "the first attempt was refused with 500, the second taken");
    assert_eq!(servers.seen("/hook").len(), 2);
    let keys: Vec<_> = servers.seen("/hook").iter().map(|seen| seen.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_policy_that_is_wrong_says_so_and_does_nothing() {
    let (stage, repository, _servers) = begin(|spec, _| {
        spec["git"]["mode"] = "PullRequest".into();
        spec["git"]["edits"][0]["file"] = "../web.yaml".into();
        spec["git"]["url"] = "ssh://git.example/x".into();
        spec["proof"] = json!({"timeout": "3"});
    })
    .await;
    let status = stage.until("loop", "a condition", |status| status["conditions"][0]["status"] == "False").await;
    let expect = "spec.git.edits[0].file is ../web.yaml; it must be a path from the root of the repository, without . and ..\n\
                  spec.git.mode is PullRequest; that is not built yet; write Push, or leave mode out\n\
                  spec.proof.timeout is 3; \"3\" has a number without a unit; add s, m or h\n\
                  spec.git.url is over ssh; the administrator of the cluster allows file, http";
    assert_eq!(status["conditions"][0]["message"], expect);
    assert_eq!(status["rollbacks"], Value::Null);
    assert_eq!(repository.subjects(), ["first"]);
}

#[tokio::test]
async fn an_incoming_webhook_of_slack_is_told_and_its_address_to_nobody() {
    let (stage, _repository, servers) = begin(|spec, servers| {
        spec["gate"] = Value::Null;
        spec["notices"] = json!([{"name": "s", "slack": {"webhook": {"name": "slack", "key": "url"}}}]);
        *servers.state.failures.lock().unwrap() = vec![500];
    })
    .await;
    stage.secret("slack", &[("url", &servers.url("/slack-hook"))]);
    stage.stage("loop", "Syncing").await;
    assert_eq!(servers.texts().len(), 1);
    assert!(!stage.status("loop").to_string().contains("slack-hook"));
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_makes_no_other_notice_go_twice() {
    let (stage, _repository, servers) = begin(|spec, servers| {
        spec["gate"] = Value::Null;
        spec["notices"] = json!([
            {"name": "a", "slack": {"webhook": {"name": "slack", "key": "url"}}},
            {"name": "b", "webhook": {"url": servers.url("/hook"), "token": {"name": "hook", "key": "token"}}},
        ]);
    })
    .await;
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = failures.clone();
    stage.server.faults().set(move |call| match call.resource.as_str() {
        "secrets" if call.name == "hook" && counted.fetch_add(1, Ordering::SeqCst) < 2 => Fault::Before(500),
        _ => Fault::None,
    });
    stage.secret("hook", &[("token", "x")]);
    stage.secret("slack", &[("url", &servers.url("/slack-hook"))]);
    stage.stage("loop", "Syncing").await;
    assert_eq!((servers.texts().len(), servers.seen("/hook").len()), (1, 1));
    assert!(failures.load(Ordering::SeqCst) > 2);
    stage.server.deafen();
}

#[tokio::test]
async fn fifty_services_in_one_repository_lose_none() {
    let names: Vec<String> = (0..50).map(|number| format!("web-{number}")).collect();
    let releases: Vec<_> = names.iter().map(|name| Release { name, from: "web:v2", to: "web:v1" }).collect();
    let server = aborted(&releases);
    let files: Vec<String> = names.iter().map(|name| format!("apps/{name}/web.yaml")).collect();
    let with: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), MANIFEST)).collect();
    let repository = Repository::with(&with);
    let mut stage = Stage::new(&server, now());
    stage.policy(
        "loop",
        &json!({
            "selector": {"matchLabels": {"app": "web"}},
            "git": {
                "url": repository.url(), "branch": "main",
                "edits": [{"file": "apps/{{rollout}}/{{labels.app}}.yaml", "yaml": {"path": "spec.image"}}],
            },
        }),
    );
    stage.start();
    let all = |status: &Value| {
        let rollbacks = status["rollbacks"].as_array().map(Vec::as_slice).unwrap_or_default();
        rollbacks.len() == 50 && rollbacks.iter().all(|rollback| rollback["stage"] == "Syncing")
    };
    stage.until("loop", "fifty commits", all).await;
    assert_eq!(repository.subjects().len(), 51);
    assert!(files.iter().all(|file| repository.file(file) == MANIFEST.replace("v2", "v1")));
}
