//! A person at a terminal, with the plugin of Argo Rollouts in hand.

use std::time::Duration;

use serde_json::Value;
use serin_e2e::{
    runner::Fault,
    world::{Controller, ControllerPlan, Options, Said, User, World, WorldError, eventually, image_tag},
};

const PLUGIN: &str = "kubectl-argo-rollouts";
const SETS: &str = "/apis/apps/v1/namespaces/default/replicasets";
const EVENTS: &str = "/api/v1/namespaces/default/events";
pub const ROLLOUT: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/web";
pub const ROUTE: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/web";
/// How long anything may take that a command sets going.
const LIMIT: Duration = Duration::from_secs(40);

/// The terminal, and the cluster behind it.
pub struct Session {
    pub world: World,
    controller: Controller,
}

impl Session {
    /// Starts a world with our controller and the objects in `world.yaml`; `change` is a patch of the Rollout's strategy.
    pub async fn open(change: &Value) -> Result<Self, Fault> {
        let world = World::start(Options { mesh: false, ..Options::default() }).await?;
        world.create(User::Person, include_str!("world.yaml")).await?;
        world.patch(User::Person, ROLLOUT, change).await?;
        let plan = ControllerPlan::serin()?
            .arg("--bind-address=127.0.0.1")
            .arg("--leader-elect=false")
            .arg("--metric-allow=http://prometheus:9090");
        let controller = world.controller(plan)?;
        Ok(Self { world, controller })
    }

    /// Types a command; it must end with this code and print this, as far as it is given.
    pub async fn types(&self, command: &str, code: i32, out: &str, err: &str) -> Result<(), Fault> {
        let said = self.run(command).await?;
        let holds = said.code == Some(code) && said.out.contains(out) && said.err.contains(err);
        // What is expected to be silent must be.
        let silent = (!out.is_empty() || said.out.is_empty()) && (!err.is_empty() || said.err.is_empty());
        if holds && silent {
            return Ok(());
        }
        Err(format!("{said}\ninstead of {out:?}, {err:?} and {code}\n{}", self.seen().await).into())
    }

    /// Types a command that is expected to work and to print this.
    pub async fn does(&self, command: &str, out: &str) -> Result<(), Fault> {
        self.types(command, 0, out, "").await
    }

    async fn run(&self, command: &str) -> Result<Said, WorldError> {
        let words: Vec<_> = command.split(' ').collect();
        let mut said = self.world.tool(User::Person, PLUGIN, &words).await?;
        // Where it ends while one of its watches is about to start, it logs that it ended it.
        said.err = said.err.split_inclusive('\n').filter(|line| !line.contains("context canceled")).collect();
        Ok(said)
    }

    /// Waits until `get rollout` shows this; see [`plain`] for what is left out.
    pub async fn shows(&self, what: &str, view: &str) -> Result<(), Fault> {
        let look = async || {
            let seen = self.view().await.map_err(|error| error.to_string())?;
            (seen.trim() == view.trim()).then_some(()).ok_or(format!("\n{seen}"))
        };
        let came = eventually(&format!("{what}:\n{view}\n"), LIMIT, look).await;
        came.map_err(|error| format!("{error}\n{}", self.tail()).into())
    }

    /// `list rollouts` says this about ours.
    pub async fn lists(&self, line: &str) -> Result<(), Fault> {
        let said = self.run("list rollouts").await?;
        let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let seen: Vec<_> = said.out.lines().skip(1).map(plain).collect();
        if said.succeeded() && seen == [line] { Ok(()) } else { Err(format!("{said}\ninstead of {line:?}").into()) }
    }

    async fn view(&self) -> Result<String, WorldError> {
        let said = self.run("get rollout web --no-color").await?;
        if !said.succeeded() || !said.err.is_empty() {
            return Ok(said.to_string());
        }
        let sets = self.world.get(SETS).await?;
        Ok(plain(&said.out, &names(&sets)))
    }

