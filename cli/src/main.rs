//! serin: the demo on the command line.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serin_cli::{demo, terminal::Output};

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
    let Command::Demo { speed, no_color, listen } = Arguments::parse().command;
    let options =
        demo::Options { speed: demo::SPEED * speed.clamp(0.01, 1000.0), output: Output::detect(no_color), listen };
    match demo::run(&options) {
        Ok(ended) => ExitCode::from(ended.code()),
        Err(error) => {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            eprintln!("serin: {error}{source}");
            ExitCode::FAILURE
        }
    }
}
