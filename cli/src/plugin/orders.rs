//! Orders: small patches of spec or status, as the controller and Argo CD know them.

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use super::{
    Failure, Printer,
    cluster::{ANALYSIS_RUNS, Cluster, EXPERIMENTS, PatchKind, ROLLOUTS, Resource},
};

/// Names of Rollouts.
#[derive(clap::Args, Clone, Debug)]
pub struct Names {
    /// The names of the Rollouts
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Patches the status; where the kind has no status of its own, the object.
async fn patch_status(cluster: &Cluster, name: &str, patch: &Value) -> Result<Value, Failure> {
    match cluster.patch(ROLLOUTS, name, "status", (PatchKind::Merge, patch)).await {
        Err(Failure::NotFound(_) | Failure::Refused(_)) => patch_object(cluster, ROLLOUTS, name, patch).await,
        other => other,
    }
}

async fn patch_object(cluster: &Cluster, resource: Resource, name: &str, patch: &Value) -> Result<Value, Failure> {
    cluster.patch(resource, name, "", (PatchKind::Merge, patch)).await
}

impl Names {
    /// Aborts.
    pub(super) async fn abort(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        for name in &self.names {
            patch_status(cluster, name, &json!({"status": {"abort": true}})).await?;
            printer.say(&format!("rollout '{name}' aborted\n"));
        }
        Ok(())
    }

    /// Pauses.
    pub(super) async fn pause(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        for name in &self.names {
            patch_object(cluster, ROLLOUTS, name, &json!({"spec": {"paused": true}})).await?;
            printer.say(&format!("rollout '{name}' paused\n"));
        }
        Ok(())
    }
}

/// What can be tried again.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Retry {
    /// Try an aborted update again
    #[command(visible_aliases = ["ro", "rollouts"])]
    Rollout(Names),
    /// Start a failed experiment over
    #[command(visible_aliases = ["exp", "experiments"])]
    Experiment(Names),
}

impl Retry {
    pub(super) async fn run(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        match self {
            Self::Rollout(Names { names }) => {
                for name in names {
                    patch_status(cluster, name, &json!({"status": {"abort": false}})).await?;
                    printer.say(&format!("rollout '{name}' retried\n"));
                }
            }
            Self::Experiment(Names { names }) => {
                for name in names {
                    patch_object(cluster, EXPERIMENTS, name, &json!({"status": null})).await?;
                    printer.say(&format!("experiment '{name}' retried\n"));
                }
            }
        }
        Ok(())
    }
}

/// What can be ended.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Terminate {
    /// End an analysis run; what it has measured counts
    #[command(name = "analysisrun", visible_aliases = ["ar", "analysisruns"])]
    AnalysisRun(Names),
    /// End an experiment
    #[command(visible_aliases = ["exp", "experiments"])]
    Experiment(Names),
}

impl Terminate {
    pub(super) async fn run(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let (resource, kind, Names { names }, done) = match self {
            Self::AnalysisRun(names) => (ANALYSIS_RUNS, "analysisRun", names, "terminated"),
            // The word of Argo Rollouts, which scripts may look for.
            Self::Experiment(names) => (EXPERIMENTS, "experiment", names, "retried"),
        };
        for name in names {
            patch_object(cluster, resource, name, &json!({"spec": {"terminate": true}})).await?;
            printer.say(&format!("{kind} '{name}' {done}\n"));
        }
        Ok(())
    }
}

/// Restarts pods.
#[derive(clap::Args, Clone, Debug)]
pub struct Restart {
    /// The name of the Rollout
    name: String,
    /// Wait so long first, such as 30s, 5m or 1h
    #[arg(long = "in", short = 'i', value_name = "DURATION")]
    after: Option<String>,
}

impl Restart {
    pub(super) async fn run(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let after = self.after.as_deref().unwrap_or("0s");
        let wrong = |_| Failure::Usage(format!("--in {after} is no duration; write 30s, 5m or 1h"));
        let at = Timestamp::now() + serin_crds::duration::parse(after).map_err(wrong)?;
        let at = at.round(Unit::Second).unwrap_or(at);
        patch_object(cluster, ROLLOUTS, &self.name, &json!({"spec": {"restartAt": serin_crds::time::format(at)}}))
            .await?;
        printer.say(&format!("rollout '{}' restarts in {after}\n", self.name));
        Ok(())
    }
}

/// Promotes.
#[derive(clap::Args, Clone, Debug)]
pub struct Promote {
    /// The name of the Rollout
    name: String,
    /// Go to the end of the update: skip its analyses, pauses and steps
    #[arg(long)]
    full: bool,
    /// The same as no flag, of old
    #[arg(long, short = 'c', hide = true, conflicts_with = "skip_all_steps")]
    skip_current_step: bool,
    /// Skip the steps that are left, of old
    #[arg(long, short = 'a', hide = true)]
    skip_all_steps: bool,
}

impl Promote {
    pub(super) async fn run(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let rollout = cluster.get(ROLLOUTS, &self.name).await?;
        let (spec, status) = self.patches(&rollout)?;
        // Status first, as the plugin of Argo Rollouts does: a pause that ends with the spec alone would begin again.
        if let Some(status) = &status {
            patch_status(cluster, &self.name, status).await?;
        }
        if let Some(spec) = &spec {
            patch_object(cluster, ROLLOUTS, &self.name, spec).await?;
        }
        let fully = if self.full { "fully " } else { "" };
        printer.say(&format!("rollout '{}' {fully}promoted\n", self.name));
        Ok(())
    }

