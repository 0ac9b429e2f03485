//! Serves the simulation on TCP, so that an ordinary kubectl can look at it.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, Request, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tower::Service;

use super::{Inner, service::UserEndpoint};

/// A server that listens; it stops, with all its connections, when this is dropped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    pub(super) async fn bind(inner: &Arc<Inner>, address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(Arc::clone(inner), listener));
        Ok(Self { address, task })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes a kubeconfig for it.
    pub fn kubeconfig(&self) -> String {
        kubeconfig(self.address)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(inner: Arc<Inner>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(Arc::clone(&inner), stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(inner: Arc<Inner>, stream: TcpStream) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut door = UserEndpoint { inner: Arc::clone(&inner), user: user(request.headers()).into() };
        door.call(request)
    });
    // A connection that breaks is the caller's business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Returns who calls: the one impersonated, or the one whose name is the token.
fn user(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let token = text(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    text("impersonate-user").or(token).unwrap_or("kubernetes-admin").to_owned()
}

/// Writes a kubeconfig for a server that listens at `address`; the token is the name of the user.
pub fn kubeconfig(address: SocketAddr) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: serin-sim
  cluster:
    server: http://{address}
contexts:
- name: serin-sim
  context:
    cluster: serin-sim
    namespace: default
    user: kubernetes-admin
current-context: serin-sim
users:
- name: kubernetes-admin
  user:
    token: kubernetes-admin
"
    )
}
