//! A world: a control plane, a mesh, pods, users and their measurements, all of them real.
//!
//! It lives in the network namespace that [`crate::runner`] made for it; each server has a folder of its own below the
//! world's folder, and its log there.

mod api_gate;
mod audit;
mod control_plane;
mod controller;
mod error;
mod gate;
mod install;
mod kubelet;
mod load;
mod memory;
mod mesh;
pub(crate) mod network;
mod objects;
mod parts;
mod prometheus;
mod server;
mod tool;
mod users;
mod wait;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use kube::Client;

pub use self::{
    api_gate::ApiGate,
    audit::{Audit, Bodies, ObjectRef, Record},
    controller::{Controller, ControllerPlan},
    error::WorldError,
    gate::{Answer, Answered, Gate, Mode},
    kubelet::{HASH_LABELS, Kubelet, RunningPod, image_tag},
    load::{Felt, Load, LoadPlan, Slot},
    memory::Memory,
    mesh::{Envoy, answers},
    network::{ENVOY_ADMIN, ENVOY_PROXY, KUBE_API, PROMETHEUS},
    objects::{parse, path_of},
    parts::{Parts, built},
    prometheus::Prometheus,
    server::{Launch, Server},
    tool::Said,
    users::{User, Users},
    wait::eventually,
};
pub use crate::pod::{Behaviour, Flaps, Ready};
use crate::runner::WORLD_DIR;

/// What a world is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// istiod and Envoy.
    pub mesh: bool,
    /// Prometheus, and the gate in front of it.
    pub prometheus: bool,
    /// Kubernetes' own controllers, and pods that run.
    pub pods: bool,
    /// Our own kinds; a trial that installs them itself goes without.
    pub kinds: bool,
    /// etcd waits for the disk, as in production; only figures about latency need it.
    pub fsync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { mesh: true, prometheus: true, pods: true, kinds: true, fsync: false }
    }
}

/// A running world.
///
/// # Guarantees
/// Everything it started ends when it is dropped.
pub struct World {
    folder: PathBuf,
    users: Users,
    clients: BTreeMap<User, Client>,
    kubelet: Option<Kubelet>,
    gate: Option<Gate>,
    servers: Vec<Server>,
}

impl World {
    /// Starts every part and waits until all of them are ready.
    ///
    /// # Errors
    /// When this process is not in a world's network, a part is missing, or one of them doesn't become ready.
    pub async fn start(options: Options) -> Result<Self, WorldError> {
        let Some(folder) = std::env::var_os(WORLD_DIR).map(PathBuf::from) else {
            return Err(WorldError::Outside);
        };
        // Only the first call in a process succeeds, and one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let parts = Parts::locate();
        let etcd = control_plane::etcd(&parts, &folder, options.fsync)?;
        let (api, users) = control_plane::api_server(&parts, &folder).await?;
        let mut clients = BTreeMap::new();
        for user in User::ALL {
            clients.insert(user, users.client(user).await?);
        }
        let mut world = Self { folder, users, clients, kubelet: None, gate: None, servers: vec![etcd, api] };
        world.furnish(&parts, options).await?;
        Ok(world)
    }

    /// Starts what stands on the API server.
    async fn furnish(&mut self, parts: &Parts, options: Options) -> Result<(), WorldError> {
        let (folder, users) = (self.folder.clone(), self.users.clone());
        if options.pods {
            let manager = control_plane::controller_manager(parts, &folder, &users)?;
            self.servers.push(manager);
        }
        let client = self.client(User::Admin);
        let measured = async {
            if !options.prometheus {
                return Ok(None);
            }
            let server = prometheus::prometheus(parts, &folder).await?;
            Ok::<_, WorldError>(Some((server, Gate::open().await?)))
        };
        let installed = async {
            install::kinds_and_roles(&client, parts, options.kinds).await?;
            if !options.mesh {
                return Ok(None);
            }
            let istiod = mesh::istiod(parts, &folder, &users).await?;
            Ok::<_, WorldError>(Some((istiod, mesh::envoy(parts, &folder).await?)))
        };
        let (measured, installed) = tokio::try_join!(measured, installed)?;
        if let Some((server, gate)) = measured {
            self.servers.push(server);
            self.gate = Some(gate);
        }
        if let Some((istiod, envoy)) = installed {
            self.servers.extend([istiod, envoy]);
        }
        if options.pods {
            let client = self.client(User::Kubelet);
            self.kubelet = Some(Kubelet::start(client, &self.folder).await?);
            install::account(&self.client(User::Admin), "default").await?;
        }
        Ok(())
    }