    /// The patches of spec and status that promote this Rollout.
    fn patches(&self, rollout: &Value) -> Result<(Option<Value>, Option<Value>), Failure> {
        let at = |pointer: &str| rollout.pointer(pointer).filter(|value| !value.is_null());
        let canary = at("/spec/strategy/canary").is_some();
        let steps = at("/spec/strategy/canary/steps").and_then(Value::as_array).map_or(0, Vec::len);
        let index = at("/status/currentStepIndex").and_then(Value::as_u64).unwrap_or_default();
        let next = usize::try_from(index).unwrap_or(usize::MAX).saturating_add(1).min(steps);
        if self.skip_current_step || self.skip_all_steps {
            if at("/spec/strategy/blueGreen").is_some() {
                let why = "a blue-green Rollout has no steps to skip; promote it without the flag";
                return Err(Failure::Usage(why.to_owned()));
            }
            if steps == 0 {
                let why = "the Rollout has no steps to skip; promote it without the flag";
                return Err(Failure::Usage(why.to_owned()));
            }
            let to = if self.skip_all_steps { steps } else { next };
            return Ok((None, Some(json!({"status": {"currentStepIndex": to}}))));
        }
        let paused = at("/spec/paused") == Some(&Value::Bool(true));
        let spec = paused.then(|| json!({"spec": {"paused": false}}));
        if self.full {
            let updating = at("/status/currentPodHash") != at("/status/stableRS");
            return Ok((spec, updating.then(|| json!({"status": {"promoteFull": true}}))));
        }
        let waits = at("/status/pauseConditions").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        let by_controller = at("/status/controllerPause") == Some(&Value::Bool(true));
        let judged = at("/status/canary/currentStepAnalysisRunStatus/status").and_then(Value::as_str);
        let undecided = canary && judged == Some("Inconclusive");
        let status = if undecided && waits && by_controller && steps > 0 {
            Some(json!({"pauseConditions": null, "controllerPause": false, "currentStepIndex": next}))
        } else if waits {
            Some(json!({"pauseConditions": null}))
        } else if steps > 0 {
            Some(json!({"pauseConditions": null, "currentStepIndex": next}))
        } else {
            None
        };
        Ok((spec, status.map(|status| json!({"status": status}))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promote(arguments: &[&str]) -> Promote {
        use clap::{Args as _, FromArgMatches as _};
        let command = Promote::augment_args(clap::Command::new("promote"));
        let matches = command.get_matches_from([&["promote", "shop"], arguments].concat());
        Promote::from_arg_matches(&matches).unwrap()
    }

    fn rollout(status: &Value) -> Value {
        json!({"spec": {"strategy": {"canary": {"steps": [{}, {}, {}]}}}, "status": status})
    }

    #[track_caller]
    fn check(arguments: &[&str], rollout: &Value, spec: &Value, status: &Value) {
        let (seen_spec, seen_status) = promote(arguments).patches(rollout).unwrap();
        assert_eq!(&seen_spec.unwrap_or_default(), spec);
        assert_eq!(&seen_status.unwrap_or_default(), status);
    }

    #[test]
    fn a_promotion_ends_a_pause_or_a_step_but_never_both() {
        let null = Value::Null;
        let pause = json!([{"reason": "CanaryPauseStep"}]);
        let paused = rollout(&json!({"currentStepIndex": 1, "pauseConditions": pause, "controllerPause": true}));
        check(&[], &paused, &null, &json!({"status": {"pauseConditions": null}}));
        let running = rollout(&json!({"currentStepIndex": 1}));
        check(&[], &running, &null, &json!({"status": {"pauseConditions": null, "currentStepIndex": 2}}));
        let done = rollout(&json!({"currentStepIndex": 3}));
        check(&[], &done, &null, &json!({"status": {"pauseConditions": null, "currentStepIndex": 3}}));
        let undecided = rollout(&json!({
            "currentStepIndex": 1, "pauseConditions": pause, "controllerPause": true,
            "canary": {"currentStepAnalysisRunStatus": {"status": "Inconclusive"}},
        }));
        let all = json!({"status": {"pauseConditions": null, "controllerPause": false, "currentStepIndex": 2}});
        check(&[], &undecided, &null, &all);
        check(&[], &json!({"spec": {"strategy": {"canary": {}}}}), &null, &null);
    }

    #[test]
    fn a_person_s_pause_ends_with_it() {
        let mut paused = rollout(&json!({"currentStepIndex": 0, "currentPodHash": "b", "stableRS": "a"}));
        paused["spec"]["paused"] = json!(true);
        let spec = json!({"spec": {"paused": false}});
        check(&[], &paused, &spec, &json!({"status": {"pauseConditions": null, "currentStepIndex": 1}}));
        check(&["--full"], &paused, &spec, &json!({"status": {"promoteFull": true}}));
        paused["status"]["currentPodHash"] = json!("a");
        check(&["--full"], &paused, &spec, &Value::Null);
    }

    #[test]
    fn the_flags_of_old_skip_steps() {
        let running = rollout(&json!({"currentStepIndex": 1}));
        check(&["-c"], &running, &Value::Null, &json!({"status": {"currentStepIndex": 2}}));
        check(&["--skip-all-steps"], &running, &Value::Null, &json!({"status": {"currentStepIndex": 3}}));
        assert!(promote(&["-c"]).patches(&json!({"spec": {"strategy": {"blueGreen": {}}}})).is_err());
        assert!(promote(&["-a"]).patches(&json!({"spec": {"strategy": {"canary": {}}}})).is_err());
    }
}
