//! The flags of the controller: Argo's names and defaults, and ours.
//!
//! A manifest or a Helm values file written for Argo Rollouts works as it is: flags that mean nothing here are taken and
//! said so once; flags that nobody knows are refused, because a typing error must not pass for a setting.

mod values;

use std::net::IpAddr;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser};
use serin_analysis::provider::{Egress, EgressRule};
use serin_crds::names;

use self::values::{duration, port, truth};
use super::client::Reach;
use super::lease::Election;
use super::logging::{Format, Logging};
use crate::report::GenerationFormat;

/// Progressive delivery for Kubernetes: runs the Rollouts of Argo Rollouts.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "serin-controller",
    version,
    about = "Progressive delivery for Kubernetes: runs Rollouts of Argo Rollouts"
)]
pub struct Flags {
    /// What to watch.
    #[command(flatten)]
    pub scope: ScopeFlags,
    /// How to reach the cluster.
    #[command(flatten)]
    pub reach: ReachFlags,
    /// Where to listen.
    #[command(flatten)]
    pub listen: ListenFlags,
    /// How much at once.
    #[command(flatten)]
    pub work: WorkFlags,
    /// How the leader is found.
    #[command(flatten)]
    pub election: ElectionFlags,
    /// Where metrics are read.
    #[command(flatten)]
    pub metrics: MetricFlags,
    /// What is logged.
    #[command(flatten)]
    pub logging: LoggingFlags,
}

/// What to watch.
#[derive(Args, Clone, Debug)]
pub struct ScopeFlags {
    /// Watch only the controller's own namespace.
    #[arg(long, action = ArgAction::Set, value_parser = truth, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub namespaced: bool,
    /// Take only objects whose label argo-rollouts.argoproj.io/controller-instance-id has this value.
    #[arg(long, default_value = "")]
    pub instance_id: String,
    /// Version of Istio's API.
    #[arg(long, default_value = "v1alpha3")]
    pub istio_api_version: String,
    /// How status.observedGeneration is written: a string as Argo Rollouts writes it, an integer for Helm 4 and Flux, or omitted.
    #[arg(long, value_enum, default_value = "string")]
    pub observed_generation: GenerationFormat,
    /// Carry out analysis runs and leave Rollouts alone; `analysis` is the only name.
    #[arg(long, value_delimiter = ',', value_parser = ["analysis"])]
    pub controllers: Vec<String>,
}

/// How to reach the cluster.
#[derive(Args, Clone, Debug)]
pub struct ReachFlags {
    /// A kubeconfig file, when not in a cluster.
    #[arg(long)]
    pub kubeconfig: Option<String>,
    /// A context of the kubeconfig.
    #[arg(long)]
    pub context: Option<String>,
    /// A cluster of the kubeconfig.
    #[arg(long)]
    pub cluster: Option<String>,
    /// A user of the kubeconfig.
    #[arg(long)]
    pub user: Option<String>,
    /// The namespace of the controller, instead of the one that the environment names.
    #[arg(long, short)]
    pub namespace: Option<String>,
}

/// Where to listen.
#[derive(Args, Clone, Debug)]
pub struct ListenFlags {
    /// Port of /metrics.
    #[arg(long = "metricsPort", alias = "metricsport", value_parser = port, default_value = "8090")]
    pub metrics_port: u16,
    /// Port of /healthz and /readyz.
    #[arg(long = "healthzPort", value_parser = port, default_value = "8080")]
    pub healthz_port: u16,
    /// Address to listen on; all addresses when absent.
    #[arg(long)]
    pub bind_address: Option<IpAddr>,
}

/// How much at once.
#[derive(Args, Clone, Debug)]
pub struct WorkFlags {
    /// Rollouts that are worked on at once; aborts have further places of their own. [default: 32]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rollout_threads: Option<u16>,
    /// Metrics that are asked for at once, from one address. [default: 64]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub analysis_threads: Option<u16>,
}

/// How the leader is found.
#[derive(Args, Clone, Debug)]
pub struct ElectionFlags {
    /// Let one of several controllers lead.
    #[arg(long, action = ArgAction::Set, value_parser = truth, num_args = 0..=1, require_equals = true,
          default_value = "true", default_missing_value = "true")]
    pub leader_elect: bool,
    /// How long others wait for a leader that is silent.
    #[arg(long = "leader-election-lease-duration", value_parser = duration, default_value = "15s")]
    pub lease_duration: Duration,
    /// How long a leader goes on without having renewed its lease.
    #[arg(long = "leader-election-renew-deadline", value_parser = duration, default_value = "10s")]
    pub renew_deadline: Duration,
    /// How often a lease is renewed, or looked at.
    #[arg(long = "leader-election-retry-period", value_parser = duration, default_value = "2s")]
    pub retry_period: Duration,
}

/// Where metrics are read.
#[derive(Args, Clone, Debug)]
pub struct MetricFlags {
    /// Prometheus for metrics that name no address; also `ARGO_ROLLOUTS_PROMETHEUS_ADDRESS`.
    #[arg(long)]
    pub prometheus_address: Option<String>,
    /// A destination that metrics may be read from whatever its address: `[scheme://]host[:port]`, `*.` for subdomains.
    #[arg(long = "metric-allow", visible_alias = "allow-metric-host", value_delimiter = ',')]
    pub metric_allow: Vec<EgressRule>,
    /// Refuse all destinations that no --metric-allow names.
    #[arg(long, action = ArgAction::Set, value_parser = truth, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub metric_allow_only: bool,
}

