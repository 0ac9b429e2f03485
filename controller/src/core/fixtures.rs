//! A vocabulary of snapshots for tests: `rollout().at_step(2).weight(20).failing("error rate")`.
#![allow(dead_code, reason = "a vocabulary is larger than any one sentence")]
#![allow(
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    reason = "words of tests, short at the place of use"
)]

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use serin_crds::IntOrString;
use serin_crds::names::{AnalysisPhase, PauseReason};
use serin_crds::rollout::{CanaryStep, PauseCondition, RolloutSpec, RunRef};

use super::exposure::{Exposure, Split};
use super::snapshot::{
    Identity, Look, ReplicaSetSeen, Revision, Route, RouteSeen, RunSeen, ServiceSeen, Snapshot, Traffic,
};
use super::stage::Attempt;

/// The instant at which snapshots are taken.
pub fn noon() -> Timestamp {
    "2026-01-02T12:00:00Z".parse().unwrap()
}

/// So many seconds after noon.
pub fn noon_plus(seconds: i64) -> Timestamp {
    Timestamp::from_second(noon().as_second() + seconds).unwrap()
}

/// A `ReplicaSet` of `web` with so many pods, all available.
pub fn rs(hash: &str, revision: u64, pods: i64) -> ReplicaSetSeen {
    ReplicaSetSeen {
        name: format!("web-{hash}"),
        hash: hash.to_owned(),
        revision,
        spec: pods,
        replicas: pods,
        ready: pods,
        available: pods,
        observed: true,
        created: noon_plus(-1000 + i64::try_from(revision).unwrap()),
        ..ReplicaSetSeen::default()
    }
}

/// The steps that most tests walk: 20 %, analysis, 60 %, a pause without end.
pub fn steps() -> Value {
    json!([
        {"setWeight": 20},
        {"analysis": {"templates": [{"templateName": "error-rate"}]}},
        {"setWeight": 60},
        {"pause": {}},
    ])
}

/// A Rollout of 10 pods with host-level routing, in the middle of an update from `old` to `new` at step 0,
/// with nothing done yet but recorded.
pub fn rollout() -> Snapshot {
    with_steps(steps())
}

/// The same with other steps.
pub fn with_steps(steps: Value) -> Snapshot {
    let spec: RolloutSpec = serde_json::from_value(json!({
        "replicas": 10,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}},
        "strategy": {"canary": {
            "canaryService": "web-canary", "stableService": "web-stable", "steps": steps,
            "trafficRouting": {"istio": {"virtualService": {"name": "web"}}},
        }},
    }))
    .unwrap();
    let parsed: Vec<CanaryStep> = spec.strategy.canary.as_ref().unwrap().steps.clone();
    let mut s = Snapshot {
        now: noon(),
        look: Look::default(),
        id: Identity {
            namespace: "shop".into(),
            name: "web".into(),
            uid: "uid".into(),
            resource_version: "1".into(),
            generation: 2,
            observed_generation: Some(IntOrString::Int(2)),
            revision: 2,
            ..Identity::default()
        },
        spec: Arc::new(spec),
        status: serin_crds::rollout::RolloutStatus::default(),
        faults: Vec::new(),
        revision: Revision { hash: "new".into(), step_hash: "steps".into(), workload: None },
        replica_sets: vec![rs("old", 1, 10), rs("new", 2, 0)],
        traffic: Traffic {
            route: Route::Seen(Box::new(RouteSeen {
                exposure: Exposure::of(vec![Split::percent(0)]),
                ..RouteSeen::default()
            })),
            canary_service: Some(service("web-canary", "old")),
            stable_service: Some(service("web-stable", "old")),
            left: Vec::new(),
        },
        analysis: super::snapshot::Analysis::default(),
    };
    s.status.current_pod_hash = Some("new".into());
    s.status.current_step_hash = Some("steps".into());
    s.status.current_step_index = Some(0);
    s.status.stable_rs = Some("old".into());
    for (index, step) in parsed.iter().enumerate() {
        if step.analysis.is_some() {
            s.analysis.steps.push((index, Arc::default()));
        }
    }
    s
}

