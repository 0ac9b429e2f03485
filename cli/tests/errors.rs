//! What is wrong with a command line is said in a sentence that tells what to do.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Runs `serin` with these arguments in this folder; answers its exit code and what it says on standard error.
fn serin(arguments: &str, folder: &PathBuf) -> (Option<i32>, String) {
    let mut serin = Command::new(env!("CARGO_BIN_EXE_serin"));
    serin.args(arguments.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    let output = serin.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[track_caller]
fn check(arguments: &str, code: i32, parts: &[&str]) {
    let (seen, said) = serin(arguments, &std::env::temp_dir());
    assert_eq!(seen, Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is missing in\n{said}");
    }
}

#[test]
fn a_wrong_command_line_says_what_to_write() {
    check("", 1, &["Usage: serin [OPTIONS] <COMMAND>", "demo"]);
    check("dmo", 1, &["unrecognized subcommand 'dmo'", "a similar subcommand exists: 'demo'"]);
    check("demo --sped 3", 1, &["'--sped'", "a similar argument exists: '--speed'"]);
    for odd in ["0", "-1", "nan", "fast", "1000"] {
        check(&format!("demo --speed {odd}"), 1, &["'--speed <TIMES>'", "write a number from 0.1 to 100"]);
    }
    check("pause", 1, &["<NAME>...", "Usage: serin pause"]);
    check("set image shop shop", 1, &["write the container and its image, such as shop=shop:v2"]);
    check("status shop --timeout soon", 1, &["write a duration with its unit, such as 30s"]);
    check("demo --listen here", 1, &["write an address with a port, such as --listen 127.0.0.1:8001"]);
    check("demo --listen 0.0.0.0:8001", 1, &["write a loopback address: --listen 127.0.0.1:8001"]);
}

/// Runs `serin` as somebody whose kubeconfig is this file.
#[track_caller]
fn check_with_kubeconfig(arguments: &str, kubeconfig: &str, says: &str) {
    let mut serin = Command::new(env!("CARGO_BIN_EXE_serin"));
    serin.args(arguments.split_whitespace()).env("HOME", "/nowhere").env_remove("KUBERNETES_SERVICE_HOST");
    if kubeconfig.is_empty() {
        serin.env_remove("KUBECONFIG")
    } else {
        serin.env("KUBECONFIG", kubeconfig)
    };
    let output = serin.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.starts_with(&format!("Error: {says}")), "{said}");
}

#[test]
fn without_a_cluster_a_verb_says_how_to_name_one() {
    check_with_kubeconfig("list rollouts", "", "no cluster is configured: neither --kubeconfig, nor $KUBECONFIG");
    check_with_kubeconfig("list rollouts --kubeconfig /nowhere/x", "", "the kubeconfig can't be used: failed to read");
    let folder = std::env::temp_dir().join(format!("serin-errors-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("kubeconfig");
    std::fs::write(&file, "apiVersion: v1\nkind: Config\nclusters: []\n").unwrap();
    let path = file.display().to_string();
    check_with_kubeconfig(
        "list rollouts --context nope",
        &path,
        "the kubeconfig can't be used: failed to load current context",
    );
    // Nobody listens on a port that was given back.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = format!("list rollouts --server http://{address}");
    check_with_kubeconfig(&silent, "", "the API server does not answer: Connection refused");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_port_in_use_says_which_one_to_take() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let says = format!("serin: can't listen on {address}: another program uses port {}", address.port());
    check(&format!("demo --listen {address}"), 1, &[&says, "take any that is free: --listen 127.0.0.1:0"]);
}

#[test]
fn a_folder_that_nobody_may_write_to_is_named() {
    // Not even root may write here.
    let (code, said) = serin("demo --listen 0", &PathBuf::from("/proc/self"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("can't write serin-demo.kubeconfig into the current folder"), "{said}");
    assert!(said.contains("start the demo in a folder that you may write to"), "{said}");
}
