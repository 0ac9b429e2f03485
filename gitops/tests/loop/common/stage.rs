//! The loop on the simulator's API server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use serin_analysis::provider::{Egress, HttpFetch, HttpOptions};
use serin_controller::runtime::client;
use serin_controller::runtime::clock::Clock;
use serin_controller::runtime::gate::WriteGate;
use serin_controller::runtime::metrics::Registry;
use serin_gitops::app::{App, Parts};
use serin_gitops::git::Program;
use serin_sim::server::{Key, SimServer};
use tokio::task::JoinHandle;

use super::repository::Folder;

pub const USER: &str = "system:serviceaccount:argo-rollouts:serin-gitops";

/// The loop, which can be killed and started again.
pub struct Stage {
    pub server: SimServer,
    pub clock: Clock,
    pub registry: Registry,
    pub git: PathBuf,
    pub work: Folder,
    running: Option<JoinHandle<()>>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

impl Stage {
    /// A stage on this server; time has to pass as it does for everybody, since git is no simulation.
    pub fn new(server: &SimServer, now: Timestamp) -> Self {
        let crd =
            serde_saphyr::from_str(include_str!("../../../../crds/generated/gitops/rollbackpolicies.yaml")).unwrap();
        server.register_crd(crd).unwrap();
        let clock = Clock::anchored(now);
        let registry = Registry::new(clock.clone());
        let (server, git, work) = (server.clone(), PathBuf::from("git"), Folder::new());
        Self { server, clock, registry, git, work, running: None }
    }

    pub fn start(&mut self) {
        let gate = WriteGate::always_open(self.clock.clone());
        let clients = client::wrap(&self.server.client(USER), &self.registry, &gate);
        let egress = Egress { listed: vec!["127.0.0.1".parse().unwrap()], ..Egress::default() };
        let fetch = HttpFetch::new(HttpOptions { egress: egress.clone(), ..HttpOptions::default() });
        let variable = |name: &str| std::env::var(name).ok();
        let program = Program::of(variable, self.git.clone(), self.work.0.clone(), "file:http".to_owned());
        let parts = Parts {
            watches: clients.watches,
            calls: clients.calls,
            clock: self.clock.anew(),
            fetch: Arc::new(fetch),
            program,
            egress,
            gate,
            registry: self.registry.clone(),
            namespace: None,
        };
        self.running = Some(tokio::spawn(async move {
            let app = App::start(parts);
            app.work().await;
        }));
    }

    /// Ends the loop at once, without any chance to clean up.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    pub fn create(&self, object: Value) {
        self.server.as_user("platform").create(object).unwrap();
    }

    /// A policy in the namespace default; `spec` is filled in.
    pub fn policy(&self, name: &str, spec: &Value) {
        self.create(json!({
            "apiVersion": "serin.dev/v1alpha1", "kind": "RollbackPolicy",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        }));
    }

    pub fn secret(&self, name: &str, keys: &[(&str, &str)]) {
        use base64::Engine as _;
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let data: Value = keys.iter().map(|(key, text)| ((*key).to_owned(), Value::from(encode(text)))).collect();
        let metadata = json!({"name": name, "namespace": "default"});
        self.create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}));
    }

    /// The status of a policy.
    pub fn status(&self, name: &str) -> Value {
        let policy = self.server.as_user("platform").get("rollbackpolicies", &Key::new("default", name));
        policy.map(|policy| policy["status"].clone()).unwrap_or_default()
    }

    /// Waits until the status of a policy is like this.
    pub async fn until(&self, name: &str, what: &str, reached: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..12_000 {
            let status = self.status(name);
            if reached(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} has not come about: {:#}", self.status(name));
    }

    /// Waits until the newest rollback is at this stage, and all that is to be said is said.
    pub async fn stage(&self, name: &str, stage: &str) -> Value {
        let status = self.until(name, stage, |status| {
            let rollback = &status["rollbacks"][0];
            let told = |notice: &Value| notice["state"] != "Sending";
            rollback["stage"] == stage && rollback["notices"].as_array().is_none_or(|all| all.iter().all(told))
        });
        status.await["rollbacks"][0].clone()
    }
}
