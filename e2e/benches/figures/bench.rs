//! A world with a controller, a judge, and pods that cost nothing.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use serin_e2e::world::{Controller, Options, Record, User, World, eventually};

use crate::{
    Fault,
    contender::Contender,
    judge::Judge,
    manifests::{self, ROLLOUTS, TEMPLATES},
    pods,
};

/// How many requests the harness sends side by side.
const SIDE_BY_SIDE: usize = 16;

/// How long a whole crowd may take to come to a phase; the incumbent needs minutes.
const PATIENCE: Duration = Duration::from_secs(400);

/// The incumbent's role is not under test.
const MAY_DO_EVERYTHING: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: incumbent}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: serin}]
";

/// What figures are taken in.
pub struct Bench {
    pub world: World,
    pub judge: Arc<Judge>,
    pub controller: Controller,
}

impl Bench {
    /// Starts everything; analyses take `count` measurements.
    pub async fn start(contender: Contender, count: Option<u32>) -> Result<Self, Fault> {
        let options = Options { mesh: false, prometheus: false, pods: false, ..Options::default() };
        let world = World::start(options).await?;
        if contender == Contender::Incumbent {
            world.create(User::Admin, MAY_DO_EVERYTHING).await?;
        }
        // Where leases are.
        world.namespace("argo-rollouts").await?;
        let judge = Judge::listen().await?;
        pods::at_once(world.client(User::ControllerManager));
        let controller = world.controller(contender.plan()?)?;
        send(&world.client(User::Admin), "POST", TEMPLATES, &manifests::template(count)).await?;
        Ok(Self { world, judge, controller })
    }

    /// Makes Rollouts with these names, and waits until all of them are Healthy.
    pub async fn create(&self, names: &[String], replicas: i64, strategy: impl Fn(&str) -> Value) -> Result<(), Fault> {
        let objects = names.iter().flat_map(|name| manifests::service(name, replicas, &strategy(name)));
        let objects = objects.map(|(path, object)| ("POST", path.to_owned(), object));
        self.send_all(User::Admin, objects.collect()).await?;
        self.all("Healthy", names.len()).await
    }

    /// Puts another image into each.
    pub async fn release(&self, names: &[String]) -> Result<(), Fault> {
        let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:v2"}]}}}});
        let patch = |name: &String| ("PATCH", format!("{ROLLOUTS}/{name}"), image.clone());
        self.send_all(User::Person, names.iter().map(patch).collect()).await
    }

    /// Sends requests, some of them side by side.
    pub async fn send_all(&self, user: User, all: Vec<(&'static str, String, Value)>) -> Result<(), Fault> {
        let client = self.world.client(user);
        let mut sent = Vec::with_capacity(all.len());
        for (method, path, body) in all {
            let client = client.clone();
            sent.push(async move { send(&client, method, &path, &body).await });
        }
        side_by_side(sent, SIDE_BY_SIDE).await
    }

    /// Waits until so many Rollouts, which are all there are, are in this phase.
    pub async fn all(&self, phase: &str, number: usize) -> Result<(), Fault> {
        eventually(&format!("{number} Rollouts that are {phase}"), PATIENCE, || async {
            let phases = self.phases().await;
            if phases.get(phase) == Some(&number) {
                return Ok(());
            }
            // Who looks too often takes the API server's time from others.
            tokio::time::sleep(Duration::from_millis(500)).await;
            Err(format!("{phases:?}"))
        })
        .await?;
        Ok(())
    }

    async fn phases(&self) -> BTreeMap<String, usize> {
        let all = self.world.get("/apis/argoproj.io/v1alpha1/rollouts?resourceVersion=0").await.unwrap_or_default();
        let mut count = BTreeMap::new();
        for item in all.get("items").and_then(Value::as_array).into_iter().flatten() {
            let phase = item.pointer("/status/phase").and_then(Value::as_str).unwrap_or("none");
            *count.entry(phase.to_owned()).or_default() += 1;
        }
        count
    }

    /// What the controller asked of the API server so far, without its lease and the beginnings of watches.
    pub fn calls(&self) -> Result<Vec<Record>, Fault> {
        let counts = |record: &Record| {
            let about = !record.object.resource.is_empty() && record.object.resource != "leases";
            record.user == User::Serin.name() && record.verb != "watch" && about
        };
        Ok(self.world.audit().read()?.into_iter().filter(counts).collect())
    }
}

/// Waits for all of these, so many of them side by side.
pub async fn side_by_side<T>(all: Vec<impl Future<Output = Result<T, Fault>>>, most: usize) -> Result<(), Fault> {
    futures::stream::iter(all).buffer_unordered(most).try_for_each(async |_| Ok(())).await
}

/// Sends a new object, or a merge patch.
pub async fn send(client: &kube::Client, method: &str, path: &str, body: &Value) -> Result<Value, Fault> {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
    let request = request.body(body.to_string().into_bytes())?;
    client.request(request).await.map_err(|error| format!("{method} {path}: {error}").into())
}
