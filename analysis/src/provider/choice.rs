//! Which provider a metric asks for.

use serin_crds::analysis::{MetricProvider, PrometheusMetric, WebMetric};

use super::prometheus::RESOLVED_QUERY;

/// The provider that a metric asks for, with its settings.
#[derive(Clone, Copy, Debug)]
pub enum Choice<'a> {
    /// Prometheus.
    Prometheus(&'a PrometheusMetric),
    /// JSON over HTTP.
    Web(&'a WebMetric),
    /// One that is not supported, by the name that manifests give it.
    Unsupported(&'a str),
}

impl<'a> Choice<'a> {
    /// All providers that the settings of a metric name; a valid metric names exactly one.
    ///
    /// The settings are taken apart field by field: a new provider does not compile until it is said here who it is.
    pub fn all(provider: &'a MetricProvider) -> Vec<Self> {
        let MetricProvider {
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
        } = provider;
        let unsupported = [
            (kayenta.is_some(), "kayenta"),
            (datadog.is_some(), "datadog"),
            (wavefront.is_some(), "wavefront"),
            (new_relic.is_some(), "newRelic"),
            (job.is_some(), "job"),
            (cloud_watch.is_some(), "cloudWatch"),
            (graphite.is_some(), "graphite"),
            (influxdb.is_some(), "influxdb"),
            (skywalking.is_some(), "skywalking"),
        ];
        let plugins = plugin.iter().flatten().map(|(name, _)| Self::Unsupported(name));
        let named = unsupported.into_iter().filter_map(|(given, name)| given.then_some(Self::Unsupported(name)));
        let built = prometheus.as_ref().map(Self::Prometheus).into_iter().chain(web.as_ref().map(Self::Web));
        built.chain(named).chain(plugins).collect()
    }

    /// The provider that a metric asks for; none if it asks for none.
    pub fn of(provider: &'a MetricProvider) -> Option<Self> {
        Self::all(provider).into_iter().next()
    }

    /// What is recorded once for a metric, as key and value: the question as it is asked.
    pub fn asked(self) -> Option<(&'static str, &'a str)> {
        match self {
            Self::Prometheus(settings) => Some((RESOLVED_QUERY, settings.query.as_deref()?)),
            Self::Web(_) | Self::Unsupported(_) => None,
        }
    }
}

/// Whether metrics of this provider can be measured.
///
/// What cannot be measured must not be taken for good or for bad: whoever decides by it waits, and says so.
///
/// # Errors
/// The name of the provider that is not supported, as manifests give it.
pub fn supported(provider: &MetricProvider) -> Result<(), String> {
    let unsupported = Choice::all(provider).into_iter().find_map(|choice| match choice {
        Choice::Prometheus(_) | Choice::Web(_) => None,
        Choice::Unsupported(name) => Some(name.to_owned()),
    });
    unsupported.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(provider: Value, expect: Result<(), &str>) {
        let provider: MetricProvider = serde_json::from_value(provider).unwrap();
        assert_eq!(supported(&provider), expect.map_err(str::to_owned), "{provider:?}");
    }

    #[test]
    fn what_is_not_supported_is_named_as_in_the_manifest() {
        check(json!({"prometheus": {"query": "up"}}), Ok(()));
        check(json!({"web": {"url": "http://x"}}), Ok(()));
        check(json!({"job": {"spec": {}}}), Err("job"));
        check(json!({"newRelic": {"query": "x"}}), Err("newRelic"));
        check(json!({"cloudWatch": {"metricDataQueries": []}}), Err("cloudWatch"));
        check(json!({"plugin": {"example/dice": {"sides": 6}}}), Err("example/dice"));
        check(json!({"prometheus": {"query": "up"}, "job": {"spec": {}}}), Err("job"));
        check(json!({}), Ok(()));
    }
}
