//! Clients of the API server: one for watches, one for calls.
//!
//! kube's defaults don't suit an abort: it retries by itself up to fifteen times, and a request that is never answered
//! is never given up. Here each call has a deadline, is counted, and passes the write gate first.

mod calls;
mod transport;

use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serin_analysis::provider::Proxies;

pub use self::calls::{Calls, CallsLayer, TooLong};
use self::transport::transport;
use super::gate::{NotLeader, WriteGate};
use super::metrics::Registry;

/// How long a call may take until the head of its answer, and how long its connection may be silent.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// How to reach a cluster, when not by the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// A kubeconfig file.
    pub kubeconfig: Option<String>,
    /// A context in the kubeconfig.
    pub context: Option<String>,
    /// A cluster in the kubeconfig, instead of the context's.
    pub cluster: Option<String>,
    /// A user in the kubeconfig, instead of the context's.
    pub user: Option<String>,
}

impl Reach {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A kubeconfig was asked for and cannot be used.
    #[error("cannot use the kubeconfig")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// Neither a kubeconfig nor a service account was found.
    #[error("found neither a kubeconfig nor a service account; pass --kubeconfig or run in a cluster")]
    Nothing(#[from] kube::config::InferConfigError),
    /// The configuration was found, but no client can be made from it.
    #[error("cannot make a client for {url}")]
    Build {
        /// Address of the API server.
        url: String,
        /// Why.
        source: Box<kube::Error>,
    },
}

/// The clients of one cluster.
#[derive(Clone)]
pub struct Clients {
    /// For lists and watches: answers may take as long as a watch.
    pub watches: Client,
    /// For everything else: each call has a deadline.
    pub calls: Client,
    /// Namespace that the configuration names.
    pub default_namespace: String,
}

/// Finds the cluster: by the kubeconfig that is asked for, else by the environment, else by the service account.
///
/// # Errors
/// A sentence about what was looked for.
pub async fn find_cluster(reach: &Reach) -> Result<Config, ClientError> {
    let options =
        KubeConfigOptions { context: reach.context.clone(), cluster: reach.cluster.clone(), user: reach.user.clone() };
    match &reach.kubeconfig {
        Some(path) => Ok(Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?),
        None if reach.is_default() => Ok(Config::infer().await?),
        None => Ok(Config::from_kubeconfig(&options).await?),
    }
}

/// Makes the two clients of a cluster.
///
/// # Errors
/// The configuration holds something that cannot be used, such as a broken certificate.
pub fn connect(
    config: &Config,
    proxies: &Proxies,
    registry: &Registry,
    gate: &WriteGate,
) -> Result<Clients, ClientError> {
    // Another part of the process may have chosen a provider already; that one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let calls = Calls::new(registry);
    let watching = tune(config, None);
    let calling = tune(config, Some(CALL_DEADLINE));
    Ok(Clients {
        watches: build(&watching, proxies, &CallsLayer::for_watches(calls.clone()))?,
        calls: build(&calling, proxies, &CallsLayer::for_calls(calls, gate.clone()))?,
        default_namespace: config.default_namespace.clone(),
    })
}

/// Sets what kube leaves open: no hidden retries, deadlines, who we are.
fn tune(config: &Config, read_timeout: Option<Duration>) -> Config {
    let mut config = config.clone();
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = read_timeout;
    config.write_timeout = Some(CALL_DEADLINE);
    config.reset_reader_on_write = true;
    config.default_retry = false;
    let agent = concat!("serin-controller/", env!("CARGO_PKG_VERSION"));
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    config
}

fn build(config: &Config, proxies: &Proxies, layer: &CallsLayer) -> Result<Client, ClientError> {
    let failed = |source| ClientError::Build { url: config.cluster_url.to_string(), source: Box::new(source) };
    let transport = transport(config, proxies).map_err(failed)?;
    Ok(ClientBuilder::new(transport, &config.default_namespace).with_layer(layer).build())
}

/// Wraps a client that exists, such as that of the simulator, so that its calls are counted and pass the gate too.
pub fn wrap(client: &Client, registry: &Registry, gate: &WriteGate) -> Clients {
    let calls = Calls::new(registry);
    let default_namespace = client.default_namespace().to_owned();
    let layered = |layer: &CallsLayer| {
        let inner = client.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let inner = inner.clone();
            async move { inner.send(request).await.map_err(tower::BoxError::from) }
        });
        ClientBuilder::new(service, default_namespace.clone()).with_layer(layer).build()
    };
    Clients {
        watches: layered(&CallsLayer::for_watches(calls.clone())),
        calls: layered(&CallsLayer::for_calls(calls, gate.clone())),
        default_namespace: default_namespace.clone(),
    }
}

/// Opens connections before they are needed: an abort should not pay for a TLS handshake.
///
/// Asks for the server's version on as many connections at once; failures don't matter.
pub async fn warm_up(client: &Client, connections: usize) {
    let asks = (0..connections).map(|_| client.apiserver_version());
    futures::future::join_all(asks).await;
}

/// Tells whether a call was held back because we don't lead.
pub fn is_not_leader(error: &kube::Error) -> bool {
    caused_by::<NotLeader>(error)
}

/// Tells whether a call took too long: it may have been carried out, so the world must be read again.
pub fn is_timeout(error: &kube::Error) -> bool {
    caused_by::<calls::TooLong>(error)
}

fn caused_by<E: std::error::Error + 'static>(error: &kube::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    // Sources of boxed errors are the errors themselves, or theirs.
    matches!(error, kube::Error::Service(boxed) if boxed.is::<E>())
}

#[cfg(test)]
mod tests;
