//! Pods are processes: they become ready, die, come back, and leave as real ones do.

use std::time::Duration;

use serde_json::{Value, json};
use serin_e2e::{
    runner::Fault,
    world::{Behaviour, Options, Ready, User, World, WorldError, eventually},
};

const PODS: &str = "/api/v1/namespaces/default/pods";
const SET: &str = "/apis/apps/v1/namespaces/default/replicasets/shop";
const LIMIT: Duration = Duration::from_secs(20);

const MANIFEST: &str = r"
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers: [{name: shop, image: 'shop:v1'}]
";

pub async fn pods_live_and_die() -> Result<(), Fault> {
    let options = Options { mesh: false, prometheus: false, ..Options::default() };
    let mut world = World::start(options).await?;
    let never = Behaviour { ready: Ready::Never, ..Behaviour::default() };
    world.set_behaviour("shop:v1", &never)?;
    world.create(User::Person, MANIFEST).await?;
    shows(&world, "/status/replicas", 3).await?;
    running(&world, 3).await?;
    shows(&world, "/status/readyReplicas", 0).await?;

    world.set_behaviour("shop:v1", &Behaviour::default())?;
    shows(&world, "/status/readyReplicas", 3).await?;

    let victim = world.kubelet()?.pods().pop().ok_or("the kubelet's stand-in knows no pod")?;
    world.kubelet()?.kill(&victim.namespace, &victim.name, Some(LIMIT / 10));
    shows(&world, "/status/readyReplicas", 2).await?;
    shows(&world, "/status/readyReplicas", 3).await?;
    let pod = world.get(&format!("{PODS}/{}", victim.name)).await?;
    let restarts = pod.pointer("/status/containerStatuses/0/restartCount");
    if restarts != Some(&json!(1)) {
        return Err(format!("restarts: {restarts:?}").into());
    }

    world.patch(User::Person, SET, &json!({"spec": {"replicas": 1}})).await?;
    shows(&world, "/status/replicas", 1).await?;
    running(&world, 1).await?;
    world.delete(User::Person, SET).await?;
    running(&world, 0).await?;
    world.check()?;
    Ok(())
}

/// Waits until the replica set shows this number.
async fn shows(world: &World, pointer: &str, number: u64) -> Result<(), WorldError> {
    let what = format!("{number} at {pointer} of the replica set");
    eventually(&what, LIMIT, async || {
        let set = world.get(SET).await.map_err(|error| error.to_string())?;
        let have = set.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        (have == number).then_some(()).ok_or(have.to_string())
    })
    .await
}

/// Waits until so many pods are there, as objects and as processes.
async fn running(world: &World, number: usize) -> Result<(), WorldError> {
    eventually(&format!("{number} pods"), LIMIT, async || {
        let list = world.get(PODS).await.map_err(|error| error.to_string())?;
        let running = |pod: &&Value| pod.pointer("/status/phase") == Some(&json!("Running"));
        let pods = list.get("items").and_then(Value::as_array);
        let objects = pods.map_or(0, |pods| pods.iter().filter(running).count());
        let mut processes = 0;
        for pod in world.kubelet().map_err(|error| error.to_string())?.pods() {
            let answers = tokio::net::TcpStream::connect(pod.address).await;
            processes += usize::from(answers.is_ok());
        }
        let same = objects == number && processes == number;
        same.then_some(()).ok_or(format!("{objects} objects, {processes} processes"))
    })
    .await
}
