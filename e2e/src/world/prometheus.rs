//! Prometheus: scrapes the pods and Envoy each second.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use super::{
    Parts, Server, WorldError,
    mesh::answers,
    network::{ENVOY_ADMIN, PROMETHEUS_BEHIND},
    server::Launch,
};

/// The file that the kubelet's stand-in writes the pods' addresses to.
pub(super) const TARGETS: &str = "prometheus/pods.json";

/// Starts Prometheus and waits until it is ready.
pub(super) async fn prometheus(parts: &Parts, root: &Path) -> Result<Server, WorldError> {
    let launch = Launch::new("prometheus", parts.program("prometheus")?, root);
    let folder = launch.folder();
    fs::create_dir_all(folder).map_err(WorldError::io("making Prometheus' folder"))?;
    fs::write(folder.join("prometheus.yml"), settings().to_string())
        .map_err(WorldError::io("writing prometheus.yml"))?;
    if !root.join(TARGETS).exists() {
        fs::write(root.join(TARGETS), "[]").map_err(WorldError::io("writing targets"))?;
    }
    let mut server = launch
        .flag("config.file", "prometheus.yml")
        .flag("storage.tsdb.path", "samples")
        .flag("web.listen-address", PROMETHEUS_BEHIND.to_string())
        .flag("log.level", "warn")
        .start()?;
    let ready = format!("http://{PROMETHEUS_BEHIND}/-/ready");
    let look = async || answers(&ready).await;
    server.until("readiness", Duration::from_secs(30), look).await?;
    Ok(server)
}

/// What Prometheus scrapes. Envoy's counters are offered under Istio's names too, as a sidecar of the mesh does.
fn settings() -> Value {
    let counted = "envoy_cluster_upstream_rq";
    let only = |label: &str, pattern: &str, target: &str| {
        json!({
            "source_labels": ["__name__", label],
            "regex": format!("{counted};{pattern}"),
            "target_label": target,
        })
    };
    json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": "pods",
                "file_sd_configs": [{"files": ["pods.json"], "refresh_interval": "1s"}],
            },
            {
                "job_name": "envoy",
                "metrics_path": "/stats/prometheus",
                "params": {"filter": ["^cluster\\.outbound.*upstream_rq"], "usedonly": [""]},
                "static_configs": [{"targets": [ENVOY_ADMIN.to_string()]}],
                "metric_relabel_configs": [
                    only("envoy_response_code", "(.+)", "response_code"),
                    only("cluster_name", r"outbound\|\d+\|[^|]*\|([^;]+);?", "destination_service"),
                    only("cluster_name", r"outbound\|\d+\|[^|]*\|([^.;]+).*", "destination_service_name"),
                    only("cluster_name", r"outbound\|\d+\|[^|]*\|[^.;]+\.([^.;]+).*", "destination_service_namespace"),
                    only("cluster_name", r"outbound\|\d+\|([^|]*)\|.*", "destination_version"),
                    {
                        "source_labels": ["__name__"],
                        "regex": counted,
                        "target_label": "reporter",
                        "replacement": "source",
                    },
                    {
                        "source_labels": ["__name__"],
                        "regex": counted,
                        "target_label": "__name__",
                        "replacement": "istio_requests_total",
                    },
                ],
            },
        ],
    })
}

/// Prometheus as a client asks it, past the gate that can be told to fail.
#[derive(Debug, Clone, Copy)]
pub struct Prometheus;

impl Prometheus {
    /// What a query yields now: the `result` of Prometheus' answer.
    ///
    /// # Errors
    /// When Prometheus doesn't answer or refuses the query.
    pub async fn query(self, query: &str) -> Result<Vec<Value>, WorldError> {
        let what = || format!("asking Prometheus for {query}");
        let text = super::http_client()
            .map_err(WorldError::http(what()))?
            .get(format!("http://{PROMETHEUS_BEHIND}/api/v1/query"))
            .query(&[("query", query)])
            .send()
            .await
            .map_err(WorldError::http(what()))?
            .text()
            .await
            .map_err(WorldError::http(what()))?;
        let mut answer: Value = serde_json::from_str(&text).map_err(WorldError::malformed(what()))?;
        match answer.pointer_mut("/data/result").map(Value::take) {
            Some(Value::Array(result)) => Ok(result),
            _ => Err(WorldError::Malformed { what: what(), why: answer.to_string() }),
        }
    }

    /// The value of a query that yields one sample; `None` when it yields none.
    ///
    /// # Errors
    /// When Prometheus doesn't answer or refuses the query, or the sample isn't a number.
    pub async fn number(self, query: &str) -> Result<Option<f64>, WorldError> {
        let result = self.query(query).await?;
        let Some(first) = result.first() else {
            return Ok(None);
        };
        let text = first.pointer("/value/1").and_then(Value::as_str);
        text.unwrap_or_default().parse().map(Some).map_err(WorldError::malformed(format!("{query} yields {first}")))
    }
}