    /// The world's folder; each server has a folder of its own in it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The kubeconfigs of all users.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// A client with the credentials of a user.
    pub fn client(&self, user: User) -> Client {
        match self.clients.get(&user) {
            Some(client) => client.clone(),
            None => unreachable!("clients are made for all users"),
        }
    }

    /// The kubelet's stand-in.
    ///
    /// # Errors
    /// When the world was started without pods.
    pub fn kubelet(&self) -> Result<&Kubelet, WorldError> {
        self.kubelet.as_ref().ok_or_else(|| absent("pods"))
    }

    /// The gate in front of Prometheus.
    ///
    /// # Errors
    /// When the world was started without Prometheus.
    pub fn gate(&self) -> Result<&Gate, WorldError> {
        self.gate.as_ref().ok_or_else(|| absent("prometheus"))
    }

    /// Opens a gate in front of the API server, for the controller under test.
    ///
    /// # Errors
    /// When its address is taken, as by another one.
    pub async fn api_gate(&self) -> Result<ApiGate, WorldError> {
        ApiGate::open(&self.users, self.client(User::Gitops), &self.folder).await
    }

    /// Prometheus itself, past the gate.
    pub fn prometheus(&self) -> Prometheus {
        Prometheus
    }

    /// Envoy's view of the mesh.
    pub fn envoy(&self) -> Envoy {
        Envoy
    }

    /// Sets how the pods of an image behave, running ones included.
    ///
    /// # Errors
    /// When the world was started without pods.
    pub fn set_behaviour(&self, image: &str, behaviour: &Behaviour) -> Result<(), WorldError> {
        self.kubelet()?.behave(image, behaviour);
        Ok(())
    }

    /// Makes a namespace and waits until pods can be created in it.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn namespace(&self, name: &str) -> Result<(), WorldError> {
        install::namespace(&self.client(User::Admin), name).await?;
        if self.kubelet.is_some() {
            install::account(&self.client(User::Admin), name).await?;
        }
        Ok(())
    }

    /// Starts a controller.
    ///
    /// # Errors
    /// When its program can't be run.
    pub fn controller(&self, plan: ControllerPlan) -> Result<Controller, WorldError> {
        Controller::start(self, plan)
    }

    /// Lets users send requests through Envoy.
    ///
    /// # Errors
    /// When the page is no address.
    pub fn load(&self, plan: &LoadPlan) -> Result<Load, WorldError> {
        Load::start(plan)
    }

    /// The audit log, read from its start.
    pub fn audit(&self) -> Audit {
        Audit::from_start(&self.folder)
    }

    /// One of the servers by its name: `etcd`, `kube-apiserver`, `kube-controller-manager`, `istiod`, `envoy`, `prometheus`.
    pub fn server(&mut self, name: &str) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.name() == name)
    }

    /// Says that every server still runs.
    ///
    /// # Errors
    /// When one has ended, with the end of its log.
    pub fn check(&mut self) -> Result<(), WorldError> {
        self.servers.iter_mut().try_for_each(Server::check)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kubelet = None;
        self.gate = None;
        // All at once; then each has a second, the last one started first.
        for server in self.servers.iter_mut().rev() {
            server.terminate();
        }
        while self.servers.pop().is_some() {}
    }
}

fn absent(option: &str) -> WorldError {
    WorldError::Malformed { what: "this world".to_owned(), why: format!("was started without `{option}`") }
}

/// The client for plain HTTP inside the world.
pub(crate) fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
    Ok(CLIENT.get_or_init(|| client).clone())
}
