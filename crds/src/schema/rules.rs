//! Rules over several fields, in CEL, with the sentence that a user reads.
//!
//! None refuses what Argo Rollouts carries out. What CEL cannot say cheaply (names that occur in two lists, nested
//! lists) is left to `validate`.

use serde_json::{Value, json};

/// A rule: the type that it belongs to, the expression that must hold, and the sentence otherwise.
type Rule = (&'static str, &'static str, &'static str);

const ROLLOUT: &[Rule] = &[
    ("RolloutSpec", "has(self.strategy)", "strategy is missing; give strategy.canary or strategy.blueGreen"),
    (
        "RolloutSpec",
        "(has(self.minReadySeconds) ? self.minReadySeconds : 0) < \
         (has(self.progressDeadlineSeconds) ? self.progressDeadlineSeconds : 600)",
        "progressDeadlineSeconds (600 when absent) must be greater than minReadySeconds",
    ),
    (
        "RolloutSpec",
        "!has(self.selector) || has(self.workloadRef) || \
         (has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0) || \
         (has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0)",
        "selector is empty; it must select the pods of the template",
    ),
    (
        "RolloutSpec",
        "!has(self.workloadRef) || !has(self.template) || !has(self.template.metadata) || \
         !((has(self.template.metadata.labels) && size(self.template.metadata.labels) > 0) || \
         (has(self.template.metadata.annotations) && size(self.template.metadata.annotations) > 0))",
        "template must be left out when workloadRef is given",
    ),
    (
        "RolloutSpec",
        "!has(self.strategy) || !has(self.strategy.blueGreen) || \
         !has(self.strategy.blueGreen.scaleDownDelayRevisionLimit) || \
         self.strategy.blueGreen.scaleDownDelayRevisionLimit <= \
         (has(self.revisionHistoryLimit) ? self.revisionHistoryLimit : 10)",
        "strategy.blueGreen.scaleDownDelayRevisionLimit must not be greater than revisionHistoryLimit (10 when absent)",
    ),
    ("Strategy", "has(self.canary) != has(self.blueGreen)", "give exactly one of canary and blueGreen"),
    (
        "BlueGreenStrategy",
        "!has(self.previewService) || self.previewService == '' || self.previewService != self.activeService",
        "activeService and previewService must be two different Services",
    ),
    (
        "AntiAffinity",
        "has(self.preferredDuringSchedulingIgnoredDuringExecution) != \
         has(self.requiredDuringSchedulingIgnoredDuringExecution)",
        "give exactly one of preferredDuringSchedulingIgnoredDuringExecution and \
         requiredDuringSchedulingIgnoredDuringExecution",
    ),
];

const CANARY: &[Rule] = &[
    (
        "CanaryStrategy",
        "!has(self.canaryService) || !has(self.stableService) || self.canaryService == '' || \
         self.canaryService != self.stableService",
        "canaryService and stableService must be two different Services",
    ),
    (
        "CanaryStrategy",
        "!has(self.trafficRouting) || !has(self.trafficRouting.istio) || \
         has(self.trafficRouting.istio.destinationRule) || has(self.pingPong) || \
         (has(self.canaryService) && self.canaryService != '' && has(self.stableService) && self.stableService != '')",
        "trafficRouting.istio without destinationRule needs canaryService and stableService",
    ),
    (
        "CanaryStrategy",
        "!has(self.trafficRouting) || !(has(self.trafficRouting.smi) || has(self.trafficRouting.apisix) || \
         has(self.trafficRouting.ambassador) || has(self.trafficRouting.nginx) || has(self.trafficRouting.appMesh) || \
         has(self.trafficRouting.traefik) || (has(self.trafficRouting.alb) && !has(self.pingPong))) || \
         (has(self.canaryService) && self.canaryService != '' && has(self.stableService) && self.stableService != '')",
        "this trafficRouting needs canaryService and stableService",
    ),
    (
        "CanaryStrategy",
        "!has(self.scaleDownDelaySeconds) || has(self.trafficRouting)",
        "scaleDownDelaySeconds needs trafficRouting",
    ),
    (
        "CanaryStrategy",
        "!has(self.dynamicStableScale) || !self.dynamicStableScale || has(self.trafficRouting)",
        "dynamicStableScale needs trafficRouting",
    ),
    (
        "CanaryStrategy",
        "!has(self.dynamicStableScale) || !self.dynamicStableScale || !has(self.scaleDownDelaySeconds)",
        "dynamicStableScale and scaleDownDelaySeconds exclude each other",
    ),
    (
        "CanaryStrategy",
        "!has(self.pingPong) || (has(self.trafficRouting) && (has(self.trafficRouting.alb) || \
         has(self.trafficRouting.istio) || has(self.trafficRouting.plugins)))",
        "pingPong needs trafficRouting by alb, istio or plugins",
    ),
    (
        "CanaryStrategy",
        "!has(self.maxSurge) || !has(self.maxUnavailable) || \
         !((self.maxSurge == 0 || self.maxSurge == '0%') && (self.maxUnavailable == 0 || self.maxUnavailable == '0%'))",
        "maxSurge and maxUnavailable must not both be zero",
    ),
    (
        "CanaryStrategy",
        "!has(self.steps) || self.steps.all(step, !has(step.setWeight) || step.setWeight <= \
         (has(self.trafficRouting) && has(self.trafficRouting.maxTrafficWeight) ? \
         self.trafficRouting.maxTrafficWeight : 100))",
        "setWeight of a step must be 0 to 100 (or to trafficRouting.maxTrafficWeight)",
    ),
    (
        "CanaryStrategy",
        "has(self.trafficRouting) || !has(self.steps) || !self.steps.exists(step, has(step.setCanaryScale))",
        "a setCanaryScale step needs trafficRouting",
    ),
    (
        "CanaryStrategy",
        "(has(self.trafficRouting) && has(self.trafficRouting.managedRoutes)) || !has(self.steps) || \
         !self.steps.exists(step, has(step.setHeaderRoute) || has(step.setMirrorRoute))",
        "a setHeaderRoute or setMirrorRoute step needs its route in trafficRouting.managedRoutes",
    ),
    (
        "CanaryStep",
        "has(self.setWeight) || has(self.pause) || has(self.experiment) || has(self.analysis) || \
         has(self.setCanaryScale) || has(self.setHeaderRoute) || has(self.setMirrorRoute) || has(self.plugin)",
        "a step must have one of setWeight, pause, experiment, analysis, setCanaryScale, setHeaderRoute, \
         setMirrorRoute and plugin",
    ),
    (
        "CanaryStep",
        "(has(self.setWeight) ? 1 : 0) + (has(self.pause) ? 1 : 0) + (has(self.experiment) ? 1 : 0) + \
         (has(self.analysis) ? 1 : 0) <= 1",
        "a step can have only one of setWeight, pause, experiment and analysis",
    ),
    ("PingPong", "self.pingService != self.pongService", "pingService and pongService must be two different Services"),
    (
        "TrafficRouting",
        "!has(self.maxTrafficWeight) || has(self.nginx) || has(self.plugins)",
        "maxTrafficWeight needs nginx or plugins",
    ),
    (
        "IstioTrafficRouting",
        "has(self.virtualService) != (has(self.virtualServices) && size(self.virtualServices) > 0)",
        "give exactly one of virtualService and virtualServices",
    ),
];

const ANALYSIS: &[Rule] = &[
    (
        "MetricProvider",
        "(has(self.prometheus) ? 1 : 0) + (has(self.kayenta) ? 1 : 0) + (has(self.web) ? 1 : 0) + \
         (has(self.datadog) ? 1 : 0) + (has(self.wavefront) ? 1 : 0) + (has(self.newRelic) ? 1 : 0) + \
         (has(self.job) ? 1 : 0) + (has(self.cloudWatch) ? 1 : 0) + (has(self.graphite) ? 1 : 0) + \
         (has(self.influxdb) ? 1 : 0) + (has(self.skywalking) ? 1 : 0) + (has(self.plugin) ? 1 : 0) == 1",
        "a metric must have exactly one provider",
    ),
    (
        "Metric",
        "!has(self.count) || type(self.count) != int || self.count <= 1 || \
         (has(self.interval) && self.interval != '')",
        "a count greater than 1 needs an interval",
    ),
    (
        "Metric",
        "!has(self.failureLimit) || type(self.failureLimit) != int || self.failureLimit >= 0 || \
         (has(self.consecutiveSuccessLimit) && \
         (type(self.consecutiveSuccessLimit) != int || self.consecutiveSuccessLimit > 0))",
        "failureLimit -1 needs a consecutiveSuccessLimit, else the metric can never end",
    ),
    (
        "Metric",
        "!has(self.count) || type(self.count) != int || self.count <= 0 || \
         !has(self.inconclusiveLimit) || type(self.inconclusiveLimit) != int || int(self.count) >= int(self.inconclusiveLimit)",
        "count must not be less than inconclusiveLimit",
    ),
    (
        "Metric",
        "!has(self.count) || type(self.count) != int || self.count <= 0 || \
         (has(self.failureLimit) && type(self.failureLimit) != int) || \
         (has(self.consecutiveSuccessLimit) && type(self.consecutiveSuccessLimit) != int) || \
         int(self.count) >= (has(self.failureLimit) && self.failureLimit > 0 ? int(self.failureLimit) : 0) + \
         (has(self.consecutiveSuccessLimit) ? int(self.consecutiveSuccessLimit) : 0)",
        "count must not be less than failureLimit and consecutiveSuccessLimit together",
    ),
    (
        "ExperimentSpec",
        "self.templates.all(template, !has(template.minReadySeconds) || template.minReadySeconds <= \
         (has(self.progressDeadlineSeconds) ? self.progressDeadlineSeconds : 600))",
        "minReadySeconds of a template must not be greater than progressDeadlineSeconds (600 when absent)",
    ),
    (
        "ExperimentTemplate",
        "(has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0) || \
         (has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0)",
        "selector is empty; it must select the pods of the template",
    ),
];

const ROLLBACKS: &[Rule] = &[
    (
        "RollbackSelector",
        "(has(self.names) && size(self.names) > 0) || (has(self.matchLabels) && size(self.matchLabels) > 0)",
        "give names, matchLabels or both",
    ),
    (
        "RollbackGit",
        "!has(self.mode) || self.mode == 'Push'",
        "mode PullRequest is not built yet; write Push, or leave mode out",
    ),
    (
        "ImageEdit",
        "(has(self.yaml) ? 1 : 0) + (has(self.kustomize) ? 1 : 0) + (has(self.helm) ? 1 : 0) == 1",
        "give exactly one of yaml, kustomize and helm",
    ),
    ("HelmEdit", "has(self.tag) || has(self.digest)", "give tag, digest or both"),
    ("RollbackNotice", "has(self.slack) != has(self.webhook)", "give exactly one of slack and webhook"),
    (
        "SlackNotice",
        "has(self.webhook) ? !has(self.token) : has(self.token) && has(self.channel)",
        "give either webhook, or token and channel",
    ),
];

/// The rules of a type, as a CRD has them.
pub(super) fn of(name: &str) -> Vec<Value> {
    [ROLLOUT, CANARY, ANALYSIS, ROLLBACKS]
        .into_iter()
        .flatten()
        .filter(|(of, _, _)| *of == name)
        .map(|(_, rule, message)| json!({ "rule": rule, "message": message }))
        .collect()
}