/// What is logged.
#[derive(Args, Clone, Debug)]
pub struct LoggingFlags {
    /// Lowest level: trace, debug, info, warn, error; fatal and panic mean error.
    #[arg(long, value_parser = level_word, default_value = "info")]
    pub loglevel: String,
    /// text or json.
    #[arg(long, default_value = "text")]
    pub logformat: Format,
}

/// What is wrong with the flags as a whole.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagsError {
    /// The times of the election contradict each other.
    #[error(
        "--leader-election-renew-deadline is {renew:?}; it must be shorter than --leader-election-lease-duration \
         ({lease:?}) and longer than --leader-election-retry-period ({retry:?})"
    )]
    Election {
        /// Lease duration.
        lease: Duration,
        /// Renew deadline.
        renew: Duration,
        /// Retry period.
        retry: Duration,
    },
}

impl Flags {
    /// Reads flags from the command line, and lists a sentence for each one that is taken without a meaning.
    ///
    /// # Errors
    /// clap's: an unknown flag, a value that cannot be read, or a request for help or version.
    pub fn read(from: impl IntoIterator<Item = String>) -> Result<(Self, Vec<String>), clap::Error> {
        let mut command = Self::command();
        let known: Vec<String> = command
            .get_arguments()
            .flat_map(|arg| arg.get_long_and_visible_aliases().unwrap_or_default())
            .map(str::to_owned)
            .collect();
        let inert: Vec<&'static str> = names::FLAGS
            .iter()
            .map(|flag| flag.name)
            .filter(|name| *name != "metricsport" && !known.iter().any(|known| known == name))
            .collect();
        for name in &inert {
            command = command.arg(inert_arg(name));
        }
        let matches = command.clone().try_get_matches_from(from)?;
        let flags = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        flags.check().map_err(|error| command.error(clap::error::ErrorKind::ValueValidation, error))?;
        let warnings = inert.into_iter().filter(|name| is_given(&matches, name)).map(inert_sentence).collect();
        Ok((flags, warnings))
    }

    fn check(&self) -> Result<(), FlagsError> {
        let ElectionFlags { lease_duration: lease, renew_deadline: renew, retry_period: retry, .. } = self.election;
        if lease > renew && renew > retry && !retry.is_zero() {
            Ok(())
        } else {
            Err(FlagsError::Election { lease, renew, retry })
        }
    }

    /// Says how to reach the cluster.
    pub fn reach(&self) -> Reach {
        let ReachFlags { kubeconfig, context, cluster, user, .. } = self.reach.clone();
        Reach { kubeconfig, context, cluster, user }
    }

    /// Finds the controller's own namespace: the flag, the environment, the client's, Argo's default; in this order.
    pub fn own_namespace(&self, environment: Option<String>, client: &str) -> String {
        let given = [self.reach.namespace.clone(), environment, Some(client.to_owned())];
        let found = given.into_iter().flatten().find(|namespace| !namespace.is_empty() && namespace != "default");
        found.unwrap_or_else(|| names::DEFAULT_NAMESPACE.to_owned())
    }

    /// Says which lease to stand for, in the controller's own namespace.
    pub fn election(&self, own_namespace: &str, identity: String) -> Election {
        Election {
            duration: self.election.lease_duration,
            renew_deadline: self.election.renew_deadline,
            retry_period: self.election.retry_period,
            ..Election::new(own_namespace, &self.scope.instance_id, identity)
        }
    }

    /// Says where metrics may be read; what `prometheus` names is always allowed.
    pub fn egress(&self, prometheus: Option<&str>) -> Egress {
        let configured = prometheus.and_then(values::origin_rule);
        Egress {
            listed: self.metrics.metric_allow.iter().cloned().chain(configured).collect(),
            only_listed: self.metrics.metric_allow_only,
            ..Egress::default()
        }
    }

    /// Says what is logged.
    pub fn logging(&self) -> Logging {
        Logging { level: self.logging.loglevel.clone(), format: self.logging.logformat }
    }
}

fn level_word(word: &str) -> Result<String, String> {
    super::logging::level(word).map(|_| word.to_owned()).map_err(|error| error.to_string())
}

fn inert_arg(name: &'static str) -> Arg {
    Arg::new(name).long(name).hide(true).num_args(0..=1).action(ArgAction::Append)
}

fn is_given(matches: &ArgMatches, name: &str) -> bool {
    matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine)
}

fn inert_sentence(name: &str) -> String {
    let why = match name {
        "qps" | "burst" => "requests are bounded by how many Rollouts are worked on at once",
        "rollout-resync" => "nothing is looked at again without a reason",
        "enable-pprof-address" => "there is no profile to serve; see /metrics",
        "kloglevel" => "there is one log; see --loglevel",
        "self-service-notification-enabled" => "notifications are not sent",
        _ => "it belongs to something that works differently here",
    };
    format!("--{name} has no effect: {why}")
}

#[cfg(test)]
mod tests;
