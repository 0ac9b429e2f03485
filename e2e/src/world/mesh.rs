//! istiod, and Envoy as the sidecar of the clients in this world.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use super::{
    Parts, Server, WorldError,
    network::{ENVOY_ADMIN, ENVOY_PROXY, ISTIOD_GRPC, ISTIOD_HTTP, ISTIOD_MONITORING, NODE},
    server::Launch,
    users::{User, Users},
};

const NAMESPACE: &str = "istio-system";

/// The name of Istio's routes for the HTTP proxy port.
const PROXY_ROUTES: &str = "http_proxy";

/// Nothing in a world has certificates; without this Envoy would wait for some before it listens.
pub(super) const PLAIN: &str = r"
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: DISABLE}}
";

/// Starts istiod and waits until it is ready. It tells the proxies of a change when it has waited so long.
pub(super) async fn istiod(
    parts: &Parts,
    root: &Path,
    users: &Users,
    learn_after: Duration,
) -> Result<Server, WorldError> {
    let launch = Launch::new("istiod", parts.program("pilot-discovery")?, root);
    write(launch.folder(), "mesh.yaml", &mesh_config().to_string())?;
    let mut server = launch
        .arg("discovery")
        .flag("kubeconfig", users.kubeconfig(User::Istiod))
        .flag("registries", "Kubernetes")
        .flag("meshConfig", "mesh.yaml")
        .flag("networksConfig", "networks.yaml")
        .flag("grpcAddr", ISTIOD_GRPC.to_string())
        .flag("httpAddr", ISTIOD_HTTP.to_string())
        .flag("httpsAddr", "")
        .flag("secureGRPCAddr", "")
        .flag("monitoringAddr", ISTIOD_MONITORING.to_string())
        .flag("ctrlz_port", "0")
        .flag("domain", "cluster.local")
        .env("POD_NAMESPACE", NAMESPACE)
        .env("POD_NAME", "istiod")
        .env("PILOT_DEBOUNCE_AFTER", format!("{}ms", learn_after.as_millis()))
        .env("CLUSTER_ID", "Kubernetes")
        .env("VALIDATION_WEBHOOK_CONFIG_NAME", "")
        .env("INJECTION_WEBHOOK_CONFIG_NAME", "")
        // These two filters exist only in Istio's own build of Envoy.
        .env("PILOT_ENABLE_METADATA_EXCHANGE", "false")
        .env("PILOT_ENABLE_ALPN_FILTER", "false")
        .start()?;
    let ready = format!("http://{ISTIOD_HTTP}/ready");
    let look = async || answers(&ready).await;
    server.until("readiness", Duration::from_secs(60), look).await?;
    Ok(server)
}

fn mesh_config() -> Value {
    json!({
        "rootNamespace": NAMESPACE,
        "enableAutoMtls": false,
        "defaultProviders": {"metrics": []},
        "proxyHttpPort": ENVOY_PROXY.port(),
        "accessLogFile": "",
    })
}

/// Starts Envoy and waits until istiod has told it to listen.
pub(super) async fn envoy(parts: &Parts, root: &Path) -> Result<Server, WorldError> {
    let launch = Launch::new("envoy", parts.program("envoy")?, root);
    write(launch.folder(), "bootstrap.json", &bootstrap().to_string())?;
    let mut server = launch
        .pair("config-path", "bootstrap.json")
        .pair("concurrency", "1")
        .pair("log-level", "warn")
        .pair("drain-time-s", "1")
        .arg("--disable-hot-restart")
        .start()?;
    let look = async || tokio::net::TcpStream::connect(ENVOY_PROXY).await.map(drop);
    server.until("proxy port", Duration::from_secs(30), look).await?;
    Ok(server)
}

/// Envoy's own part of its configuration; all else comes from istiod.
///
/// # Source
/// Envoy v3 API, `Bootstrap`; Istio's node id `sidecar~<address>~<pod>.<namespace>~<domain>`.
fn bootstrap() -> Value {
    let ads = json!({"resource_api_version": "V3", "ads": {}, "initial_fetch_timeout": "0s"});
    json!({
        "node": {
            "id": format!("sidecar~{NODE}~client.default~default.svc.cluster.local"),
            "cluster": "client.default",
            "metadata": {
                "NAMESPACE": "default",
                "CLUSTER_ID": "Kubernetes",
                "ISTIO_VERSION": "1.26.0",
                "MESH_ID": "cluster.local",
                "INSTANCE_IPS": NODE,
            },
        },
        "admin": {"address": address(ENVOY_ADMIN)},
        "stats_config": {
            // Names of Istio's clusters hold dots: the usual pattern would cut them at the first.
            "stats_tags": [{
                "tag_name": "cluster_name",
                "regex": r"^cluster\.((.+?(\..+?\.svc\.cluster\.local;?)?)\.)",
            }],
        },
        "dynamic_resources": {
            "lds_config": ads,
            "cds_config": ads,
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": true,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
        },
        "static_resources": {"clusters": [{
            "name": "xds-grpc",
            "type": "STATIC",
            "connect_timeout": "1s",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {"http2_protocol_options": {}},
                },
            },
            "load_assignment": {
                "cluster_name": "xds-grpc",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(ISTIOD_GRPC)}}]}],
            },
        }]},
    })
}

fn address(at: std::net::SocketAddr) -> Value {
    json!({"socket_address": {"address": at.ip().to_string(), "port_value": at.port()}})
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), WorldError> {
    fs::create_dir_all(folder).map_err(WorldError::io(format!("making {}", folder.display())))?;
    fs::write(folder.join(name), text).map_err(WorldError::io(format!("writing {name}")))
}

