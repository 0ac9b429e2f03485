//! The flags of serin-gitops.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use serin_analysis::provider::{Egress, EgressRule};
use serin_controller::runtime::client::Reach;
use serin_controller::runtime::lease::Election;
use serin_controller::runtime::logging::{Format, Logging};

/// Name of the lease; that of the controller is another one.
const LEASE: &str = "serin-gitops";
/// Namespace when nothing says another.
const NAMESPACE: &str = "argo-rollouts";

/// Brings automatic rollbacks into Git: carries out `RollbackPolicies`.
#[derive(Clone, Debug, Parser)]
#[command(name = "serin-gitops", version, about = "Brings automatic rollbacks into Git: carries out RollbackPolicies")]
pub struct Flags {
    /// Watch only this program's own namespace.
    #[arg(long)]
    pub namespaced: bool,
    /// Namespace of this program; that of its pod when absent.
    #[arg(long)]
    pub namespace: Option<String>,
    /// A kubeconfig file.
    #[arg(long)]
    pub kubeconfig: Option<String>,
    /// A context in the kubeconfig.
    #[arg(long)]
    pub context: Option<String>,
    /// Work without a lease: for one copy alone.
    #[arg(long)]
    pub no_leader_election: bool,
    /// What else.
    #[command(flatten)]
    pub listen: Listen,
    /// Whom it may talk to.
    #[command(flatten)]
    pub reach: Reached,
    /// Lowest level that is logged: trace, debug, info, warn or error.
    #[arg(long, default_value = "info")]
    pub loglevel: String,
    /// How lines look: text or json.
    #[arg(long, default_value = "text")]
    pub logformat: Format,
}

/// Where it listens.
#[derive(clap::Args, Clone, Debug)]
pub struct Listen {
    /// Port of /metrics.
    #[arg(long, default_value_t = 8091)]
    pub metrics_port: u16,
    /// Port of /healthz and /readyz.
    #[arg(long, default_value_t = 8081)]
    pub healthz_port: u16,
    /// Address to listen on; all when absent.
    #[arg(long)]
    pub bind_address: Option<IpAddr>,
}

/// Whom it may talk to.
#[derive(clap::Args, Clone, Debug)]
pub struct Reached {
    /// Destinations that may be reached whatever their address, of gates, notices and repositories: `[scheme://]host[:port]`.
    #[arg(long, value_delimiter = ',')]
    pub allow: Vec<EgressRule>,
    /// Refuse all destinations that --allow does not name.
    #[arg(long)]
    pub allow_only: bool,
    /// Protocols of repositories, with commas between: https, ssh, http, file.
    #[arg(long, value_delimiter = ',', default_value = "https,ssh", value_parser = protocol)]
    pub git_protocols: Vec<String>,
    /// The git program.
    #[arg(long, default_value = "git")]
    pub git: PathBuf,
    /// Folder for repositories as long as a change takes; that of temporary files when absent.
    #[arg(long)]
    pub work: Option<PathBuf>,
}

fn protocol(word: &str) -> Result<String, String> {
    let known = ["https", "ssh", "http", "file"].contains(&word);
    if known { Ok(word.to_owned()) } else { Err(format!("{word} is none of https, ssh, http and file")) }
}

impl Flags {
    /// How to reach the cluster.
    pub fn cluster(&self) -> Reach {
        Reach { kubeconfig: self.kubeconfig.clone(), context: self.context.clone(), ..Reach::default() }
    }

    /// This program's own namespace: the flag, the environment, the client's; in this order.
    pub fn own_namespace(&self, environment: Option<String>, client: &str) -> String {
        let given = [self.namespace.clone(), environment, Some(client.to_owned())];
        let found = given.into_iter().flatten().find(|namespace| !namespace.is_empty() && namespace != "default");
        found.unwrap_or_else(|| NAMESPACE.to_owned())
    }

    /// Which lease to stand for.
    pub fn election(&self, namespace: &str, identity: String) -> Election {
        Election {
            namespace: namespace.to_owned(),
            name: LEASE.to_owned(),
            identity,
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }

    /// Whom it may talk to.
    pub fn egress(&self) -> Egress {
        let Reached { allow, allow_only, .. } = &self.reach;
        Egress { listed: allow.clone(), only_listed: *allow_only, ..Egress::default() }
    }

    /// What is logged.
    pub fn logging(&self) -> Logging {
        Logging { level: self.loglevel.clone(), format: self.logformat }
    }
}
