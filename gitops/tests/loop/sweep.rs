//! The loop is killed before and after every call that it makes, and started again: one commit, and each notice once.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use serin_sim::server::faults::Fault;
use serin_sim::server::{Key, SimServer};
use tokio::sync::mpsc;

use crate::common::release::{Release, aborted, now};
use crate::common::repository::Repository;
use crate::common::servers::Servers;
use crate::common::stage::{Stage, USER};

const MANIFEST: &str = "kind: Rollout # the app\nspec:\n  image: \"web:v2\"   # keep\n";

/// Brings the stable version into the cluster, and makes it healthy there.
fn synced(server: &SimServer) {
    let (direct, web) = (server.as_user("argocd"), Key::new("default", "web"));
    let spec = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:v1"}]}}}});
    let stored = direct.merge("rollouts", &web, spec).unwrap();
    let status = json!({"status": {
        "abort": null, "abortedAt": null, "currentPodHash": "old", "phase": "Healthy", "conditions": [],
        "observedGeneration": stored["metadata"]["generation"].to_string(),
    }});
    direct.merge("rollouts/status", &web, status).unwrap();
}

/// Counts calls, and makes one of them hang: before it is carried out, or after.
#[derive(Default)]
struct Trap {
    calls: AtomicUsize,
    /// Which call, and whether after it is carried out.
    set: Mutex<Option<(usize, bool)>>,
    told: Mutex<Vec<String>>,
}

impl Trap {
    /// The next call; whether it hangs before, or after.
    fn step(&self, what: String) -> (bool, bool) {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        self.told.lock().unwrap().push(what);
        let set = *self.set.lock().unwrap();
        let here = set.filter(|(at, _)| *at == number);
        (here == Some((number, false)), here == Some((number, true)))
    }
}

/// One world: cluster, repository, gate and Slack, all of whose calls go through a trap.
struct Played {
    stage: Stage,
    repository: Repository,
    servers: Servers,
    trap: Arc<Trap>,
    sprung: mpsc::UnboundedReceiver<()>,
    tasks: tokio::task::JoinHandle<()>,
}

impl Drop for Played {
    fn drop(&mut self) {
        self.tasks.abort();
        self.stage.server.deafen();
    }
}

/// A git that asks before and after each call whether it may go on.
const WRAPPER: &str = r#"#!/bin/sh
: > "DIR/ask.$$.$1.tmp"; mv "DIR/ask.$$.$1.tmp" "DIR/ask.$$.$1"
while [ ! -e "DIR/answer.$$" ]; do sleep 0.002; done
verdict=$(cat "DIR/answer.$$"); rm -f "DIR/answer.$$"
[ "$verdict" = before ] && exec sleep 600
git "$@"; code=$?
[ "$verdict" = after ] && { : > "DIR/done"; exec sleep 600; }
exit $code
"#;

impl Played {
    async fn new() -> Self {
        let server = aborted(&[Release { name: "web", from: "web:v2", to: "web:v1" }]);
        let repository = Repository::with(&[("web.yaml", MANIFEST), ("other.yaml", "a: 1\n")]);
        let servers = Servers::start().await;
        let mut stage = Stage::new(&server, now());
        stage.secret("slack", &[("token", "xoxb-1")]);
        stage.policy("loop", &json!({
            "selector": {"names": ["web"]},
            "gate": {"opa": {"url": servers.url(""), "path": "a/b", "timeout": "60s"}},
            "git": {"url": repository.url(), "branch": "main", "edits": [{"file": "web.yaml", "yaml": {"path": "spec.image"}}]},
            "notices": [
                {"name": "slack", "slack": {
                    "channel": "C1", "token": {"name": "slack", "key": "token"}, "url": servers.url("/slack"),
                }},
                {"name": "hook", "on": ["Proved"], "webhook": {"url": servers.url("/hook")}},
            ],
        }));
        let (spring, sprung) = mpsc::unbounded_channel();
        let trap = Arc::new(Trap::default());
        trap_api(&server, &trap, &spring);
        trap_http(&servers, &trap, &spring);
        let folder = stage.work.0.join("wrapper");
        std::fs::create_dir_all(&folder).unwrap();
        let wrapper = folder.join("git");
        std::fs::write(&wrapper, WRAPPER.replace("DIR", &folder.display().to_string())).unwrap();
        std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
        stage.git = wrapper;
        let tasks = tokio::spawn(answer_git(folder, trap.clone(), spring));
        Self { stage, repository, servers, trap, sprung, tasks }
    }

