//! The verbs of the kubectl plugin, typed at the simulated cluster: they print what the plugin of Argo Rollouts printed when
//! the same was typed with it on a real API server (`views.txt`, kept by the trials on real parts).
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use clap::Parser;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use serin_cli::{
    plugin::{self, Cluster, Printer, Verb},
    terminal::Output,
};
use serin_sim::{
    cluster::SimWorld,
    play::in_virtual_time,
    scenario::{Behaviour, World as _},
    server::Key,
};

const OBJECTS: &str = include_str!("../../e2e/tests/real_parts/plugin/world.yaml");
const VIEWS: &str = include_str!("../../e2e/tests/real_parts/plugin/views.txt");

/// How long anything may take that a command sets going.
const LIMIT: SignedDuration = SignedDuration::from_secs(60);

#[derive(Parser)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

/// A person at a terminal, and the cluster behind it.
struct Session {
    world: SimWorld,
    cluster: Cluster,
}

/// What came of a command.
#[derive(Debug, PartialEq)]
struct Said {
    succeeded: bool,
    out: String,
    err: String,
}

impl Session {
    /// Takes the pod template out of the Rollout into a Deployment without pods, which the Rollout refers to from now on.
    fn refer_to_a_deployment(&self) {
        let person = self.world.server.as_user("person");
        let spec = self.rollout()["spec"].clone();
        person
            .create(json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
                "spec": {"replicas": 0, "selector": spec["selector"], "template": spec["template"]},
            }))
            .unwrap();
        let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
        let change = json!({"spec": {"template": null, "workloadRef": reference}});
        person.merge("rollouts", &Key::new("default", "web"), change).unwrap();
    }

    /// Opens a world with the objects of the trials; `steps` takes the place of the Rollout's, unless it is null.
    async fn open(steps: &Value) -> Self {
        let mut world = SimWorld::new("2026-01-01T09:00:00Z".parse().unwrap()).unwrap();
        let admin = world.server.as_user("person");
        for document in OBJECTS.split("\n---\n") {
            let mut object: Value = serde_saphyr::from_str(document).unwrap();
            object["metadata"]["namespace"] = json!("default");
            if object["kind"] == "Rollout" && !steps.is_null() {
                object["spec"]["strategy"]["canary"]["steps"] = steps.clone();
            }
            admin.create(object).unwrap();
        }
        world.start_controller().await.unwrap();
        let cluster = Cluster::new(world.server.client("person"), "default");
        Self { world, cluster }
    }

    async fn types(&self, command: &str) -> Said {
        let words = std::iter::once("serin").chain(command.split(' '));
        let line = CommandLine::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let output = Output { live: false, colour: false };
        let mut printer = Printer { out: &mut out, err: &mut err, output };
        let done = plugin::run(&line.verb, &self.cluster, &mut printer).await;
        let err = String::from_utf8(err).unwrap() + &done.as_ref().err().map(ToString::to_string).unwrap_or_default();
        Said { succeeded: done.is_ok(), out: String::from_utf8(out).unwrap(), err }
    }

    /// Types a command that works and prints this.
    async fn does(&self, command: &str, out: &str) {
        let said = self.types(command).await;
        assert_eq!(said, Said { succeeded: true, out: out.to_owned(), err: String::new() }, "{command}");
    }

    /// Types a command that fails: prints this, and complains like this.
    async fn fails(&self, command: &str, out: &str, err: &str) {
        let said = self.types(command).await;
        assert_eq!(said, Said { succeeded: false, out: out.to_owned(), err: err.to_owned() }, "{command}");
    }

    /// Waits until `get rollout` shows the view of this name.
    async fn sees(&mut self, name: &str) {
        let mut views = VIEWS.split("## ").skip(1);
        let view = views.find_map(|view| view.strip_prefix(name)?.strip_prefix('\n')).unwrap().trim();
        let end = self.world.now() + LIMIT;
        loop {
            let said = self.types("get rollout web --no-color").await;
            let seen = plain(&said.out, &self.sets());
            if seen.trim() == view {
                return;
            }
            assert!(self.world.now() < end, "{name}:\n{view}\n\nseen:\n{seen}{}", said.err);
            self.passes(SignedDuration::from_millis(250)).await;
        }
    }

    async fn passes(&mut self, span: SignedDuration) {
        let until = self.world.now() + span;
        self.world.wait_until(until).await.unwrap();
    }

    fn rollout(&self) -> Value {
        let all = self.world.server.as_user("person").select("rollouts", "default", &json!({}));
        all.first().map(|rollout| (**rollout).clone()).unwrap()
    }

    /// The `ReplicaSets` by name, with a name that tells their image: `web-v1`.
    fn sets(&self) -> Vec<(String, String)> {
        let all = self.world.server.as_user("person").select("replicasets", "default", &json!({}));
        let text = |set: &Value, pointer: &str| set.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        let named = |set: &Value| {
            let image = text(set, "/spec/template/spec/containers/0/image");
            (text(set, "/metadata/name"), format!("web-{}", image.rsplit(':').next().unwrap()))
        };
        all.iter().map(|set| named(set)).collect()
    }
}

