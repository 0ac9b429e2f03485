//! serin: the demo on the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serin_cli::{demo, play};

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
    /// Plays scenario files; exits with 0 when all end as they expect and break no promise, 1 otherwise, 2 for unreadable
    /// input.
    Play {
        /// The scenario files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Where the files that scenarios name are looked for; beside each scenario when left out.
        #[arg(long, value_name = "DIR")]
        base: Option<PathBuf>,
        /// Without transcripts and last states.
        #[arg(long)]
        brief: bool,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Demo(arguments) => show(&arguments),
        Command::Play { files, base, brief } => ExitCode::from(play::run(&play::Options { files, base, brief }).code()),
    }
}

fn show(arguments: &demo::Arguments) -> ExitCode {
    match demo::run(arguments) {
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
