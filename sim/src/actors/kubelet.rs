//! Runs pods: gives them a node and an address, makes them ready in their time, restarts them, and ends them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Behaviour, Behaviours, Task,
    pod::{Health, Life, is_dying, ready_since, status},
};
use crate::server::{
    Change, Deletion, Direct, Followed, Follower, Key, SimServer,
    json::{at, integer, list, put, text},
};

/// The name of the only node.
const NODE: &str = "sim-node";

/// The time between the end of a process and its second start; it doubles from then on.
const BACK_OFF_FIRST: Duration = Duration::from_secs(10);

/// The longest time between two starts of a process that keeps ending.
const BACK_OFF: Duration = Duration::from_secs(300);

/// Runs the pods of a server; it stops when this is dropped.
#[derive(Debug)]
pub struct Kubelet {
    direct: Direct,
    orders: mpsc::UnboundedSender<(Key, Deed)>,
    _task: Task,
}

impl Kubelet {
    /// Starts to run the pods of `server`.
    pub fn spawn(server: &SimServer, behaviours: Behaviours, reaction: Duration) -> Self {
        let (orders, given) = mpsc::unbounded_channel();
        let direct = server.as_user(&format!("system:node:{NODE}")).managed_by("kubelet");
        let reader = direct.clone();
        let followed = direct.follow("pods");
        let worker = Worker {
            scheduler: server.as_user("system:kube-scheduler"),
            direct,
            server: server.clone(),
            behaviours,
            pods: HashMap::new(),
            timers: BTreeMap::new(),
            count: 0,
            made: HashMap::new(),
        };
        let task = tokio::spawn(async move {
            if let Some((follower, pods)) = followed {
                worker.run(follower, pods, given, reaction).await;
            }
        });
        Self { direct: reader, orders, _task: Task(task) }
    }

    /// Ends the process of a pod, which is then started again as after a crash; it takes `back` to become ready, or as long as
    /// its image says.
    pub fn kill_pod(&self, pod: &Key, back: Option<Duration>) {
        // Nobody listens only when the runtime ends.
        let _ = self.orders.send((pod.clone(), Deed::Crash(back)));
    }

    /// Lets running pods of `image` go over to what the behaviours now say of it.
    pub fn reconsider(&self, image: &str) {
        let runs =
            |pod: &Arc<Value>| list(pod, &["spec", "containers"]).iter().any(|part| text(part, &["image"]) == image);
        for pod in self.direct.list("pods", "").iter().filter(|pod| runs(pod)) {
            let _ = self.orders.send((Key::of(pod), Deed::Turn));
        }
    }

    /// Evicts a pod: it fails for good, and its `ReplicaSet` makes another.
    pub fn evict_pod(&self, pod: &Key) {
        let _ = self.orders.send((pod.clone(), Deed::Fail));
    }
}

/// What happens to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Start,
    Ready,
    Unready,
    Crash(Option<Duration>),
    Fail,
    Turn,
    Remove,
}

/// What the kubelet knows of a pod.
#[derive(Debug)]
struct Running {
    uid: String,
    ip: String,
    restarts: i64,
    dying: bool,
    /// How long its next start takes, if not as long as its image says.
    back: Option<Duration>,
    /// How many pods of its image were made before it.
    older: u32,
}

struct Worker {
    scheduler: Direct,
    direct: Direct,
    server: SimServer,
    behaviours: Behaviours,
    pods: HashMap<Key, Running>,
    timers: BTreeMap<(Instant, u64), (Key, String, Deed)>,
    count: u64,
    /// How many pods of each image were made.
    made: HashMap<String, u32>,
}

impl Worker {
    async fn run(
        mut self,
        mut follower: Follower,
        pods: Vec<Arc<Value>>,
        mut given: mpsc::UnboundedReceiver<(Key, Deed)>,
        reaction: Duration,
    ) {
        for pod in pods {
            self.see(&Followed::new(pod));
        }
        loop {
            let next = self.timers.keys().next().map(|(at, _)| *at);
            tokio::select! {
                biased;
                () = follower.changed() => {
                    sleep(reaction).await;
                    for change in follower.drain() {
                        self.see(&change);
                    }
                }
                Some((key, deed)) = given.recv() => self.carry_out(&key, deed),
                () = wait(next) => self.fire(),
            }
        }
    }

    /// Takes in that a pod changed.
    fn see(&mut self, change: &Followed) {
        let Some(pod) = &change.after else {
            self.pods.remove(&change.key);
            return;
        };
        let uid = text(pod, &["metadata", "uid"]).to_owned();
        let new = self.pods.get(&change.key).is_none_or(|known| known.uid != uid);
        if new {
            self.adopt(change.key.clone(), pod, uid.clone());
        }
        let Some(known) = self.pods.get_mut(&change.key) else {
            return;
        };
        if is_dying(pod) && !known.dying {
            known.dying = true;
            let grace = integer(pod, &["metadata", "deletionGracePeriodSeconds"]).unwrap_or_default();
            let grace = Duration::from_secs(u64::try_from(grace).unwrap_or_default());
            self.later(self.behaviours.of(pod).drain.min(grace), change.key.clone(), uid, Deed::Remove);
        }
    }

