//! The file that tells Prometheus where pods are.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf, sync::Mutex};

use serde_json::{Value, json};

use super::{RunningPod, lock};
use crate::world::prometheus::TARGETS;

/// The pods that Prometheus scrapes.
#[derive(Debug)]
pub(super) struct Targets {
    file: PathBuf,
    entries: Mutex<BTreeMap<String, Value>>,
}

impl Targets {
    /// No pods yet.
    pub(super) fn new(root: &Path) -> Self {
        Self { file: root.join(TARGETS), entries: Mutex::default() }
    }

    /// Adds a pod.
    pub(super) fn add(&self, pod: &RunningPod, app: &str) {
        let entry = json!({
            "targets": [pod.address.to_string()],
            "labels": {
                "namespace": pod.namespace,
                "pod": pod.name,
                "app": app,
                "pod_template_hash": pod.hash,
                "rollouts_pod_template_hash": pod.hash,
            },
        });
        let mut entries = lock(&self.entries);
        entries.insert(key(pod), entry);
        self.write(&entries);
    }

    /// Removes a pod.
    pub(super) fn remove(&self, pod: &RunningPod) {
        let mut entries = lock(&self.entries);
        entries.remove(&key(pod));
        self.write(&entries);
    }

    fn write(&self, entries: &BTreeMap<String, Value>) {
        let text = Value::Array(entries.values().cloned().collect()).to_string();
        let fresh = self.file.with_extension("new");
        let folder = self.file.parent().map_or(Ok(()), fs::create_dir_all);
        let written = folder.and_then(|()| fs::write(&fresh, text)).and_then(|()| fs::rename(&fresh, &self.file));
        if let Err(error) = written {
            eprintln!("the kubelet's stand-in can't write {}: {error}", self.file.display());
        }
    }
}

fn key(pod: &RunningPod) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}