/// Says whether a page answers 2xx.
///
/// # Errors
/// When nothing answers there, or something else does.
pub async fn answers(page: &str) -> Result<(), reqwest::Error> {
    super::http_client()?.get(page).send().await?.error_for_status().map(drop)
}

/// What Envoy knows, asked on its admin port.
#[derive(Debug, Clone, Copy)]
pub struct Envoy;

impl Envoy {
    /// Where Envoy sends requests for this host, by Envoy's cluster names, with their weights; the first route decides.
    /// The names look like `outbound|80|<subset>|<host>`.
    ///
    /// # Errors
    /// When Envoy doesn't answer, or knows no such host.
    pub async fn weights(self, host: &str) -> Result<Vec<(String, u64)>, WorldError> {
        let dump = self.page("config_dump?resource=dynamic_route_configs").await?;
        let dump: Value = serde_json::from_str(&dump).map_err(WorldError::malformed("Envoy's routes"))?;
        weights_of(&dump, host).ok_or_else(|| WorldError::Malformed {
            what: "Envoy's routes".to_owned(),
            why: format!("no route for {host}"),
        })
    }

    /// Where Envoy sends streams (TCP, or TLS that it does not open) to this address of a Service, by Envoy's cluster names,
    /// with their weights; nothing when it does not listen there. Clusters that get nothing are left out.
    ///
    /// # Errors
    /// When Envoy doesn't answer.
    pub async fn stream_weights(self, address: &str, port: u16) -> Result<Vec<(String, u64)>, WorldError> {
        let dump = self.page("config_dump?resource=dynamic_listeners").await?;
        let dump: Value = serde_json::from_str(&dump).map_err(WorldError::malformed("Envoy's listeners"))?;
        let name = format!("{address}_{port}");
        let listeners = dump.get("configs").and_then(Value::as_array).into_iter().flatten();
        let mut named = listeners.filter(|listener| listener.get("name").and_then(Value::as_str) == Some(&name));
        let mut proxies = Vec::new();
        // Beside these chains stands a default one, for streams that name no host that is known.
        if let Some(chains) = named.next().and_then(|found| found.pointer("/active_state/listener/filter_chains")) {
            tcp_proxies(chains, &mut proxies);
        }
        Ok(proxies.first().map(|proxy| stream_targets(proxy)).unwrap_or_default())
    }

    /// How many healthy endpoints Envoy knows for one of its clusters.
    ///
    /// # Errors
    /// When Envoy doesn't answer.
    pub async fn endpoints(self, cluster: &str) -> Result<usize, WorldError> {
        let page = self.page("clusters").await?;
        let start = format!("{cluster}::");
        let healthy = page
            .lines()
            .filter_map(|line| line.strip_prefix(&start))
            .filter(|rest| rest.ends_with("::health_flags::healthy"));
        Ok(healthy.count())
    }

    /// An admin page, such as `clusters`, `stats` or `config_dump`.
    ///
    /// # Errors
    /// When Envoy doesn't answer.
    pub async fn page(self, path: &str) -> Result<String, WorldError> {
        let what = || format!("asking Envoy for {path}");
        super::http_client()
            .map_err(WorldError::http(what()))?
            .get(format!("http://{ENVOY_ADMIN}/{path}"))
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(WorldError::http(what()))?
            .text()
            .await
            .map_err(WorldError::http(what()))
    }
}

/// The settings of every TCP proxy in a dump.
fn tcp_proxies<'a>(part: &'a Value, found: &mut Vec<&'a Value>) {
    const KIND: &str = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
    match part {
        Value::Object(fields) if fields.get("@type").and_then(Value::as_str) == Some(KIND) => found.push(part),
        Value::Object(fields) => fields.values().for_each(|field| tcp_proxies(field, found)),
        Value::Array(items) => items.iter().for_each(|item| tcp_proxies(item, found)),
        _ => {}
    }
}

/// Where a TCP proxy sends streams.
fn stream_targets(proxy: &Value) -> Vec<(String, u64)> {
    if let Some(cluster) = proxy.get("cluster").and_then(Value::as_str) {
        return vec![(cluster.to_owned(), 100)];
    }
    let clusters = proxy.pointer("/weighted_clusters/clusters").and_then(Value::as_array);
    let pair = |entry: &Value| {
        let weight = entry.get("weight").and_then(Value::as_u64).filter(|weight| *weight > 0)?;
        Some((entry.get("name")?.as_str()?.to_owned(), weight))
    };
    clusters.into_iter().flatten().filter_map(pair).collect()
}

fn weights_of(dump: &Value, host: &str) -> Option<Vec<(String, u64)>> {
    let list = |value: &Value, name: &str| value.get(name)?.as_array().cloned();
    let table = list(dump, "configs")?
        .into_iter()
        .filter_map(|entry| entry.get("route_config").cloned())
        .find(|table| table.get("name").and_then(Value::as_str) == Some(PROXY_ROUTES))?;
    let found = list(&table, "virtual_hosts")?
        .into_iter()
        .find(|entry| list(entry, "domains").is_some_and(|names| names.contains(&Value::from(host))))?;
    let action = list(&found, "routes")?.first()?.get("route")?.clone();
    if let Some(cluster) = action.get("cluster").and_then(Value::as_str) {
        return Some(vec![(cluster.to_owned(), 100)]);
    }
    let clusters = list(action.get("weighted_clusters")?, "clusters")?;
    let pair = |entry: &Value| {
        let name = entry.get("name")?.as_str()?.to_owned();
        Some((name, entry.get("weight").and_then(Value::as_u64).unwrap_or(0)))
    };
    clusters.iter().map(pair).collect()
}
