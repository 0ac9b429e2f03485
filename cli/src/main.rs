//! serin: the demo on the command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serin_cli::demo;

/// Progressive delivery for Kubernetes: see a Rollout at work, without a cluster.
#[derive(Parser)]
#[command(name = "serin", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
}

fn main() -> ExitCode {
    let Command::Demo(arguments) = Arguments::parse().command;
    match demo::run(&arguments) {
        Ok(ended) => ExitCode::from(ended.code()),
        Err(error) => {
            eprintln!("serin: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
