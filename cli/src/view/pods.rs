//! Pods as `kubectl get pods` shows them.

use serde_json::Value;

use super::{
    Icon, Meta, State,
    json::{flag, list, number, text},
};

/// A pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    /// Its name and age.
    pub meta: Meta,
    /// How it stands.
    pub state: State,
    /// Containers that are ready.
    pub ready: usize,
    /// Containers.
    pub containers: usize,
    /// Restarts of containers.
    pub restarts: i64,
}

impl Pod {
    pub(super) fn of(pod: &Value) -> Self {
        let starting = initialising(pod);
        let (word, ready) = match &starting {
            Some(word) => (word.clone(), 0),
            None => running(pod),
        };
        let counted = if starting.is_some() { "/status/initContainerStatuses" } else { "/status/containerStatuses" };
        let word = match (pod.pointer("/metadata/deletionTimestamp"), text(pod, "/status/reason")) {
            (Some(_), "NodeLost") => "Unknown".to_owned(),
            (Some(_), _) => "Terminating".to_owned(),
            (None, _) => word,
        };
        Self {
            meta: Meta::of(pod),
            ready,
            containers: list(pod, "/spec/containers").len(),
            restarts: list(pod, counted).iter().map(|status| number(status, "/restartCount")).sum(),
            state: State::new(&word, icon(&word)),
        }
    }

    /// Says whether every container is ready and the pod stays.
    pub fn is_ready(&self) -> bool {
        self.ready == self.containers && self.state.icon == Icon::Ok
    }
}

/// What the first init container that isn't done says.
fn initialising(pod: &Value) -> Option<String> {
    let specs = list(pod, "/spec/initContainers");
    let stays =
        |name: &str| specs.iter().any(|spec| text(spec, "/name") == name && text(spec, "/restartPolicy") == "Always");
    let statuses = list(pod, "/status/initContainerStatuses").iter().enumerate();
    statuses
        .filter(|(_, status)| !initialised(status, stays(text(status, "/name"))))
        .map(|(at, status)| {
            let waiting = text(status, "/state/waiting/reason");
            match ended(status) {
                Some(reason) => format!("Init:{reason}"),
                None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
                None => format!("Init:{at}/{}", specs.len()),
            }
        })
        .next()
}

fn initialised(status: &Value, stays: bool) -> bool {
    let exited = status.pointer("/state/terminated").is_some_and(|end| number(end, "/exitCode") == 0);
    exited || (stays && flag(status, "/started"))
}

