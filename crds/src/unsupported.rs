//! Fields that are accepted and kept, but whose behaviour is not built yet, so that none is silently ignored.
//!
//! Every struct is taken apart field by field: a new field does not compile until someone says here whether it works.
//! Those that do not all decide exposure (which pods requests reach, when, how many of them) or capacity (how many pods
//! run), and *hold* the Rollout: carried out as if it were absent, one would send requests to nobody or promote what nobody
//! measured.

use crate::analysis::{Metric, MetricProvider};
use crate::rollout::{
    BackgroundAnalysis, CanaryStep, CanaryStrategy, IstioDestinationRule, IstioTrafficRouting, IstioVirtualService,
    ObjectRef, PingPong, Rollout, RolloutSpec, Strategy, TrafficRouting,
};

/// JSON paths of the fields that this Rollout gives and that are not built yet, such as `spec.strategy.blueGreen`, in the
/// order of the spec.
pub fn fields(rollout: &Rollout) -> Vec<String> {
    let RolloutSpec {
        replicas: _,
        selector: _,
        template: _,
        workload_ref,
        min_ready_seconds: _,
        rollback_window: _,
        strategy: Strategy { blue_green, canary },
        revision_history_limit: _,
        paused: _,
        progress_deadline_seconds: _,
        progress_deadline_abort: _,
        restart_at: _,
        analysis: _,
    } = &rollout.spec;
    let mut found = Found::default();
    if let Some(ObjectRef { api_version: _, kind: _, name: _, scale_down: _ }) = workload_ref {}
    found.holding(blue_green.is_some(), "spec.strategy.blueGreen");
    if let Some(canary) = canary {
        self::canary(canary, &mut found);
    }
    found.0
}

/// The provider of this metric, as manifests name it, if nobody can ask it yet; its metric can't be measured.
pub fn provider(metric: &Metric) -> Option<&'static str> {
    let MetricProvider {
        prometheus: _,
        kayenta,
        web: _,
        datadog,
        wavefront,
        new_relic,
        job,
        cloud_watch,
        graphite,
        influxdb,
        skywalking,
        plugin,
    } = &metric.provider;
    [
        (kayenta.is_some(), "kayenta"),
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
    .find_map(|(given, name)| given.then_some(name))
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn holding(&mut self, given: bool, path: impl Into<String>) {
        if given {
            self.0.push(path.into());
        }
    }
}

fn canary(canary: &CanaryStrategy, found: &mut Found) {
    let CanaryStrategy {
        canary_service: _,
        stable_service: _,
        steps,
        traffic_routing,
        max_unavailable: _,
        max_surge: _,
        analysis,
        anti_affinity: _,
        canary_metadata: _,
        stable_metadata: _,
        scale_down_delay_seconds: _,
        scale_down_delay_revision_limit: _,
        abort_scale_down_delay_seconds: _,
        dynamic_stable_scale: _,
        ping_pong,
        min_pods_per_replica_set: _,
        replica_progress_threshold,
    } = canary;
    let at = "spec.strategy.canary";
    for (index, step) in steps.iter().enumerate() {
        self::step(step, &format!("{at}.steps[{index}]"), found);
    }
    if let Some(routing) = traffic_routing {
        self::routing(routing, &format!("{at}.trafficRouting"), found);
    }
    if let Some(PingPong { ping_service: _, pong_service: _ }) = ping_pong {}
    if let Some(BackgroundAnalysis { analysis: _, starting_step: _ }) = analysis {}
    found.holding(replica_progress_threshold.is_some(), format!("{at}.replicaProgressThreshold"));
}

fn step(step: &CanaryStep, at: &str, found: &mut Found) {
    let CanaryStep {
        set_weight: _,
        pause: _,
        experiment,
        analysis: _,
        set_canary_scale: _,
        set_header_route: _,
        set_mirror_route: _,
        plugin,
    } = step;
    found.holding(experiment.is_some(), format!("{at}.experiment"));
    found.holding(plugin.is_some(), format!("{at}.plugin"));
}

fn routing(routing: &TrafficRouting, at: &str, found: &mut Found) {
    let TrafficRouting {
        istio,
        nginx: _,
        alb,
        smi,
        ambassador,
        app_mesh,
        traefik,
        managed_routes: _,
        apisix,
        plugins,
        max_traffic_weight: _,
    } = routing;
    if let Some(istio) = istio {
        self::istio(istio);
    }
    found.holding(alb.is_some(), format!("{at}.alb"));
    found.holding(smi.is_some(), format!("{at}.smi"));
    found.holding(ambassador.is_some(), format!("{at}.ambassador"));
    found.holding(app_mesh.is_some(), format!("{at}.appMesh"));
    found.holding(traefik.is_some(), format!("{at}.traefik"));
    found.holding(apisix.is_some(), format!("{at}.apisix"));
    for name in plugins.keys() {
        found.holding(true, format!("{at}.plugins[{name:?}]"));
    }
}

/// All of Istio's fields have their effect; taken apart so that a new one must be thought of.
fn istio(istio: &IstioTrafficRouting) {
    let IstioTrafficRouting { virtual_service, destination_rule, virtual_services } = istio;
    for service in virtual_service.iter().chain(virtual_services) {
        let IstioVirtualService { name: _, routes: _, tls_routes: _, tcp_routes: _ } = service;
    }
    if let Some(rule) = destination_rule {
        let IstioDestinationRule { name: _, canary_subset_name: _, stable_subset_name: _, additional_subset_names: _ } =
            rule;
    }
}

#[cfg(test)]
mod tests;