/// A Service that selects a revision and is steered by `web`.
pub fn service(name: &str, hash: &str) -> ServiceSeen {
    ServiceSeen { name: name.into(), hash: Some(hash.into()), managed: true }
}

impl Snapshot {
    /// Changes the spec.
    #[must_use]
    pub fn spec(mut self, change: impl FnOnce(&mut RolloutSpec)) -> Self {
        change(Arc::make_mut(&mut self.spec));
        self
    }

    /// Stands at a step.
    #[must_use]
    pub fn at_step(mut self, index: i32) -> Self {
        self.status.current_step_index = Some(index);
        self
    }

    /// Sends a share of the traffic to the canary.
    #[must_use]
    pub fn weight(mut self, weight: i64) -> Self {
        self.route_mut().exposure.splits = vec![Split::percent(weight)];
        self
    }

    /// The route, to be changed.
    pub fn route_mut(&mut self) -> &mut RouteSeen {
        match &mut self.traffic.route {
            Route::Seen(route) => route,
            _ => panic!("the route of this snapshot can't be seen"),
        }
    }

    /// The new revision has so many pods, all available.
    #[must_use]
    pub fn canary_pods(self, pods: i64) -> Self {
        self.pods("new", pods, pods)
    }

    /// The stable revision has 10 pods, so many of them available.
    #[must_use]
    pub fn stable_answering(self, available: i64) -> Self {
        self.pods("old", 10, available)
    }

    /// A revision has so many pods, so many of them available.
    #[must_use]
    pub fn pods(mut self, hash: &str, spec: i64, available: i64) -> Self {
        let rs = self.replica_sets.iter_mut().find(|rs| rs.hash == hash).unwrap();
        (rs.spec, rs.replicas, rs.ready, rs.available) = (spec, spec, available, available);
        self
    }

    /// The canary Service selects the new revision.
    #[must_use]
    pub fn selected(mut self) -> Self {
        self.traffic.canary_service = Some(service("web-canary", "new"));
        self
    }

    /// The canary Service selects another revision, or everybody's pods.
    #[must_use]
    pub fn selecting(mut self, hash: Option<&str>) -> Self {
        let service = service("web-canary", "");
        self.traffic.canary_service = Some(ServiceSeen { hash: hash.map(str::to_owned), ..service });
        self
    }

    /// The route remembers that an attempt was aborted.
    #[must_use]
    pub fn marked(mut self, revision: u64, hash: &str) -> Self {
        let attempt = Attempt { revision, hash: hash.into() };
        self.route_mut().aborted = Some((attempt, "error rate 7 %".into()));
        self
    }

    /// The stable side was last whole with so many pods.
    #[must_use]
    pub fn whole(mut self, pods: i64) -> Self {
        self.look.memory.whole = Some(pods);
        self
    }

    /// The step's analysis has reached a phase.
    #[must_use]
    pub fn judged(mut self, phase: AnalysisPhase, message: &str) -> Self {
        let step = self.index();
        let name = format!("web-new-2-{step}");
        self.status.canary.current_step_analysis_run_status =
            Some(RunRef { name: name.clone(), status: AnalysisPhase::Running, message: None });
        self.analysis.runs.push(RunSeen {
            name,
            hash: "new".into(),
            step: Some(step),
            phase,
            message: message.into(),
            evidence: 1,
            created: noon(),
            current_spec: true,
            ..RunSeen::default()
        });
        self
    }

    /// The step's analysis has failed.
    #[must_use]
    pub fn failing(self, message: &str) -> Self {
        self.judged(AnalysisPhase::Failed, message)
    }

    /// A pause of the controller's own began at an instant.
    #[must_use]
    pub fn paused(mut self, reason: PauseReason, since: Timestamp) -> Self {
        self.status.controller_pause = true;
        self.status.pause_conditions.push(PauseCondition { reason, start_time: since });
        self
    }

    /// A person asked for an abort.
    #[must_use]
    pub fn ordered_abort(mut self) -> Self {
        self.status.abort = true;
        self
    }
}
