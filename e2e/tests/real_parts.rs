//! The tests on real parts.

use std::process::ExitCode;

use serin_e2e::runner::{self, Trial};

#[path = "real_parts/audit.rs"]
mod audit;
#[path = "real_parts/autoscaler/mod.rs"]
mod autoscaler;
#[path = "real_parts/chart.rs"]
mod chart;
#[path = "real_parts/conditions.rs"]
mod conditions;
#[path = "real_parts/crds.rs"]
mod crds;
#[path = "real_parts/faults.rs"]
mod faults;
#[path = "real_parts/ingress/mod.rs"]
mod ingress;
#[path = "real_parts/leading/mod.rs"]
mod leading;
#[path = "real_parts/plugin/mod.rs"]
mod plugin;
#[path = "real_parts/pods.rs"]
mod pods;
#[path = "real_parts/scenarios.rs"]
mod scenarios;
#[path = "real_parts/shares.rs"]
mod shares;
#[path = "real_parts/streams/mod.rs"]
mod streams;
#[path = "real_parts/waiting/mod.rs"]
mod waiting;

fn main() -> ExitCode {
    let mut trials = vec![
        Trial::new("crds are applied by a plain kubectl apply", crds::crds_are_applied_plainly),
        Trial::new("crds refuse and accept what the table says", crds::the_table_holds),
        Trial::new("crds lose no field of the examples", crds::examples_lose_nothing),
        Trial::new("nothing that a controller writes is hidden from the promises", audit::nothing_is_hidden),
        Trial::new("the autoscaler of Kubernetes follows a Rollout", autoscaler::follows_a_rollout).beside_others(),
        Trial::new("the chart has no faults for helm 4 and 3", chart::helm_finds_no_fault),
        Trial::new("the install files are what the chart renders", chart::install_files_are_what_the_chart_renders),
        Trial::new("helm installs, upgrades and takes back the chart", chart::helm_installs_upgrades_and_takes_back),
        Trial::new("helm waits for a release of a Rollout", waiting::helm_waits_for_a_release).beside_others(),
        Trial::new("ingresses of nginx follow a release", ingress::follow_a_release).beside_others(),
        Trial::new("pods become ready, die, come back and leave", pods::pods_live_and_die),
        Trial::new("weights of TLS and TCP routes follow a release", streams::follow_a_release).beside_others(),
        Trial::new("weights of a virtual service are the shares that users get", shares::weights_are_shares),
    ];
    trials.extend(leading::trials());
    trials.extend(plugin::trials());
    trials.extend(scenarios::trials());
    trials.extend(faults::trials());
    trials.extend(conditions::trials());
    runner::main(&trials)
}
