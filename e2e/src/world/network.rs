//! Who has which address in a world. Worlds have networks of their own, so all of them use the same.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The addresses that are put on `lo`, beside loopback.
pub const ADDRESSES: [&str; 2] = ["10.0.0.1/32", "10.0.0.2/32"];
/// The addresses of pods: all of them are local.
pub const PODS: &str = "10.244.0.0/16";
/// The names that a world knows without a name server.
pub const HOSTS: &str = "127.0.0.1 localhost\n\
    127.0.0.1 prometheus prometheus.monitoring prometheus.monitoring.svc prometheus.monitoring.svc.cluster.local\n\
    127.0.0.1 prometheus.istio-system prometheus.istio-system.svc prometheus.istio-system.svc.cluster.local\n";

/// The address that the API server tells others.
pub const API_SERVER: &str = "10.0.0.1";
/// The address of the node and of the client whose sidecar Envoy is.
pub const NODE: &str = "10.0.0.2";
/// The range of the Services' own addresses; nothing listens there.
pub const SERVICES: &str = "10.96.0.0/16";

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Where etcd listens for clients.
pub const ETCD: SocketAddr = local(2379);
/// Where etcd listens for other members.
pub const ETCD_PEER: SocketAddr = local(2380);
/// Where the API server listens.
pub const KUBE_API: SocketAddr = local(6443);
/// Where the controller calls the API server through a gate that can be told to fail.
pub const API_GATE: SocketAddr = local(6444);
/// Where istiod serves xDS in plain gRPC.
pub const ISTIOD_GRPC: SocketAddr = local(15010);
/// Where istiod serves HTTP: its debug pages.
pub const ISTIOD_HTTP: SocketAddr = local(15080);
/// Where istiod serves its metrics and its readiness.
pub const ISTIOD_MONITORING: SocketAddr = local(15014);
/// Where Envoy is an HTTP proxy.
pub const ENVOY_PROXY: SocketAddr = local(15002);
/// Where Envoy's admin pages are.
pub const ENVOY_ADMIN: SocketAddr = local(15000);
/// Where clients ask Prometheus, through a gate that can be told to fail.
pub const PROMETHEUS: SocketAddr = local(9090);
/// Where the real Prometheus listens.
pub const PROMETHEUS_BEHIND: SocketAddr = local(9095);

/// The address of the pod with this number.
pub fn pod(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(10, 244, high, low)
}
