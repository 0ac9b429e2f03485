//! serin-controller: reads flags and environment, then runs the controller until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use serin_analysis::provider::prometheus::PrometheusOptions;
use serin_analysis::provider::{AwsEnvironment, HttpFetch, HttpOptions, Providers, Proxies};
use serin_controller::app::{App, Parts, Settings};
use serin_controller::runtime::client::{Clients, connect, find_cluster, warm_up};
use serin_controller::runtime::clock::Clock;
use serin_controller::runtime::flags::Flags;
use serin_controller::runtime::gate::WriteGate;
use serin_controller::runtime::lease::{elect, identity, lead};
use serin_controller::runtime::logging;
use serin_controller::runtime::metrics::Registry;
use serin_controller::runtime::outbox::Outbox;
use serin_controller::runtime::server::{Pages, listen, serve};
use serin_controller::runtime::shutdown::{GRACE, Shutdown};
use serin_crds::names;
use tokio::task::JoinHandle;

/// How many connections are opened before they are needed.
const WARM: usize = 4;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let (flags, warnings) = match Flags::read(std::env::args()) {
        Ok(read) => read,
        Err(error) => error.exit(),
    };
    let started = logging::begin(&flags.logging()).map_err(Failure::from);
    let outcome = started.and_then(|()| {
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        // Work is waiting, not computing: one thread keeps caches warm and memory small.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run(flags))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", serin_controller::runtime::watch::chain(error.as_ref()));
            eprintln!("serin-controller: {}", serin_controller::runtime::watch::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<(), Failure> {
    let clock = Clock::system();
    // Ends in this order: work under way, events about it, the lease.
    let (stop, quiet, over) = (Shutdown::on_signals()?, Shutdown::new(), Shutdown::new());
    let registry = Registry::new(clock.clone());
    let gate = if flags.election.leader_elect {
        WriteGate::closed(clock.clone())
    } else {
        WriteGate::always_open(clock.clone())
    };
    let config = find_cluster(&flags.reach()).await?;
    let proxies = Proxies::of(variable)?;
    let clients = connect(&config, &proxies, &registry, &gate)?;
    let own = flags.own_namespace(variable(names::ENV_POD_NAMESPACE), &clients.default_namespace);
    warm_up(&clients.calls, WARM).await;
    let instance = identity(&hostname(), std::process::id(), clock.now());
    let (outbox, writer) =
        Outbox::start(clients.calls.clone(), clock.clone(), &registry, instance.clone(), quiet.clone());
    let app = App::start(
        Parts { registry: registry.clone(), ..parts(&flags, &own, &clients, &clock, &gate)? }.telling(outbox),
    );
    app.show(&registry);
    let pages = Pages::new(registry.clone(), app.needed());
    for port in [flags.listen.healthz_port, flags.listen.metrics_port] {
        let listener = listen(flags.listen.bind_address, port).await?;
        tokio::spawn(serve(listener, pages.clone(), over.clone()));
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), namespace = own, "serin-controller starts");
    let election = flags.election(&own, instance);
    if flags.election.leader_elect {
        let (leadership, standing) = elect(clients.calls.clone(), clock.clone(), gate, election, over.clone());
        lead(leadership, &stop, work(&app, &stop)).await?;
        finish(&quiet, writer).await;
        // The lease is given back, so that another one need not wait for its end.
        finish(&over, standing).await;
    } else {
        work(&app, &stop).await;
        finish(&quiet, writer).await;
    }
    tracing::info!("serin-controller has ended");
    Ok(())
}

/// Works until told to stop; then takes up nothing new and ends what is under way.
async fn work(app: &App, stop: &Shutdown) {
    let closing = async {
        stop.wait().await;
        app.queue.close();
        std::future::pending::<()>().await;
    };
    // The order to end is heard before another turn begins.
    tokio::select! {
        biased;
        () = closing => {}
        () = app.work() => {}
    }
}

/// Tells a task to end, and waits for it a while.
async fn finish(order: &Shutdown, task: JoinHandle<()>) {
    order.give();
    if tokio::time::timeout(GRACE, task).await.is_err() {
        tracing::warn!(seconds = GRACE.as_secs(), "a task has not ended in time");
    }
}

/// Looks up a variable of the environment.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn parts(flags: &Flags, own: &str, clients: &Clients, clock: &Clock, gate: &WriteGate) -> Result<Parts, String> {
    let environment = variable(names::ENV_PROMETHEUS_ADDRESS);
    let address = flags.metrics.prometheus_address.clone().or(environment).filter(|address| !address.is_empty());
    let egress = flags.egress(address.as_deref());
    let fetch = HttpFetch::new(HttpOptions { egress, proxies: Proxies::of(variable)? });
    let options = PrometheusOptions { default_address: address, aws: AwsEnvironment::of(variable) };
    let providers = Arc::new(Providers::new(Arc::new(fetch), options));
    let mut parts = Parts::new(clients.calls.clone(), clock.clone(), providers, gate.clone());
    parts.watches = clients.watches.clone();
    parts.settings = Settings {
        namespace: flags.scope.namespaced.then(|| own.to_owned()),
        instance: flags.scope.instance_id.clone(),
        istio_version: flags.scope.istio_api_version.clone(),
        generation_format: flags.scope.observed_generation,
        threads: flags.work.rollout_threads.map_or(Settings::default().threads, usize::from),
        queries: flags.work.analysis_threads.map_or(Settings::default().queries, usize::from),
        only_analyses: !flags.scope.controllers.is_empty(),
    };
    Ok(parts)
}

fn hostname() -> String {
    let named = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let read = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    named.or_else(read).unwrap_or_else(|| "serin".to_owned())
}
