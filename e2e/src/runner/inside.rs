//! The part that runs inside the namespaces, as the first process there: makes the network, plays one trial.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use super::{Trial, WORLD_DIR};
use crate::world::{Audit, ObjectRef, Record, network};

pub(super) fn play(trials: &[Trial]) -> ExitCode {
    let Some(folder) = std::env::var_os(WORLD_DIR).map(PathBuf::from) else {
        return ExitCode::FAILURE;
    };
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let Some(trial) = trials.iter().find(|trial| trial.name == wanted) else {
        eprintln!("there is no trial {wanted:?}");
        return ExitCode::FAILURE;
    };
    end_with_input();
    if let Err(error) = lay_network(&folder) {
        eprintln!("the world's network can't be made: {error}");
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(play_one(trial, &folder));
    runtime.shutdown_background();
    code
}

async fn play_one(trial: &Trial, folder: &Path) -> ExitCode {
    // In a task of its own, so that a panic is a fault like others and the world is taken down in order.
    let played = tokio::time::timeout(trial.limit, tokio::spawn((trial.body)())).await;
    let fault = match played {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(fault))) => Some(explain(fault.as_ref())),
        Ok(Err(panic)) => Some(panic.to_string()),
        Err(_) => Some(format!("not at its end after {:?}", trial.limit)),
    };
    let faults: Vec<_> = fault.into_iter().chain(overreach(folder)).collect();
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The calls of a controller that its role does not allow, once for each kind of call: whatever the trial is about, there
/// must be none.
fn overreach(folder: &Path) -> BTreeSet<String> {
    let records = match Audit::from_start(folder).read() {
        Ok(records) => records,
        Err(error) => return BTreeSet::from([explain(&error)]),
    };
    let tell = |record: &Record| {
        let ObjectRef { api_group, resource, subresource, .. } = &record.object;
        let slash = if subresource.is_empty() { "" } else { "/" };
        format!("serin's role does not allow it to {} {resource}{slash}{subresource} of {api_group:?}", record.verb)
    };
    records.iter().filter(|record| record.is_overreach()).map(tell).collect()
}

/// A fault with everything that caused it, one line each.
fn explain(fault: &(dyn std::error::Error + 'static)) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(cause) = source {
        text.push_str("\n  because: ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Ends this process, and with it everything in its process tree, when whoever started it is gone.
fn end_with_input() {
    std::thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(130);
    });
}

/// Brings `lo` up with every address a world needs, and answers names from files alone.
fn lay_network(folder: &Path) -> io::Result<()> {
    run("ip", &["link", "set", "lo", "up"])?;
    for address in network::ADDRESSES {
        run("ip", &["address", "add", address, "dev", "lo"])?;
    }
    // Every pod address is local: a pod is there when something listens on it.
    run("ip", &["route", "add", "local", network::PODS, "dev", "lo"])?;
    let hosts = folder.join("hosts");
    fs::write(&hosts, network::HOSTS)?;
    bind(&hosts, "/etc/hosts")?;
    // There is no name server: say so at once instead of after a time-out.
    let resolver = folder.join("resolv.conf");
    fs::write(&resolver, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")?;
    bind(&resolver, "/etc/resolv.conf")
}

fn bind(file: &Path, over: &str) -> io::Result<()> {
    if !Path::new(over).exists() {
        return Ok(());
    }
    run("mount", &["--bind", &file.to_string_lossy(), over])
}

fn run(program: &str, arguments: &[&str]) -> io::Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} {}: {}", arguments.join(" "), said.trim())))
}
