//! The life of one pod, from its binding to its removal.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Container as Spec, Pod},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use super::{
    HASH_LABELS, NODE, RunningPod, Shared,
    status::{Container, Told, report},
};
use crate::{
    pod::{BEHAVIOUR_PATH, Behaviour, READY_PATH},
    world::{
        WorldError,
        server::{Launch, Server},
    },
};

/// The port that the service takes when the pod declares none.
const USUAL_PORT: u16 = 8080;
/// How often an unready pod is asked; a real kubelet is slower, and only slows tests down.
const PROBE_UNREADY: Duration = Duration::from_millis(100);
/// How often a ready pod is asked.
const PROBE_READY: Duration = Duration::from_millis(500);

/// How long a process that is to end at once may take for the answers that it has begun.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// What a pod's task is told.
#[derive(Debug)]
pub(super) enum Order {
    /// The pod is deleted: end it within this grace.
    Leave(Duration),
    /// The pod's object is gone.
    Gone,
    /// End the process, without any drain; start it again after so long, or never.
    Kill(Option<Duration>),
    /// Behave like this from now on.
    Behave(Behaviour),
}

/// How a process's life was ended.
enum Ended {
    /// The pod is to go.
    Leaving(Duration),
    /// The pod's object is gone, or the world is.
    Gone,
    /// The process is to be started again after this; `None`: never.
    Restart(Option<Duration>),
}

/// One pod's place on the node.
#[derive(Debug)]
pub(super) struct PodSlot {
    /// The pod as others see it.
    pub(super) pod: RunningPod,
    app: String,
    probe: SocketAddr,
    probe_path: String,
    bound: bool,
    told: Told,
}

impl PodSlot {
    /// Reads what the pod declares.
    pub(super) fn read(pod: &Pod, address: Ipv4Addr) -> Self {
        let nothing = Spec::default();
        let spec = pod.spec.as_ref();
        let container = spec.and_then(|spec| spec.containers.first()).unwrap_or(&nothing);
        let ports = container.ports.as_deref().unwrap_or_default();
        let number = |port: i32| u16::try_from(port).unwrap_or(USUAL_PORT);
        let port = ports.first().map_or(USUAL_PORT, |port| number(port.container_port));
        let probe = container.readiness_probe.as_ref();
        let probe = probe.and_then(|probe| probe.http_get.as_ref());
        let probe_port = match probe.map(|probe| &probe.port) {
            Some(IntOrString::Int(port)) => number(*port),
            _ => port,
        };
        let label = |name: &str| pod.labels().get(name).cloned();
        let image = container.image.clone().unwrap_or_default();
        Self {
            app: label("app").unwrap_or_default(),
            probe: SocketAddr::from((address, probe_port)),
            probe_path: probe.and_then(|probe| probe.path.clone()).unwrap_or_else(|| READY_PATH.to_owned()),
            bound: spec.is_some_and(|spec| spec.node_name.is_some()),
            told: Told {
                address: address.to_string(),
                image: image.clone(),
                container: container.name.clone(),
                since: Timestamp::now(),
                restarts: 0,
            },
            pod: RunningPod {
                namespace: pod.namespace().unwrap_or_default(),
                name: pod.name_any(),
                image,
                hash: HASH_LABELS.into_iter().find_map(label).unwrap_or_default(),
                address: SocketAddr::from((address, port)),
                older: 0,
            },
        }
    }

    /// Runs the pod until its object is gone.
    pub(super) async fn live(mut self, shared: &Shared, mut orders: mpsc::UnboundedReceiver<Order>) {
        let lived = self.run(shared, &mut orders).await;
        if let Err(error) = lived
            && !shared.over.load(Ordering::Relaxed)
        {
            let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            eprintln!("the kubelet's stand-in gives up on {}: {error}: {why}", self.pod.name);
        }
        shared.targets.remove(&self.pod);
    }

    async fn run(&mut self, shared: &Shared, orders: &mut mpsc::UnboundedReceiver<Order>) -> Result<(), WorldError> {
        if !self.bound {
            self.bind(shared).await?;
        }
        let mut pause = Duration::from_secs(1);
        loop {
            let mut server = self.launch(shared)?;
            self.tell(shared, Container::Running { ready: false }).await?;
            shared.targets.add(&self.pod, &self.app);
            let ended = self.serve(shared, &mut server, orders).await?;
            let ended = match ended {
                Ended::Restart(after) => {
                    server.interrupt();
                    end(&mut server, LAST_ANSWER).await;
                    self.tell(shared, Container::Crashed).await?;
                    // A crash that repeats waits longer each time, as a kubelet does, but in a test's time.
                    let after = after.map(|after| after.max(pause));
                    pause = (pause * 2).min(Duration::from_secs(10));
                    let Some(ended) = rest(after, orders).await else {
                        self.told.restarts += 1;
                        continue;
                    };
                    ended
                }
                ended => ended,
            };
            if let Ended::Leaving(grace) = ended {
                self.leave(shared, server, grace).await?;
            }
            return Ok(());
        }
    }

