//! The program itself: it finds the cluster, is elected, commits, shows metrics, and gives the lease back.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use serin_sim::server::Key;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::common::release::{Release, aborted, now};
use crate::common::repository::{Folder, Repository};
use crate::common::stage::Stage;

/// A page of the program.
async fn page(port: u16, path: &str) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let _ = stream.read_to_string(&mut text).await;
    }
    text
}

#[tokio::test]
async fn it_is_elected_commits_and_gives_the_lease_back() {
    let server = aborted(&[Release { name: "web", from: "web:v2", to: "web:v1" }]);
    let repository = Repository::with(&[("web.yaml", "image: web:v2\n")]);
    let stage = Stage::new(&server, now());
    stage.policy("loop", &json!({
        "selector": {"names": ["web"]},
        "git": {"url": repository.url(), "branch": "main", "edits": [{"file": "web.yaml", "yaml": {"path": "image"}}]},
    }));
    server.create_namespace("argo-rollouts").unwrap();
    let listener = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let folder = Folder::new();
    let config = folder.0.join("kubeconfig");
    std::fs::write(&config, listener.kubeconfig()).unwrap();
    // Somebody else may take them meanwhile, but hardly does.
    let free = || async { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port() };
    let (health, metrics) = (free().await, free().await);
    let mut program = Command::new(env!("CARGO_BIN_EXE_serin-gitops"))
        .args(["--bind-address", "127.0.0.1", "--git-protocols", "file", "--namespace", "argo-rollouts"])
        .args(["--healthz-port", &health.to_string(), "--metrics-port", &metrics.to_string()])
        .arg("--kubeconfig")
        .arg(&config)
        .arg("--work")
        .arg(folder.0.join("work"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    stage.stage("loop", "Syncing").await;
    assert_eq!(repository.subjects(), ["fix(web): Auto-rollback to v1 (Analysis)", "first"]);
    let lease = || server.as_user("admin").get("leases", &Key::new("argo-rollouts", "serin-gitops")).unwrap();
    assert!(!lease()["spec"]["holderIdentity"].as_str().unwrap().is_empty());
    assert!(page(health, "/readyz").await.starts_with("HTTP/1.1 200"));
    let shown = page(metrics, "/metrics").await;
    assert!(shown.contains("serin_gitops_arrow_seconds_count{arrow=\"commit\"} 1"), "{shown}");
    let pid = i32::try_from(program.id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(60), program.wait()).await.unwrap().unwrap();
    let mut said = String::new();
    program.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
    assert!(ended.success(), "{said}");
    assert!(said.contains("stage=Syncing") && said.contains("serin-gitops has ended"), "{said}");
    assert_eq!(lease()["spec"]["holderIdentity"].as_str().unwrap_or_default(), "", "{said}");
}

#[test]
fn flags_that_nobody_knows_are_refused() {
    let run =
        |flags: &[&str]| std::process::Command::new(env!("CARGO_BIN_EXE_serin-gitops")).args(flags).output().unwrap();
    let refused = run(&["--git-protocols", "ext"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("ext is none of https, ssh, http and file"), "{said}");
    assert!(run(&["--help"]).status.success());
}