    /// Waits until an object has these values at these places. What is false may be left out, and the other way round.
    pub async fn has(&self, path: &str, wanted: &[(&str, Value)]) -> Result<(), Fault> {
        let look = async || {
            let object = self.world.get(path).await.map_err(|error| error.to_string())?;
            let at = |pointer| object.pointer(pointer).unwrap_or(&Value::Bool(false));
            let off = wanted.iter().find(|(pointer, value)| at(pointer) != value);
            off.map_or(Ok(()), |(pointer, value)| Err(format!("{} at {pointer}, not {value}", at(pointer))))
        };
        let came = eventually(path, LIMIT, look).await;
        match came {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("{error}\n{}", self.seen().await).into()),
        }
    }

    /// Waits until there is an event of this reason that says this.
    pub async fn hears(&self, reason: &str, message: &str) -> Result<(), Fault> {
        let look = async || {
            let list = self.world.get(EVENTS).await.map_err(|error| error.to_string())?;
            let says = |event: &Value| event["message"].as_str().is_some_and(|said| said.contains(message));
            let fits = |event: &&Value| event["reason"] == reason && says(event);
            let seen: Vec<_> =
                items(&list).iter().map(|event| format!("{} {}", event["reason"], event["message"])).collect();
            items(&list).iter().find(fits).map(drop).ok_or_else(|| seen.join("\n"))
        };
        eventually(&format!("{reason} {message:?}"), LIMIT, look).await.map_err(Fault::from)
    }

    /// How many `ReplicaSets` there are.
    pub async fn replica_sets(&self) -> Result<usize, WorldError> {
        Ok(items(&self.world.get(SETS).await?).len())
    }

    /// Says that everything still runs.
    pub fn check(&mut self) -> Result<(), WorldError> {
        self.controller.check()?;
        self.world.check()
    }

    /// What `get rollout` shows now, for a fault.
    async fn seen(&self) -> String {
        let seen = self.run("get rollout web --no-color").await;
        format!("{}\n{}", seen.map_or_else(|error| error.to_string(), |said| said.to_string()), self.tail())
    }

    fn tail(&self) -> String {
        let log = self.controller.log();
        let lines: Vec<_> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n");
        format!("the controller's last lines:\n{last}")
    }
}

fn items(list: &Value) -> &[Value] {
    list.pointer("/items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The `ReplicaSets` by name, with a name that tells their image: `web-v1`.
fn names(sets: &Value) -> Vec<(String, String)> {
    let text = |set: &Value, pointer| set.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let named = |set: &Value| {
        let image = text(set, "/spec/template/spec/containers/0/image");
        (text(set, "/metadata/name"), format!("web-{}", image_tag(&image)))
    };
    items(sets).iter().map(named).collect()
}

/// What is printed, without what differs from run to run: ages, hashes, the ends of the names of pods, what is left of a
/// delay, and the widths of columns.
fn plain(printed: &str, names: &[(String, String)]) -> String {
    let mut text = printed.to_owned();
    for (name, plain) in names {
        text = text.replace(name, plain);
    }
    text.lines().map(plain_line).collect::<Vec<_>>().join("\n")
}

fn plain_line(line: &str) -> String {
    // Branches and icons stand as they are printed.
    let start = line.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(line.len());
    let (branch, rest) = line.split_at(start);
    let mut words: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
    // Name, kind, icon, status, age, more.
    if let [name, kind, _, _, _, ..] = words.as_mut_slice() {
        let set = name.rsplit_once('-').filter(|_| kind == "Pod").map(|(set, _)| format!("{set}-*"));
        *name = set.unwrap_or(std::mem::take(name));
        if ["Rollout", "ReplicaSet", "Pod", "AnalysisRun"].contains(&kind.as_str()) {
            words.remove(4);
        }
    }
    for word in words.iter_mut().filter(|word| word.contains("delay:")) {
        *word = word.split("delay:").next().unwrap_or_default().to_owned() + "delay:*";
    }
    format!("{branch}{}", words.join(" "))
}