    async fn bind(&self, shared: &Shared) -> Result<(), WorldError> {
        let name = &self.pod.name;
        let binding = json!({
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": self.pod.namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        });
        let answer: Result<serde_json::Value, _> =
            self.api(shared).create_subresource("binding", name, &PostParams::default(), &binding).await;
        answer.map(drop).or_else(gone).map_err(WorldError::kube(format!("binding {name}")))
    }

    fn api(&self, shared: &Shared) -> Api<Pod> {
        Api::namespaced(shared.client.clone(), &self.pod.namespace)
    }

    fn launch(&self, shared: &Shared) -> Result<Server, WorldError> {
        let behaviour = shared.behaviour(&self.pod);
        let behaviour = serde_json::to_string(&behaviour).map_err(WorldError::malformed("a behaviour"))?;
        Launch::new(&self.pod.name, shared.program.clone(), &shared.root)
            .flag("listen", self.pod.address.to_string())
            .flag("pod", &self.pod.name)
            .flag("version", image_tag(&self.pod.image))
            .flag("hash", &self.pod.hash)
            .flag("behaviour", behaviour)
            .start()
    }

    async fn tell(&self, shared: &Shared, container: Container) -> Result<(), WorldError> {
        let status = report(&self.told, container);
        self.api(shared)
            .patch_status(&self.pod.name, &PatchParams::default(), &Patch::Strategic(status))
            .await
            .map(drop)
            .or_else(gone)
            .map_err(WorldError::kube(format!("reporting {}", self.pod.name)))
    }

    /// Probes the process and follows orders until one of them, or the process, ends.
    async fn serve(
        &mut self,
        shared: &Shared,
        server: &mut Server,
        orders: &mut mpsc::UnboundedReceiver<Order>,
    ) -> Result<Ended, WorldError> {
        let mut ready = false;
        loop {
            let pause = if ready { PROBE_READY } else { PROBE_UNREADY };
            match tokio::time::timeout(pause, orders.recv()).await {
                Ok(None | Some(Order::Gone)) => return Ok(Ended::Gone),
                Ok(Some(Order::Leave(grace))) => return Ok(Ended::Leaving(grace)),
                Ok(Some(Order::Kill(after))) => return Ok(Ended::Restart(after)),
                Ok(Some(Order::Behave(behaviour))) => self.teach(&behaviour).await,
                Err(_) => {}
            }
            if server.ended().is_some() {
                return Ok(Ended::Restart(Some(Duration::ZERO)));
            }
            let answers = matches!(ask(self.probe, &self.probe_path, "").await, Ok(200));
            if answers != ready {
                ready = answers;
                self.tell(shared, Container::Running { ready }).await?;
            }
        }
    }

    /// Tells the running process how to behave; it may still be starting.
    async fn teach(&self, behaviour: &Behaviour) {
        let Ok(body) = serde_json::to_string(behaviour) else {
            return;
        };
        for _ in 0..40 {
            if matches!(ask(self.pod.address, BEHAVIOUR_PATH, &body).await, Ok(200)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Asks the process to end, waits for it, and removes the pod's object.
    async fn leave(&self, shared: &Shared, mut server: Server, grace: Duration) -> Result<(), WorldError> {
        server.terminate();
        end(&mut server, grace).await;
        shared.targets.remove(&self.pod);
        let at_once = DeleteParams::default().grace_period(0);
        self.api(shared)
            .delete(&self.pod.name, &at_once)
            .await
            .map(drop)
            .or_else(gone)
            .map_err(WorldError::kube(format!("removing {}", self.pod.name)))
    }
}

/// Waits until the process has ended; kills it after the grace.
async fn end(server: &mut Server, grace: Duration) {
    let began = Instant::now();
    while server.ended().is_none() && began.elapsed() < grace {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.kill();
}

/// Waits until a process may start again. Answers how the pod ended if it ended before.
async fn rest(after: Option<Duration>, orders: &mut mpsc::UnboundedReceiver<Order>) -> Option<Ended> {
    let mut until = after.and_then(|after| Instant::now().checked_add(after));
    loop {
        let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        match tokio::time::timeout(left, orders.recv()).await {
            Err(_) => return None,
            Ok(None | Some(Order::Gone)) => return Some(Ended::Gone),
            Ok(Some(Order::Leave(_))) => return Some(Ended::Leaving(Duration::ZERO)),
            Ok(Some(Order::Kill(after))) => {
                until = after.and_then(|after| Instant::now().checked_add(after));
            }
            // The next process starts with it.
            Ok(Some(Order::Behave(_))) => {}
        }
    }
}

/// A pod that has gone in the meantime is no fault.
fn gone(error: kube::Error) -> Result<(), kube::Error> {
    match error {
        kube::Error::Api(status) if status.code == 404 => Ok(()),
        error => Err(error),
    }
}

/// Asks a pod for a page, or sends it a body; answers the status.
async fn ask(to: SocketAddr, path: &str, body: &str) -> std::io::Result<u16> {
    let asked = async {
        let mut stream = TcpStream::connect(to).await?;
        let method = if body.is_empty() { "GET" } else { "POST" };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split_whitespace().nth(1);
        status.and_then(|status| status.parse().ok()).ok_or_else(|| std::io::Error::other("no status line"))
    };
    tokio::time::timeout(Duration::from_secs(1), asked).await?
}

/// The tag of an image: what stands after the last colon of its last part; the whole image when it has none.
pub fn image_tag(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').map_or(image, |(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::image_tag;

    #[test]
    fn a_tag_is_what_follows_the_colon_of_the_last_part() {
        let check = |image: &str, expect: &str| assert_eq!(image_tag(image), expect);
        check("web:v2", "v2");
        check("registry:5000/shop/web:v2", "v2");
        check("registry:5000/web", "registry:5000/web");
    }
}
