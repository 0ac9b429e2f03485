//! The two timelines: the controller aborts on the simulator, and the loop closes in Git.

use std::path::Path;

use jiff::SignedDuration;
use serde_json::{Value, json};
use serin_sim::cluster::SimWorld;
use serin_sim::scenario::{Scenario, World as _, play};
use serin_sim::server::Key;

use crate::common::repository::Repository;
use crate::common::servers::Servers;
use crate::common::stage::Stage;

/// Plays a scenario to its end: a version is aborted.
async fn aborted(text: &str) -> SimWorld {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/scenarios");
    let scenario = Scenario::parse("timeline", text, &|file| std::fs::read_to_string(seeds.join(file))).unwrap();
    let mut world = SimWorld::new("2026-11-28T09:00:00Z".parse().unwrap()).unwrap();
    let played = play(&scenario, &mut world, &mut |_| {}).await.unwrap();
    assert!(played.passed(), "{}\n{}", played.report(), played.transcript);
    world
}

/// What Argo CD or Flux does: brings an image into the cluster.
fn sync(stage: &Stage, rollout: &str, image: &str) {
    let (argo, key) = (stage.server.as_user("argocd"), Key::new("default", rollout));
    let mut template = argo.get("rollouts", &key).unwrap()["spec"]["template"].clone();
    template["spec"]["containers"][0]["image"] = image.into();
    argo.merge("rollouts", &key, json!({"spec": {"template": template}})).unwrap();
}

fn slack(servers: &Servers) -> Value {
    json!([{"name": "team", "slack": {
        "channel": "C1", "token": {"name": "slack", "key": "token"}, "url": servers.url("/slack"),
    }}])
}

/// Lets the cluster go on for a while, in no time.
async fn meanwhile(world: &mut SimWorld, seconds: i64) {
    tokio::time::pause();
    world.wait_until(world.now() + SignedDuration::from_secs(seconds)).await.unwrap();
    tokio::time::resume();
}

#[tokio::test(start_paused = true)]
async fn an_error_rate_of_eight_percent_ends_in_a_commit_and_in_slack() {
    let mut world = aborted(include_str!("scenarios/error-rate.yaml")).await;
    tokio::time::resume();
    let overlay = include_str!("seed/kustomize-overlay-prod.yaml");
    let repository = Repository::with(&[("overlays/prod/kustomization.yaml", overlay)]);
    let servers = Servers::start().await;
    let mut stage = Stage::new(&world.server, world.now());
    stage.secret("slack", &[("token", "xoxb-secret")]);
    stage.policy(
        "loop",
        &json!({
            "selector": {"names": ["my-app"]},
            "gate": {"opa": {"url": servers.url(""), "path": "serin/rollback"}},
            "git": {
                "url": repository.url(), "branch": "main",
                "edits": [{"file": "overlays/prod/kustomization.yaml", "kustomize": {"image": "myapp"}}],
            },
            "notices": slack(&servers),
        }),
    );
    stage.start();
    let rollback = stage.stage("loop", "Syncing").await;
    assert_eq!((rollback["from"].as_str(), rollback["to"].as_str()), (Some("v1.2.0"), Some("v1.1.0")));
    assert_eq!(
        repository.file("overlays/prod/kustomization.yaml"),
        overlay.replace("newTag: v1.2.0", "newTag: v1.1.0")
    );
    let message = repository.message();
    let value = rollback["verdict"]["value"].as_str().unwrap();
    let id = rollback["id"].as_str().unwrap();
    let run = rollback["verdict"]["run"].as_str().unwrap();
    let duration = message.lines().find_map(|line| line.strip_prefix("Duration: ")).unwrap();
    let expect = format!(
        "fix(my-app): Auto-rollback to v1.1.0 (error-rate failed)\n\n\
         v1.2.0 of default/my-app, revision 2, was rolled back automatically; this takes it back here too.\n\n\
         Reason: Step-based analysis phase error/failed: {}\n\
         Measured: error-rate {value}, which had to meet: result < 0.05\n\
         Duration: {duration}\n\
         Run: {run}\n\
         By: Serin, policy default/loop, decision d-1\n\
         Ticket: OPS-4711\n\n\
         Serin-Rollout: default/my-app\nSerin-Revision: 2\nSerin-Rollback: {id}\nSerin-Decision: d-1",
        "Metric \"error-rate\" assessed Failed due to failed (4) > failureLimit (3)",
    );
    assert_eq!(message, expect);
    assert_eq!(repository.subjects().len(), 2);
    stage.kill().await;
    sync(&stage, "my-app", "registry.company.com/myapp:v1.1.0");
    meanwhile(&mut world, 120).await;
    stage.start();
    stage.stage("loop", "Proved").await;
    let texts = servers.texts();
    assert_eq!(texts.len(), 2, "{texts:?}");
    let head = "default/my-app: v1.2.0 rolled back to v1.1.0 automatically: error-rate";
    assert!(texts[0].starts_with(head) && texts[0].contains("result &lt; 0.05; commit "), "{texts:?}");
    assert!(texts[1].starts_with("default/my-app: healthy on v1.1.0; proof after "), "{texts:?}");
    let thread = servers.state.channel.lock().unwrap()[1]["thread_ts"].clone();
    assert_eq!(thread, "17.000001", "the proof belongs to the thread of the first message");
    let asked = &servers.seen("/v1/data/serin/rollback")[0].body["input"];
    assert_eq!((&asked["version"], &asked["rollback"]["to"]), (&"v1".into(), &"v1.1.0".into()));
    assert_eq!(repository.subjects().len(), 2, "one commit, whoever starts again");
}

#[tokio::test(start_paused = true)]
async fn a_success_rate_of_92_percent_ends_in_a_commit() {
    let mut world = aborted(include_str!("scenarios/istio.yaml")).await;
    tokio::time::resume();
    let manifest = include_str!("../../../sim/scenarios/seed/rollout-istio.yaml");
    let repository = Repository::with(&[("apps/myapp/rollout.yaml", manifest)]);
    let servers = Servers::start().await;
    let mut stage = Stage::new(&world.server, world.now());
    stage.secret("slack", &[("token", "xoxb-secret")]);
    stage.policy(
        "loop",
        &json!({
            "selector": {"names": ["myapp"]},
            "git": {
                "url": repository.url(), "branch": "main",
                "edits": [{
                    "file": "apps/{{rollout}}/rollout.yaml",
                    "yaml": {"path": "spec.template.spec.containers[name=myapp].image"},
                }],
            },
            "notices": slack(&servers),
        }),
    );
    stage.start();
    stage.stage("loop", "Syncing").await;
    assert_eq!(repository.file("apps/myapp/rollout.yaml"), manifest.replace("myapp:v1.2.0", "myapp:v1.1.0"));
    assert_eq!(repository.subjects(), ["fix(myapp): Auto-rollback to v1.1.0 (success-rate failed)", "first"]);
    stage.kill().await;
    sync(&stage, "myapp", "myapp:v1.1.0");
    meanwhile(&mut world, 120).await;
    stage.start();
    let rollback = stage.stage("loop", "Proved").await;
    assert!(rollback["times"]["durations"].as_str().unwrap().contains("proof "), "{rollback}");
    assert_eq!(servers.texts().len(), 2);
    assert_eq!(repository.subjects().len(), 2);
}
