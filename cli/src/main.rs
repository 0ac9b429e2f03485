//! serin: the demo and the simulator on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serin_cli::{demo, play, terminal::Output};

/// Progressive delivery for Kubernetes, tried out in one process.
#[derive(Parser)]
#[command(name = "serin", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Plays a good and a bad release on the in-memory cluster.
    Demo {
        /// How fast, compared with the usual pace.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// Without colours.
        #[arg(long)]
        no_color: bool,
        /// Keeps the in-memory API server up for kubectl, on this loopback address, such as 127.0.0.1:8001.
        #[arg(long, value_name = "ADDRESS:PORT", value_parser = loopback)]
        listen: Option<SocketAddr>,
    },
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

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| format!("{text:?} is no address and port; write 127.0.0.1:8001"))?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(format!(
        "{address} is not a loopback address; the simulator has no passwords, so it stays on this machine: write 127.0.0.1:{}",
        address.port()
    ))
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Demo { speed, no_color, listen } => show(&demo::Options {
            speed: demo::SPEED * speed.clamp(0.01, 1000.0),
            output: Output::detect(no_color),
            listen,
        }),
        Command::Play { files, base, brief } => ExitCode::from(play::run(&play::Options { files, base, brief }).code()),
    }
}

fn show(options: &demo::Options) -> ExitCode {
    match demo::run(options) {
        Ok(ended) => ExitCode::from(ended.code()),
        Err(error) => {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            eprintln!("serin: {error}{source}");
            ExitCode::FAILURE
        }
    }
}