    /// Runs the loop to its end; where the trap is set, it is killed there and started again.
    async fn play(&mut self) {
        self.stage.start();
        let mut brought = false;
        for _ in 0..40_000 {
            if self.sprung.try_recv().is_ok() {
                *self.trap.set.lock().unwrap() = None;
                self.stage.kill().await;
                self.stage.start();
            }
            let status = self.stage.status("loop");
            let rollback = &status["rollbacks"][0];
            if rollback["stage"] == "Syncing" && !brought {
                brought = true;
                synced(&self.stage.server);
            }
            let told = |notice: &Value| notice["state"] == "Sent";
            if rollback["stage"] == "Proved" && rollback["notices"].as_array().unwrap().iter().all(told) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        panic!("did not end: {:#}\n{:?}", self.stage.status("loop"), self.trap.told.lock().unwrap());
    }

    /// What must be so in the end, wherever it was killed.
    fn check(&self, at: &str) {
        let subjects = self.repository.subjects();
        assert_eq!(subjects, ["fix(web): Auto-rollback to v1 (Analysis)", "first"], "{at}");
        assert_eq!(self.repository.file("web.yaml"), MANIFEST.replace("v2", "v1"), "{at}");
        assert_eq!(self.repository.file("other.yaml"), "a: 1\n", "{at}");
        let texts = self.servers.texts();
        let distinct: BTreeSet<&String> = texts.iter().collect();
        assert_eq!((texts.len(), distinct.len()), (2, 2), "{at}: {texts:?}");
        assert_eq!(self.servers.state.taken.lock().unwrap().len(), 1, "{at}");
        let rollbacks = self.stage.status("loop")["rollbacks"].as_array().unwrap().len();
        assert_eq!(rollbacks, 1, "{at}");
    }
}

/// Calls of the API server, watches left out: what they miss is read again after a restart anyway.
fn trap_api(server: &SimServer, trap: &Arc<Trap>, spring: &mpsc::UnboundedSender<()>) {
    let (trap, spring) = (trap.clone(), spring.clone());
    server.faults().set(move |call| {
        let verb = call.verb.word();
        if call.user != USER
            || verb.eq_ignore_ascii_case("watch")
            || (verb.eq_ignore_ascii_case("list") && !call.resource.ends_with("sets"))
        {
            return Fault::None;
        }
        let (before, after) = trap.step(format!("{verb} {} {}", call.resource, call.subresource));
        if before || after {
            let _ = spring.send(());
        }
        match (before, after) {
            (true, _) => Fault::Hang,
            (_, true) => Fault::HangAfter,
            _ => Fault::None,
        }
    });
}

fn trap_http(servers: &Servers, trap: &Arc<Trap>, spring: &mpsc::UnboundedSender<()>) {
    let (trap, spring, after) = (trap.clone(), spring.clone(), Mutex::new(false));
    *servers.state.hangs.lock().unwrap() = Some(Box::new(move |moment| {
        let mut after = after.lock().unwrap();
        let hangs = if moment == "before" {
            let (now, later) = trap.step("http".to_owned());
            *after = later;
            now
        } else {
            std::mem::take(&mut *after)
        };
        if hangs {
            let _ = spring.send(());
        }
        hangs
    }));
}

/// Answers the git that asks.
async fn answer_git(folder: std::path::PathBuf, trap: Arc<Trap>, spring: mpsc::UnboundedSender<()>) {
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if std::fs::remove_file(folder.join("done")).is_ok() {
            let _ = spring.send(());
        }
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some((pid, command)) = name.strip_prefix("ask.").and_then(|rest| rest.split_once('.')) else {
                continue;
            };
            if command.strip_suffix(".tmp").is_some() {
                continue;
            }
            std::fs::remove_file(entry.path()).unwrap();
            let (before, after) = trap.step(format!("git {command}"));
            let verdict = if before {
                "before"
            } else if after {
                "after"
            } else {
                "go"
            };
            let (answer, part) = (folder.join(format!("answer.{pid}")), folder.join(format!("part.{pid}")));
            std::fs::write(&part, verdict).unwrap();
            std::fs::rename(part, answer).unwrap();
            if before {
                let _ = spring.send(());
            }
        }
    }
}

async fn sweep(after: bool) {
    let mut smooth = Played::new().await;
    smooth.play().await;
    smooth.check("undisturbed");
    let told = smooth.trap.told.lock().unwrap().clone();
    for kind in ["git push", "http", "Patch rollbackpolicies status"] {
        assert!(told.iter().any(|call| call.eq_ignore_ascii_case(kind)), "{kind} is not among {told:?}");
    }
    drop(smooth);
    // Reads change nothing: to die before one of them is to die after the write before it. One in three is tried all the same.
    let writes =
        |call: &str| call.starts_with("http") || call.contains("push") || call.to_lowercase().starts_with("patch");
    let chosen = |at: &usize| told.get(*at).is_some_and(|call| writes(call)) || (!after && at.is_multiple_of(3));
    let points: Vec<usize> = (0..told.len()).filter(chosen).collect();
    assert!(points.len() > 5, "{told:?}");
    for at in points {
        let mut played = Played::new().await;
        *played.trap.set.lock().unwrap() = Some((at, after));
        played.play().await;
        let moment = if after { "after" } else { "before" };
        played.check(&format!("killed {moment} call {at}: {}", told[at]));
    }
}

#[tokio::test]
async fn killed_before_a_call_it_makes_one_commit_and_tells_once() {
    sweep(false).await;
}

#[tokio::test]
async fn killed_after_every_write_it_makes_one_commit_and_tells_once() {
    sweep(true).await;
}
