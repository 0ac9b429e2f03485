//! Carries out a scenario's actions, and says in words what they are.

use serde_json::json;

use super::{
    Action, Apply, KillPods, Observation, PrometheusMode, Scenario, Side, Target, Who,
    orders::{Sender, revision},
    world::{World, WorldError},
};

/// Carries out actions on a world.
pub(super) struct ActionRunner<'w, W: World> {
    world: &'w mut W,
}

impl<'w, W: World> ActionRunner<'w, W> {
    pub(super) const fn new(world: &'w mut W) -> Self {
        Self { world }
    }

    /// Applies the scenario's first objects.
    pub(super) async fn create(&self, scenario: &Scenario) -> Result<(), WorldError> {
        let sender = Sender::new(self.world, Who::Person)?;
        for object in scenario.objects() {
            sender.create(object).await?;
        }
        Ok(())
    }

    pub(super) async fn apply(&self, apply: &Apply) -> Result<(), WorldError> {
        Sender::new(self.world, apply.by)?.apply(apply).await
    }

    /// Carries out one action.
    pub(super) async fn act(
        &mut self,
        scenario: &Scenario,
        action: &Action,
        seen: &Observation,
    ) -> Result<(), WorldError> {
        match action {
            Action::KillController => self.world.kill_controller().await,
            Action::StartController => self.world.start_controller().await,
            Action::Prometheus(mode) => self.world.prometheus(*mode).await,
            Action::Behave(behave) => self.world.behave(&behave.image, &behave.behaviour).await,
            Action::KillPods(kill) => self.kill(kill, seen).await,
            Action::Load(load) => self.world.load(load).await,
            Action::Patch(patch) => Sender::new(self.world, patch.by)?.patch(patch).await,
            Action::Apply(apply) => self.apply(apply).await,
            Action::Delete(delete) => Sender::new(self.world, Who::Person)?.delete(delete).await,
            Action::Fault(fault) => self.world.fault(fault).await,
            _ => self.order(scenario, action, seen).await,
        }
    }

    /// Sends a person's order about the Rollout.
    async fn order(&self, scenario: &Scenario, action: &Action, seen: &Observation) -> Result<(), WorldError> {
        let rollout = Target {
            api_version: None,
            kind: "Rollout".to_owned(),
            name: scenario.rollout_name().to_owned(),
            subresource: None,
        };
        let sender = Sender::new(self.world, Who::Person)?;
        let status = Some("status");
        match action {
            Action::Release(release) => sender.set_image(&rollout, &release.image).await,
            Action::Abort => sender.merge(&rollout, status, json!({"status": {"abort": true}})).await,
            Action::Retry => sender.merge(&rollout, status, json!({"status": {"abort": false}})).await,
            Action::Promote => sender.promote(&rollout, false).await,
            Action::PromoteFull => sender.promote(&rollout, true).await,
            Action::SkipStep => {
                let next =
                    crate::invariants::view::number(&seen.rollout, "/status/currentStepIndex").unwrap_or_default() + 1;
                sender.merge(&rollout, status, json!({"status": {"currentStepIndex": next}})).await
            }
            Action::Pause => sender.merge(&rollout, None, json!({"spec": {"paused": true}})).await,
            Action::Resume => {
                sender.merge(&rollout, None, json!({"spec": {"paused": false}})).await?;
                sender.merge(&rollout, status, json!({"status": {"pauseConditions": null}})).await
            }
            Action::Undo(undo) => {
                let set = revision(seen.own_sets(), undo.to_revision);
                let set = set.ok_or_else(|| WorldError::new("there is no such revision to go back to"))?;
                sender.undo(&rollout, set).await
            }
            Action::Scale(scale) => sender.merge(&rollout, None, json!({"spec": {"replicas": scale.replicas}})).await,
            _ => Ok(()),
        }
    }

    async fn kill(&mut self, kill: &KillPods, seen: &Observation) -> Result<(), WorldError> {
        let hash = match kill.of {
            Side::Stable => seen.stable(),
            Side::Canary => seen.current(),
        };
        match self.world.kill_pods(hash, kill).await? {
            0 => Err(WorldError::new("there was no pod to kill")),
            _ => Ok(()),
        }
    }

    /// Who does it, and what it is in words.
    pub(super) fn tell(action: &Action) -> (&'static str, String) {
        let person = |text: &str| (Who::Person.name(), text.to_owned());
        match action {
            Action::Release(release) => (Who::Person.name(), format!("sets the image {}", release.image)),
            Action::Abort => person("aborts"),
            Action::Retry => person("retries"),
            Action::Promote => person("promotes"),
            Action::PromoteFull => person("promotes fully"),
            Action::SkipStep => person("skips the step"),
            Action::Pause => person("pauses"),
            Action::Resume => person("resumes"),
            Action::Undo(_) => person("goes back to an older revision"),
            Action::Scale(scale) => (Who::Person.name(), format!("asks for {} replicas", scale.replicas)),
            Action::Patch(patch) => (patch.by.name(), format!("patches {} {}", patch.target.kind, patch.target.name)),
            Action::Apply(apply) => (apply.by.name(), tell_apply(apply)),
            Action::Delete(delete) => {
                (Who::Person.name(), format!("deletes {} {}", delete.target.kind, delete.target.name))
            }
            Action::KillController => ("world", "kills the controller".to_owned()),
            Action::StartController => ("world", "starts a controller".to_owned()),
            Action::Prometheus(mode) => ("world", format!("Prometheus {}", tell_mode(*mode))),
            Action::Behave(behave) => ("world", format!("{} behaves differently", behave.image)),
            Action::KillPods(kill) => {
                let side = if kill.of == Side::Stable { "stable" } else { "canary" };
                ("world", format!("kills {} {side} pods", kill.count))
            }
            Action::Fault(fault) => ("world", fault.tell()),
            Action::Load(_) => ("world", "users ask at another rate".to_owned()),
        }
    }
}

fn tell_apply(apply: &Apply) -> String {
    let target = super::orders::target(apply.manifest.object.as_ref().unwrap_or(&serde_json::Value::Null));
    let often = if apply.every.is_some() { " again and again" } else { "" };
    format!("applies {} {}{often}", target.kind, target.name)
}

const fn tell_mode(mode: PrometheusMode) -> &'static str {
    match mode {
        PrometheusMode::Ok => "answers as it should",
        PrometheusMode::Down => "is down",
        PrometheusMode::Slow(_) => "is slow",
        PrometheusMode::Empty => "has no data",
        PrometheusMode::Nan => "answers NaN",
    }
}