    /// Gives a new pod an address, a node and a start; one that was running before is taken as it is.
    fn adopt(&mut self, key: Key, pod: &Value, uid: String) {
        self.count += 1;
        let number = self.count;
        let ip = match text(pod, &["status", "podIP"]) {
            "" => format!("10.{}.{}.{}", 1 + (number >> 16 & 0x7f), number >> 8 & 0xff, number & 0xff),
            known => known.to_owned(),
        };
        let fresh = text(pod, &["spec", "nodeName"]).is_empty();
        let image = list(pod, &["spec", "containers"]).first().map_or("", |container| text(container, &["image"]));
        let made = self.made.entry(image.to_owned()).or_default();
        let older = std::mem::replace(made, *made + 1);
        self.pods.insert(key.clone(), Running { uid: uid.clone(), ip, restarts: 0, dying: false, back: None, older });
        if fresh && !is_dying(pod) {
            // A pod that is gone meanwhile needs no node.
            let _ = self.scheduler.merge("pods", &key, json!({"spec": {"nodeName": NODE}}));
            self.later(Duration::ZERO, key, uid, Deed::Start);
        }
    }

    fn later(&mut self, delay: Duration, key: Key, uid: String, deed: Deed) {
        self.count += 1;
        self.timers.insert((crate::server::tokio_now() + delay, self.count), (key, uid, deed));
    }

    /// Does what is due.
    fn fire(&mut self) {
        let now = crate::server::tokio_now();
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let (key, uid, deed) = entry.remove();
            if self.pods.get(&key).is_some_and(|known| known.uid == uid) {
                self.carry_out(&key, deed);
            }
        }
    }

    fn carry_out(&mut self, key: &Key, deed: Deed) {
        let Some(pod) = self.direct.get("pods", key) else {
            return;
        };
        let Some(known) = self.pods.get_mut(key) else {
            return;
        };
        let uid = known.uid.clone();
        let mut behaviour = self.behaviours.of(&pod);
        behaviour.never_ready |= known.older < behaviour.never_ready_pods;
        let ended = matches!(text(&pod, &["status", "phase"]), "Failed" | "Succeeded");
        match deed {
            Deed::Remove => {
                let deletion = Deletion { grace: Some(0), ..Deletion::default() };
                // It may be gone already, or be kept by a finalizer of somebody else's.
                let _ = self.direct.delete_with("pods", key, &deletion);
            }
            _ if known.dying || ended => {}
            Deed::Start => {
                behaviour.ready_after = known.back.take().unwrap_or(behaviour.ready_after);
                self.write(key, &pod, Health::Starting);
                self.expect(key, uid, behaviour, false);
            }
            Deed::Ready => {
                self.write(key, &pod, Health::Ready);
                self.expect(key, uid, behaviour, true);
            }
            Deed::Unready => {
                self.write(key, &pod, Health::Starting);
                let down = behaviour.flaps.map_or(behaviour.ready_after, |(_, down)| down);
                self.later(down, key.clone(), uid, Deed::Ready);
            }
            Deed::Turn => {
                let ready = ready_since(&pod).is_some();
                self.forget(&uid);
                if ready && behaviour.never_ready {
                    self.write(key, &pod, Health::Starting);
                }
                self.expect(key, uid, behaviour, ready);
            }
            Deed::Crash(back) => {
                known.back = back;
                known.restarts += 1;
                let doubled = u32::try_from(known.restarts - 1).unwrap_or(5).min(5);
                let pause = (BACK_OFF_FIRST * 2_u32.pow(doubled)).min(BACK_OFF);
                self.forget(&uid);
                self.write(key, &pod, Health::Crashed);
                self.later(pause, key.clone(), uid, Deed::Start);
            }
            Deed::Fail => {
                let failed = json!({"status": {"phase": "Failed", "reason": "Evicted", "conditions": null}});
                let _ = self.direct.merge("pods/status", key, failed);
            }
        }
    }

    /// Expects what comes next in the life of a pod.
    fn expect(&mut self, key: &Key, uid: String, behaviour: Behaviour, ready: bool) {
        match (ready, behaviour.crash_after, behaviour.flaps) {
            _ if behaviour.never_ready => {}
            (false, ..) => self.later(behaviour.ready_after, key.clone(), uid, Deed::Ready),
            (true, Some(life), _) => self.later(life, key.clone(), uid, Deed::Crash(None)),
            (true, None, Some((up, _))) => self.later(up, key.clone(), uid, Deed::Unready),
            (true, None, None) => {}
        }
    }

    /// Expects nothing more of a pod but its end.
    fn forget(&mut self, uid: &str) {
        self.timers.retain(|_, (_, other, deed)| other != uid || *deed == Deed::Remove);
    }

    fn write(&self, key: &Key, pod: &Value, health: Health) {
        let Some(known) = self.pods.get(key) else {
            return;
        };
        let now = format!("{:.0}", self.server.now());
        let life = Life { health, restarts: known.restarts, ip: &known.ip, now: &now };
        let mut changes = json!({"status": status(pod, life)});
        if let Some(uid) = at(pod, &["metadata", "uid"]) {
            put(&mut changes, &["metadata", "uid"], uid.clone());
        }
        // A pod that is gone meanwhile has no status.
        let _ = self.direct.patch("pods/status", key, &Change::Merge(changes));
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
