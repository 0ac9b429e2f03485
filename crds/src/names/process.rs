//! The process: lease, environment, flags, configuration.

/// Lease of the leader election; with an instance id, `-<id>` follows.
pub const LEASE: &str = "argo-rollouts-controller-lock";
/// Namespace when nothing says another.
pub const DEFAULT_NAMESPACE: &str = "argo-rollouts";
/// ConfigMap with the plugins.
pub const CONFIG_MAP: &str = "argo-rollouts-config";
/// ConfigMap with the notifications.
pub const NOTIFICATION_CONFIG_MAP: &str = "argo-rollouts-notification-configmap";
/// Secret with the credentials of notifications.
pub const NOTIFICATION_SECRET: &str = "argo-rollouts-notification-secret";

/// Environment: namespace of the controller.
pub const ENV_POD_NAMESPACE: &str = "POD_NAMESPACE";
/// Environment: Prometheus for metrics that name none.
pub const ENV_PROMETHEUS_ADDRESS: &str = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS";
/// Environment: kubeconfig for Jobs of analyses.
pub const ENV_JOB_KUBECONFIG: &str = "ARGO_ROLLOUTS_ANALYSIS_JOB_KUBECONFIG";
/// Environment: namespace for Jobs of analyses.
pub const ENV_JOB_NAMESPACE: &str = "ARGO_ROLLOUTS_ANALYSIS_JOB_NAMESPACE";
/// Environment: time between verifications of a weight.
pub const ENV_VERIFY_RETRY_INTERVAL: &str = "ROLLOUT_VERIFY_RETRY_INTERVAL";

/// A flag of the controller and its default, as in Argo Rollouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Name without the leading dashes.
    pub name: &'static str,
    /// Default, as text.
    pub default: &'static str,
}

const fn flag(name: &'static str, default: &'static str) -> Flag {
    Flag { name, default }
}

/// Every flag of Argo Rollouts that a deployment may pass; those without a meaning here are accepted.
pub const FLAGS: &[Flag] = &[
    flag("alb-ingress-classes", "alb"),
    flag("alb-tag-key-resource-id", "ingress.k8s.aws/resource"),
    flag("alb-verify-weight", "false"),
    flag("ambassador-api-version", "getambassador.io/v2"),
    flag("analysis-threads", "30"),
    flag("appmesh-crd-version", "v1beta2"),
    flag("aws-target-group-binding-api-version", "elbv2.k8s.aws/v1beta1"),
    flag("aws-verify-target-group", "false"),
    flag("burst", "80"),
    flag("controllers", ""),
    flag("enable-pprof-address", ""),
    flag("ephemeral-metadata-threads", "10"),
    flag("ephemeral-metadata-update-pod-retries", "3"),
    flag("experiment-threads", "10"),
    flag("healthzPort", "8080"),
    flag("ingress-api-version", ""),
    flag("ingress-threads", "10"),
    flag("instance-id", ""),
    flag("istio-api-version", "v1alpha3"),
    flag("kloglevel", "0"),
    flag("leader-elect", "true"),
    flag("leader-election-lease-duration", "15s"),
    flag("leader-election-renew-deadline", "10s"),
    flag("leader-election-retry-period", "2s"),
    flag("logformat", "text"),
    flag("loglevel", "info"),
    flag("metricsPort", "8090"),
    flag("metricsport", "8090"),
    flag("namespaced", "false"),
    flag("nginx-ingress-classes", "nginx"),
    flag("qps", "40"),
    flag("rollout-resync", "900"),
    flag("rollout-threads", "10"),
    flag("self-service-notification-enabled", "false"),
    flag("service-threads", "10"),
    flag("traefik-api-group", "traefik.io"),
    flag("traefik-api-version", "traefik.io/v1alpha1"),
    flag("traffic-split-api-version", "v1alpha1"),
];