/// What is printed, without what differs from run to run; as the trials on real parts keep it.
fn plain(printed: &str, sets: &[(String, String)]) -> String {
    let named = sets.iter().fold(printed.to_owned(), |text, (name, plain)| text.replace(name, plain));
    named.lines().map(plain_line).collect::<Vec<_>>().join("\n")
}

fn plain_line(line: &str) -> String {
    let start = line.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(line.len());
    let (branch, rest) = line.split_at(start);
    let mut words: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
    let kind = words.get(1).cloned().unwrap_or_default();
    if ["Rollout", "ReplicaSet", "Pod", "AnalysisRun"].contains(&kind.as_str()) && words.len() > 4 {
        // The age.
        words.remove(4);
    }
    if let Some((set, _)) = words.first().filter(|_| kind == "Pod").and_then(|name| name.rsplit_once('-')) {
        words[0] = format!("{set}-*");
    }
    let delay = |word: String| word.split_once("delay:").map_or(word.clone(), |(before, _)| format!("{before}delay:*"));
    branch.to_owned() + &words.into_iter().map(delay).collect::<Vec<_>>().join(" ")
}

fn play(work: impl Future<Output = ()>) {
    in_virtual_time(async {
        work.await;
        Ok(())
    })
    .unwrap();
}

const ABORTED: &str = "RolloutAborted: Rollout aborted update to revision 2";
const COMPLAINT: &str = "The rollout is in a degraded state with message: ";
const LATE: &str = "Rollout status watch exceeded timeout";

#[test]
fn a_canary_is_held_promoted_aborted_and_retried() {
    play(async {
        let mut person = Session::open(&Value::Null).await;
        person.passes(SignedDuration::from_secs(10)).await;
        person.does("status web --timeout 60s", "Healthy\n").await;
        person.sees("the first version is healthy").await;

        person.does("pause web", "rollout 'web' paused\n").await;
        person.does("set image web web=web:v2", "rollout \"web\" image updated\n").await;
        person.sees("held before it begins").await;
        person.does("status web --watch=false", "Paused - manually paused\n").await;

        person.does("promote web", "rollout 'web' promoted\n").await;
        person.sees("paused at 25").await;
        let row = "web         Canary     Paused        1/4   25          5/5    4        1           5        \n";
        let header = "NAME        STRATEGY   STATUS        STEP  SET-WEIGHT  READY  DESIRED  UP-TO-DATE  AVAILABLE\n";
        person.does("list rollouts", &format!("{header}{row}")).await;
        person.does("status web --watch=false", "Paused - CanaryPauseStep\n").await;
        person.fails("status web --timeout 2s", "Paused - CanaryPauseStep\n", LATE).await;
        person.does("promote web", "rollout 'web' promoted\n").await;
        person.sees("paused at 50").await;

        person.does("abort web", "rollout 'web' aborted\n").await;
        person.sees("aborted").await;
        let complaint = format!("{COMPLAINT}{ABORTED}");
        person.fails("status web --watch=false", "Degraded\n", &complaint).await;
        person.fails("status web --timeout 30s", &format!("Degraded - {ABORTED}\n"), &complaint).await;
        person.sees("aborted, and its pods are gone").await;
        person.does("retry rollout web", "rollout 'web' retried\n").await;
        person.sees("paused at 25").await;

        person.does("promote web --full", "rollout 'web' fully promoted\n").await;
        person.sees("the second version is stable, the first still there").await;
        person.sees("the second version is stable").await;
        assert!(person.types("status web --timeout 60s").await.out.ends_with("Healthy\n"));
    });
}

#[test]
fn an_update_is_undone_and_a_rollout_restarted() {
    play(async {
        let mut person = Session::open(&Value::Null).await;
        person.sees("the first version is healthy").await;
        person.does("set image web *=web:v2", "rollout \"web\" image updated\n").await;
        person.sees("paused at 25").await;
        person.does("promote web --full", "rollout 'web' fully promoted\n").await;
        person.sees("the second version is stable").await;
        person.does("undo web", "rollout 'web' undo\n").await;
        person.sees("the first version comes back as revision 3").await;
        let label = person.rollout().pointer("/spec/template/metadata/labels").cloned();
        assert_eq!(label, Some(json!({"app": "web"})), "the hash is not part of the template");
        person.fails("undo web --to-revision=99", "", "unable to find specified revision 99 in history").await;
        let skipped = "skipped rollback (current template already matches revision 3)";
        person.does("undo web --to-revision 3", skipped).await;

        let before = Timestamp::now();
        person.does("restart web --in 1m", "rollout 'web' restarts in 1m\n").await;
        let at: Timestamp =
            person.rollout().pointer("/spec/restartAt").and_then(Value::as_str).unwrap().parse().unwrap();
        let after = at.duration_since(before).as_secs();
        assert!((58..=61).contains(&after), "{after} s");
        person.does("restart web", "rollout 'web' restarts in 0s\n").await;
        person.fails("restart web --in soon", "", "--in soon is no duration; write 30s, 5m or 1h").await;
    });
}

