//! The runner itself: every trial is played once, in a world of its own, and its first result is the one that counts.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitCode, Output},
};

use libtest_mimic::{Arguments, Failed};
use serin_e2e::runner::{self, Fault, Trial};

/// Names the folder of a sample; set while this program plays the sample trials.
const SAMPLE: &str = "SERIN_E2E_SAMPLE";

fn main() -> ExitCode {
    if std::env::var_os(SAMPLE).is_some() {
        let trials = [
            Trial::new("passes", async || Ok(())).beside_others(),
            Trial::new("fails once", fails_once).beside_others(),
            Trial::new("sees nobody else", sees_nobody_else),
        ];
        return runner::main(&trials);
    }
    let tests = vec![
        libtest_mimic::Trial::test("runner: a trial that fails once has failed", a_trial_that_fails_once_has_failed),
        libtest_mimic::Trial::test("runner: what fails elsewhere does not count", what_fails_elsewhere_does_not_count),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// Fails the first time and never again.
async fn fails_once() -> Result<(), Fault> {
    let mark = PathBuf::from(std::env::var_os(SAMPLE).ok_or("no folder")?).join("failed");
    if mark.exists() {
        return Ok(());
    }
    fs::write(mark, "")?;
    Err("the first try fails".into())
}

/// The network holds `lo` alone, and this process is the first of its tree.
async fn sees_nobody_else() -> Result<(), Fault> {
    let devices = fs::read_to_string("/proc/net/dev")?.lines().skip(2).count();
    match (devices, std::process::id()) {
        (1, 1) => Ok(()),
        other => Err(format!("devices and process id: {other:?}").into()),
    }
}

fn sample(name: &str, arguments: &[&str]) -> Result<Output, Failed> {
    let folder = std::env::temp_dir().join(format!("serin-e2e-sample-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder)?;
    // The folder of a failed trial is kept: in here it goes with everything else.
    let mut program = Command::new(std::env::current_exe()?);
    let output = program.args(arguments).env(SAMPLE, &folder).env("TMPDIR", &folder).output()?;
    fs::remove_dir_all(&folder)?;
    Ok(output)
}

fn check(output: &Output, success: bool, counts: &str) -> Result<(), Failed> {
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() == success && said.contains(counts) {
        return Ok(());
    }
    Err(format!("expected {counts:?}, got {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

fn a_trial_that_fails_once_has_failed() -> Result<(), Failed> {
    let output = sample("once", &["--test-threads=2"])?;
    check(&output, false, "test result: FAILED. 2 passed; 1 failed; 0 ignored;")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if said.contains("the first try fails") && said.contains("its logs are in ") {
        return Ok(());
    }
    Err(format!("it does not say why, or where the logs are\n{said}").into())
}

fn what_fails_elsewhere_does_not_count() -> Result<(), Failed> {
    check(&sample("exact", &["--exact", "passes"])?, true, "test result: ok. 1 passed; 0 failed; 0 ignored;")
}
