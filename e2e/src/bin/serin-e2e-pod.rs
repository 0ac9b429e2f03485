//! The service that runs in the pods of a world; see `serin_e2e::pod`.

use std::process::ExitCode;

use clap::Parser;
use serin_e2e::pod::{Flags, serve};

fn main() -> ExitCode {
    let flags = Flags::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(serve(flags)),
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the pod's service ended: {error}");
            ExitCode::FAILURE
        }
    }
}