#[test]
fn an_update_of_the_deployment_that_a_rollout_refers_to_is_undone_there() {
    play(async {
        let mut person = Session::open(&Value::Null).await;
        person.sees("the first version is healthy").await;
        person.refer_to_a_deployment();
        person.does("set image web *=web:v2", "deployment \"web\" image updated\n").await;
        person.sees("paused at 25").await;
        person.does("promote web --full", "rollout 'web' fully promoted\n").await;
        person.sees("the second version is stable").await;
        person.does("undo web", "rollout 'web' undo\n").await;
        person.sees("the first version comes back as revision 3").await;
        assert_eq!(person.rollout().pointer("/spec/template"), None);
        let skipped = "skipped rollback (current template already matches revision 3)";
        person.does("undo web --to-revision 3", skipped).await;
    });
}

#[test]
fn what_an_analysis_found_is_shown() {
    play(async {
        let steps = json!([
            {"setWeight": 25},
            {"analysis": {"templates": [{"templateName": "good"}]}},
            {"setWeight": 50},
            {"analysis": {"templates": [{"templateName": "bad"}]}},
        ]);
        let mut person = Session::open(&steps).await;
        person.passes(SignedDuration::from_secs(10)).await;
        person.does("status web --timeout 60s", "Healthy\n").await;
        let never = Behaviour { never_ready: true, ..Behaviour::default() };
        person.world.behave("web:v2", &never).await.unwrap();
        person.does("set image web web=web:v2", "rollout \"web\" image updated\n").await;
        // At once: what was Healthy before the change must not be taken for its end.
        let said = person.types("status web --timeout 5s").await;
        assert!(said.out.ends_with("Progressing - more replicas need to be updated\n") && said.err == LATE, "{said:?}");
        person.sees("no pod is ready").await;

        person.world.behave("web:v2", &Behaviour::default()).await.unwrap();
        let because = "Step-based analysis phase error/failed: Metric \"verdict\" assessed Failed due to failed (1) > \
                       failureLimit (0)";
        let said = person.types("status web --timeout 300s").await;
        assert!(said.out.ends_with(&format!("Degraded - {ABORTED}: {because}\n")), "{said:?}");
        assert_eq!(said.err, format!("{COMPLAINT}{ABORTED}: {because}"));
        person.sees("judged and aborted").await;
        person.does("retry rollout web", "rollout 'web' retried\n").await;
        person.sees("judged and aborted a second time").await;
        let run = "web-0-2-1";
        let missing = format!("analysisruns.argoproj.io \"{run}\" not found");
        person.fails(&format!("terminate analysisrun {run}"), "", &missing).await;
    });
}

#[test]
fn a_watch_prints_each_change_and_ends_in_time() {
    play(async {
        let mut person = Session::open(&Value::Null).await;
        person.sees("the first version is healthy").await;
        person.does("set image web web=web:v2", "rollout \"web\" image updated\n").await;
        let said = person.types("get rollout web --watch --timeout-seconds 30").await;
        assert!(said.succeeded && said.err.is_empty(), "{said:?}");
        let views: Vec<_> = said.out.split("\n\nName:").collect();
        assert!(views.len() > 2, "{}", said.out);
        let last = views.last().unwrap();
        assert!(last.contains("Status:          ॥ Paused") && last.contains("revision:2"), "{last}");
    });
}

#[test]
fn what_is_not_there_is_said() {
    play(async {
        let person = Session::open(&Value::Null).await;
        let missing = "rollouts.argoproj.io \"nope\" not found";
        for command in
            ["get rollout nope", "get rollout nope -w", "status nope", "promote nope", "undo nope", "abort nope"]
        {
            person.fails(command, "", missing).await;
        }
        person.fails("pause web nope", "rollout 'web' paused\n", missing).await;
        person.fails("set image web sidecar=web:v2", "", "unable to find container named \"sidecar\"").await;
        let said = person.types("list rollouts --name nope").await;
        assert_eq!(said, Said { succeeded: true, out: String::new(), err: "No resources found.\n".to_owned() });
        // A name is a name, whatever is in it.
        let odd = person.types("get rollout ../pods").await;
        assert!(!odd.succeeded, "{odd:?}");
    });
}
