//! Metric providers: who is asked for a metric, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    CloudWatchMetric, DatadogMetric, GraphiteMetric, InfluxdbMetric, KayentaMetric, NewRelicMetric, SkyWalkingMetric,
    WavefrontMetric,
};
use crate::lenient;

/// Who is asked; exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct MetricProvider {
    /// Prometheus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusMetric>,
    /// Kayenta.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kayenta: Option<KayentaMetric>,
    /// Any JSON over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<WebMetric>,
    /// Datadog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datadog: Option<DatadogMetric>,
    /// Wavefront.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wavefront: Option<WavefrontMetric>,
    /// New Relic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_relic: Option<NewRelicMetric>,
    /// A Kubernetes Job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobMetric>,
    /// Amazon CloudWatch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_watch: Option<CloudWatchMetric>,
    /// Graphite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphite: Option<GraphiteMetric>,
    /// InfluxDB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub influxdb: Option<InfluxdbMetric>,
    /// Apache SkyWalking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skywalking: Option<SkyWalkingMetric>,
    /// A plugin by name, with its raw configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<BTreeMap<String, Value>>,
}

impl MetricProvider {
    /// The fields that are set, as manifests name them.
    pub fn names(&self) -> Vec<&'static str> {
        let Self {
            prometheus,
            kayenta,
            web,
            datadog,
            wavefront,
            new_relic,
            job,
            cloud_watch,
            graphite,
            influxdb,
            skywalking,
            plugin,
        } = self;
        [
            (prometheus.is_some(), "prometheus"),
            (kayenta.is_some(), "kayenta"),
            (web.is_some(), "web"),
            (datadog.is_some(), "datadog"),
            (wavefront.is_some(), "wavefront"),
            (new_relic.is_some(), "newRelic"),
            (job.is_some(), "job"),
            (cloud_watch.is_some(), "cloudWatch"),
            (graphite.is_some(), "graphite"),
            (influxdb.is_some(), "influxdb"),
            (skywalking.is_some(), "skywalking"),
            (plugin.is_some(), "plugin"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect()
    }
}

/// What Prometheus is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct PrometheusMetric {
    /// Its URL.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub address: Option<String>,
    /// The PromQL query.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub query: Option<String>,
    /// How to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// Seconds to wait for the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// Whether its certificate goes unchecked.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub insecure: bool,
    /// Headers to send.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// Asks for a range instead of an instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_query: Option<RangeQuery>,
}

/// The range of a range query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RangeQuery {
    /// Expression for its start.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub start: Option<String>,
    /// Expression for its end.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub end: Option<String>,
    /// Its resolution, a duration.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub step: Option<String>,
}

/// One HTTP header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct Header {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// How to log in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct Authentication {
    /// Sign requests for AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<Sigv4>,
    /// Client credentials of OAuth 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2>,
    /// User and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
}

/// Sign requests for AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct Sigv4 {
    /// Region to sign for.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub region: Option<String>,
    /// Profile with the credentials.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub profile: Option<String>,
    /// Role to take on.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub role_arn: Option<String>,
}

/// Client credentials of OAuth 2.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct OAuth2 {
    /// Where tokens are given.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub token_url: Option<String>,
    /// The client.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub client_id: Option<String>,
    /// Its secret.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub client_secret: Option<String>,
    /// Scopes to ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// User and password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct BasicAuth {
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub username: Option<String>,
    /// The password.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub password: Option<String>,
}

/// The Job that is run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct JobMetric {
    /// Labels and annotations of the Job, as raw JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::JobMetadata>"))]
    pub metadata: Option<Value>,
    /// Its specification, as raw JSON.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::JobSpec>"))]
    pub spec: Value,
}

/// What is asked over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct WebMetric {
    /// GET, POST or PUT; GET when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub method: Option<String>,
    /// The URL.
    pub url: String,
    /// Headers to send.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// Body to send.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub body: Option<String>,
    /// Seconds to wait for the answer; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i64>,
    /// Which part of the answer counts; all of it when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub json_path: Option<String>,
    /// Whether the certificate goes unchecked.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub insecure: bool,
    /// Body to send, as raw JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_body: Option<Value>,
    /// How to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
}
