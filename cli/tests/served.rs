//! `serin demo --listen`: what an ordinary client sees there.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The demo with its API server, in a folder of its own.
struct Demo {
    process: Child,
    folder: PathBuf,
    address: String,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Demo {
    fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("serin-served-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut serin = Command::new(env!("CARGO_BIN_EXE_serin"));
        serin.args(["demo", "--speed", "20", "--listen", "127.0.0.1:0"]).current_dir(&folder);
        let mut process = serin.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let says = lines.by_ref().map_while(Result::ok).find(|line| line.contains("listens on http://")).unwrap();
        let address = says.split_once("http://").unwrap().1.split(';').next().unwrap().to_owned();
        Self { process, folder, address, lines }
    }

    /// Waits until it says this.
    fn await_line(&mut self, part: &str) {
        let said = self.lines.by_ref().map_while(Result::ok).any(|line| line.contains(part));
        assert!(said, "the demo ended before it said {part:?}");
    }

    fn get(&self, path: &str, accept: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: sim\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Asks it to end, and answers its exit code.
    fn interrupt(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.process.wait().unwrap().code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn items(list: &Value) -> &[Value] {
    list["items"].as_array().unwrap()
}

fn instant(object: &Value, pointer: &str) -> Timestamp {
    object.pointer(pointer).and_then(Value::as_str).unwrap().parse().unwrap()
}

#[test]
fn time_ends_at_the_present_so_ages_read_as_seconds_and_minutes() {
    let mut demo = Demo::start("ages");
    demo.await_line("stays up");
    let events = demo.get("/api/v1/namespaces/default/events", "application/json");
    let now = Timestamp::now();
    let ages: Vec<_> =
        items(&events).iter().map(|event| now.duration_since(instant(event, "/metadata/creationTimestamp"))).collect();
    let (youngest, oldest) = (ages.iter().min().unwrap(), ages.iter().max().unwrap());
    assert!(*youngest >= SignedDuration::ZERO && *youngest < SignedDuration::from_secs(100), "{youngest}");
    assert!(*oldest > SignedDuration::from_secs(100) && *oldest < SignedDuration::from_secs(260), "{oldest}");

    let table = demo.get("/api/v1/namespaces/default/events", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let seen: Vec<_> = table["rows"].as_array().unwrap().iter().map(|row| row["cells"][0].as_str().unwrap()).collect();
    assert!(seen.iter().all(|age| age.ends_with('s') || age.ends_with('m')), "{seen:?}");
    assert_eq!(demo.interrupt(), Some(0), "both releases had ended as they should");
}

#[test]
fn an_interrupt_takes_the_kubeconfig_away() {
    let mut demo = Demo::start("kubeconfig");
    let kubeconfig = demo.folder.join("serin-demo.kubeconfig");
    assert!(std::fs::read_to_string(&kubeconfig).unwrap().contains(&demo.address));
    assert_eq!(demo.interrupt(), Some(130));
    assert!(!kubeconfig.exists(), "it points at nothing");
}
