//! Metric providers of single vendors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::int_or_string::IntOrString;
use crate::lenient;

/// What Wavefront is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct WavefrontMetric {
    /// Its URL.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub address: Option<String>,
    /// The query.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub query: Option<String>,
}

/// What New Relic is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct NewRelicMetric {
    /// Secret with the account.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub profile: Option<String>,
    /// The query.
    pub query: String,
    /// Seconds to wait for the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
}

/// What Graphite is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct GraphiteMetric {
    /// Its URL.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub address: Option<String>,
    /// The query.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub query: Option<String>,
}

/// What InfluxDB is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct InfluxdbMetric {
    /// Secret with the account.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub profile: Option<String>,
    /// The query.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub query: Option<String>,
}

/// What Apache SkyWalking is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct SkyWalkingMetric {
    /// Its URL.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub address: Option<String>,
    /// The query.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub query: Option<String>,
    /// How far back it looks.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub interval: Option<String>,
}

/// What Amazon CloudWatch is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct CloudWatchMetric {
    /// How far back it looks; 5m when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub interval: Option<String>,
    /// The queries.
    pub metric_data_queries: Vec<CloudWatchQuery>,
}

/// One query to Amazon CloudWatch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct CloudWatchQuery {
    /// Name of the query within the request.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub id: Option<String>,
    /// Expression over other queries.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub expression: Option<String>,
    /// Label of the answer.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub label: Option<String>,
    /// The statistic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<CloudWatchStat>,
    /// Seconds per data point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<IntOrString>,
    /// Whether its data is returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_data: Option<bool>,
}

/// A statistic of Amazon CloudWatch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct CloudWatchStat {
    /// The metric.
    #[serde(skip_serializing_if = "lenient::is_default")]
    pub metric: CloudWatchStatMetric,
    /// Seconds per data point.
    #[serde(skip_serializing_if = "lenient::is_default")]
    pub period: IntOrString,
    /// Name of the statistic.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub stat: Option<String>,
    /// Unit.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub unit: Option<String>,
}

/// A metric of Amazon CloudWatch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct CloudWatchStatMetric {
    /// Its dimensions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<CloudWatchDimension>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub metric_name: Option<String>,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub namespace: Option<String>,
}

/// A dimension of a metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct CloudWatchDimension {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub value: Option<String>,
}

/// What Datadog is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct DatadogMetric {
    /// How far back it looks; 5m when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub interval: Option<String>,
    /// The query.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub query: Option<String>,
    /// Several queries by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub queries: BTreeMap<String, String>,
    /// Formula over the queries.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub formula: Option<String>,
    /// Version of its API: v1 or v2.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub api_version: Option<String>,
    /// How a series becomes one number.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub aggregator: Option<String>,
    /// Secret with the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<DatadogSecretRef>,
    /// How long to wait for the answer, such as `30s`; 10s when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub request_timeout: Option<String>,
}

/// Secret with the keys of Datadog.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct DatadogSecretRef {
    /// Name of the Secret.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// Whether it is in the namespace of the run.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub namespaced: bool,
}

/// What Kayenta is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct KayentaMetric {
    /// Its URL.
    pub address: String,
    /// Name of the application.
    pub application: String,
    /// Name of its configuration.
    pub canary_config_name: String,
    /// Account for metrics.
    pub metrics_account_name: String,
    /// Account for configurations.
    pub configuration_account_name: String,
    /// Account for storage.
    pub storage_account_name: String,
    /// Whether each interval reaches back to the start of the run.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub lookback: bool,
    /// Scores that count.
    pub threshold: KayentaThreshold,
    /// What is compared.
    pub scopes: Vec<KayentaScope>,
}

/// Scores that count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct KayentaThreshold {
    /// From here on it passes.
    pub pass: i64,
    /// From here on it is inconclusive.
    pub marginal: i64,
}

/// What is compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct KayentaScope {
    /// Name of the scope.
    pub name: String,
    /// The old version.
    pub control_scope: KayentaScopeDetail,
    /// The new version.
    pub experiment_scope: KayentaScopeDetail,
}

/// One side of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct KayentaScopeDetail {
    /// Its scope.
    pub scope: String,
    /// Its region.
    pub region: String,
    /// Seconds per data point.
    pub step: i64,
    /// Start of the window.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub start: String,
    /// End of the window.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub end: String,
}
