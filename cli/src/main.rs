//! serin: the demo, the linter, the simulator and the kubectl plugin, on the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use serin_cli::{
    demo, lint, outcome, play,
    plugin::{self, Connection, Failure, Printer, Verb},
    simulate,
    terminal::Output,
};

/// Progressive delivery for Kubernetes: see Rollouts at work, and order what they do.
#[derive(Parser)]
#[command(name = "serin", version)]
struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    /// Play scenario files
    ///
    /// Exits with 0 when all end as they expect and break no promise, 1 otherwise, 2 for unreadable input.
    Play {
        /// The scenario files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Where the files that scenarios name are looked for; beside each scenario when left out
        #[arg(long, value_name = "DIR")]
        base: Option<PathBuf>,
        /// Print no transcripts and last states
        #[arg(long)]
        brief: bool,
    },
    Lint(lint::Arguments),
    Simulate(simulate::Arguments),
    #[command(flatten)]
    Verb(Verb),
}

fn main() -> ExitCode {
    match arguments() {
        Arguments { command: Command::Demo(arguments), .. } => match demo::run(&arguments) {
            Ok(ended) => ExitCode::from(ended.code()),
            Err(error) => failed("serin", &error),
        },
        Arguments { command: Command::Play { files, base, brief }, .. } => {
            ExitCode::from(play::run(&play::Options { files, base, brief }).code())
        }
        Arguments { command: Command::Lint(arguments), .. } => ExitCode::from(lint::run(&arguments).code()),
        Arguments { command: Command::Simulate(arguments), .. } => ExitCode::from(simulate::run(&arguments).code()),
        Arguments { command: Command::Verb(verb), connection } => match order(&verb, &connection) {
            Ok(()) => ExitCode::SUCCESS,
            // As the plugin of Argo Rollouts says it.
            Err(error) => failed("Error", &error),
        },
    }
}

/// What talks to no cluster, so that its help is spared the flags of kubectl.
const ALONE: [&str; 4] = ["demo", "lint", "play", "simulate"];

/// Reads the command line.
fn arguments() -> Arguments {
    let mut command = Arguments::command();
    command.build();
    let global: Vec<_> =
        command.get_arguments().filter(|one| one.is_global_set()).map(|one| one.get_id().clone()).collect();
    for alone in command.get_subcommands_mut().filter(|one| ALONE.contains(&one.get_name())) {
        let hidden = alone.clone().mut_args(|one| if global.contains(one.get_id()) { one.hide(true) } else { one });
        *alone = hidden;
    }
    let read = command.try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    read.unwrap_or_else(|error| {
        // There is nobody to tell it to where it can't be printed.
        let _ = error.print();
        // As kubectl and its plugins end.
        std::process::exit(i32::from(error.use_stderr()))
    })
}

#[tokio::main(flavor = "current_thread")]
async fn order(verb: &Verb, connection: &Connection) -> Result<(), Failure> {
    let cluster = connection.open().await?;
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut printer = Printer { out: &mut out, err: &mut err, output: Output::detect(false) };
    plugin::run(verb, &cluster, &mut printer).await
}

fn failed(who: &str, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{who}: {}", outcome::chain(error));
    ExitCode::FAILURE
}
