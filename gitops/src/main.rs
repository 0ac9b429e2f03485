//! serin-gitops: reads flags and environment, then carries out `RollbackPolicies` until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use serin_analysis::provider::{HttpFetch, HttpOptions, Proxies};
use serin_controller::runtime::client::{Clients, connect, find_cluster};
use serin_controller::runtime::clock::Clock;
use serin_controller::runtime::gate::WriteGate;
use serin_controller::runtime::lease::{elect, identity, lead};
use serin_controller::runtime::logging;
use serin_controller::runtime::metrics::Registry;
use serin_controller::runtime::server::{Pages, listen, serve};
use serin_controller::runtime::shutdown::{GRACE, Shutdown};
use serin_controller::runtime::watch::chain;
use serin_crds::names;
use serin_gitops::app::{App, Parts};
use serin_gitops::flags::Flags;
use serin_gitops::git::Program;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let flags = Flags::parse();
    let started = logging::begin(&flags.logging()).map_err(Failure::from);
    let outcome = started.and_then(|()| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run(flags))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("serin-gitops: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<(), Failure> {
    let clock = Clock::system();
    // Ends in this order: work under way, the lease.
    let (stop, over) = (Shutdown::on_signals()?, Shutdown::new());
    let registry = Registry::new(clock.clone());
    let elected = !flags.no_leader_election;
    let gate = if elected { WriteGate::closed(clock.clone()) } else { WriteGate::always_open(clock.clone()) };
    let config = find_cluster(&flags.cluster()).await?;
    let clients = connect(&config, &Proxies::of(variable)?, &registry, &gate)?;
    let own = flags.own_namespace(variable(names::ENV_POD_NAMESPACE), &clients.default_namespace);
    let app = App::start(parts(&flags, &own, &clients, (&clock, &gate, &registry))?);
    app.show(&registry);
    let pages = Pages::new(registry.clone(), app.needed());
    for port in [flags.listen.healthz_port, flags.listen.metrics_port] {
        let listener = listen(flags.listen.bind_address, port).await?;
        tokio::spawn(serve(listener, pages.clone(), over.clone()));
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), namespace = own, "serin-gitops starts");
    if elected {
        let host = variable("HOSTNAME").filter(|name| !name.is_empty()).unwrap_or_else(|| "serin-gitops".to_owned());
        let election = flags.election(&own, identity(&host, std::process::id(), clock.now()));
        let (leadership, standing) = elect(clients.calls.clone(), clock.clone(), gate, election, over.clone());
        lead(leadership, &stop, work(&app, &stop)).await?;
        // The lease is given back, so that another one need not wait for its end.
        over.give();
        if tokio::time::timeout(GRACE, standing).await.is_err() {
            tracing::warn!("the lease was not given back in time");
        }
    } else {
        work(&app, &stop).await;
    }
    tracing::info!("serin-gitops has ended");
    Ok(())
}

/// Works until told to stop; then takes up nothing new and ends what is under way.
async fn work(app: &App, stop: &Shutdown) {
    let closing = async {
        stop.wait().await;
        app.queue.close();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = closing => {}
        () = app.work() => {}
    }
}

/// Looks up a variable of the environment.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn parts(
    flags: &Flags,
    own: &str,
    clients: &Clients,
    (clock, gate, registry): (&Clock, &WriteGate, &Registry),
) -> Result<Parts, String> {
    let egress = flags.egress();
    let fetch = HttpFetch::new(HttpOptions { egress: egress.clone(), proxies: Proxies::of(variable)? });
    let work = flags.reach.work.clone().unwrap_or_else(std::env::temp_dir);
    let program = Program::of(variable, flags.reach.git.clone(), work, flags.reach.git_protocols.join(":"));
    Ok(Parts {
        watches: clients.watches.clone(),
        calls: clients.calls.clone(),
        clock: clock.clone(),
        fetch: Arc::new(fetch),
        program,
        egress,
        gate: gate.clone(),
        registry: registry.clone(),
        namespace: flags.namespaced.then(|| own.to_owned()),
    })
}