/// How a container ended, if it did.
fn ended(status: &Value) -> Option<String> {
    let end = status.pointer("/state/terminated").filter(|end| !end.is_null())?;
    Some(match (text(end, "/reason"), number(end, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(end, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    })
}

/// What the containers say, and how many of them are ready. The first that waits or has ended speaks for the pod.
fn running(pod: &Value) -> (String, usize) {
    let reason = text(pod, "/status/reason");
    let phase = if reason.is_empty() { text(pod, "/status/phase") } else { reason };
    let statuses = list(pod, "/status/containerStatuses");
    let said = |status: &Value| match text(status, "/state/waiting/reason") {
        "" => ended(status),
        waiting => Some(waiting.to_owned()),
    };
    let up = |status: &&Value| {
        said(status).is_none() && flag(status, "/ready") && status.pointer("/state/running").is_some()
    };
    let ready = statuses.iter().filter(up).count();
    let word = statuses.iter().find_map(said).unwrap_or_else(|| phase.to_owned());
    if word == "Completed" && ready > 0 { ("Running".to_owned(), ready) } else { (word, ready) }
}

fn icon(word: &str) -> Icon {
    match word {
        "Pending" | "Terminating" | "ContainerCreating" => Icon::Progressing,
        "Running" | "Completed" => Icon::Ok,
        "Failed" | "InvalidImageName" | "CrashLoopBackOff" => Icon::Bad,
        "ImagePullBackOff" | "RegistryUnavailable" => Icon::Warning,
        "Unknown" => Icon::Unknown,
        _ if word.starts_with("Init:") => Icon::Progressing,
        _ if word.starts_with("Signal:") || word.starts_with("ExitCode:") => Icon::Bad,
        _ if word.ends_with("Error") || word.starts_with("Err") => Icon::Warning,
        _ => Icon::None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Icon, Pod};

    #[track_caller]
    fn check(mut pod: Value, expect: (&str, Icon, &str, i64)) {
        pod["spec"]["containers"] = json!([{"name": "a"}, {"name": "b"}]);
        let pod = Pod::of(&pod);
        let ready = format!("{}/{}", pod.ready, pod.containers);
        assert_eq!((pod.state.word.as_str(), pod.state.icon, ready.as_str(), pod.restarts), expect);
    }

    fn status(containers: &Value) -> Value {
        json!({"status": {"phase": "Running", "containerStatuses": containers}})
    }

    #[test]
    fn a_pod_says_what_its_containers_say() {
        let running = json!({"ready": true, "restartCount": 1, "state": {"running": {}}});
        check(status(&json!([running, running])), ("Running", Icon::Ok, "2/2", 2));
        check(json!({"status": {"phase": "Pending"}}), ("Pending", Icon::Progressing, "0/2", 0));
        let waits = json!({"restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}});
        check(status(&json!([running, waits])), ("CrashLoopBackOff", Icon::Bad, "1/2", 8));
        let pulls = json!({"state": {"waiting": {"reason": "ErrImagePull"}}});
        check(status(&json!([pulls])), ("ErrImagePull", Icon::Warning, "0/2", 0));
        let ended = |end: Value| json!({"state": {"terminated": end}});
        check(status(&json!([ended(json!({"exitCode": 3}))])), ("ExitCode:3", Icon::Bad, "0/2", 0));
        check(status(&json!([ended(json!({"signal": 9}))])), ("Signal:9", Icon::Bad, "0/2", 0));
        check(status(&json!([ended(json!({"reason": "OOMKilled"}))])), ("OOMKilled", Icon::None, "0/2", 0));
        check(status(&json!([running, ended(json!({"reason": "Completed"}))])), ("Running", Icon::Ok, "1/2", 1));
    }

    #[test]
    fn a_pod_that_goes_says_so_whatever_its_containers_say() {
        let mut pod = status(&json!([]));
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        check(pod.clone(), ("Terminating", Icon::Progressing, "0/2", 0));
        pod["status"]["reason"] = json!("NodeLost");
        check(pod, ("Unknown", Icon::Unknown, "0/2", 0));
    }

    #[test]
    fn init_containers_come_first() {
        let pod = |first: Value, always: bool| {
            let policy = if always { json!("Always") } else { Value::Null };
            json!({
                "spec": {"initContainers": [{"name": "i", "restartPolicy": policy}, {"name": "j"}]},
                "status": {"phase": "Pending", "initContainerStatuses": [first]},
            })
        };
        let done = json!({"name": "i", "state": {"terminated": {"exitCode": 0}}});
        check(pod(done, false), ("Pending", Icon::Progressing, "0/2", 0));
        let failed =
            json!({"name": "i", "restartCount": 2, "state": {"terminated": {"exitCode": 1, "reason": "Error"}}});
        check(pod(failed, false), ("Init:Error", Icon::Progressing, "0/2", 2));
        let runs = json!({"name": "i", "started": true, "ready": true, "state": {"running": {}}});
        check(pod(runs.clone(), false), ("Init:0/2", Icon::Progressing, "0/2", 0));
        check(pod(runs, true), ("Pending", Icon::Progressing, "0/2", 0));
        let pulls = json!({"name": "i", "state": {"waiting": {"reason": "ImagePullBackOff"}}});
        check(pod(pulls, false), ("Init:ImagePullBackOff", Icon::Progressing, "0/2", 0));
    }

    #[test]
    fn anything_at_all_can_be_looked_at() {
        assert_eq!(Pod::of(&json!(null)), Pod::default());
        Pod::of(&json!({"status": {"containerStatuses": [1, "x", {"state": null}]}}));
    }
}
