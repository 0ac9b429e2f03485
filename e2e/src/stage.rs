//! The world of real parts as scenarios know a world: the same stories are played here and on the simulator.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use serin_sim::{
    felt::Interval,
    invariants::{Key, WriteRecord},
    scenario::{
        self, KillPods, Load as Wanted, NAMESPACE, PrometheusMode, Scenario, WorldError as Fault,
    },
};

use crate::world::{
    Audit, Behaviour, Controller, ControllerPlan, Load, LoadPlan, Mode, Ready, Record, Slot, User,
    World, WorldError,
};

/// How often the player looks at the world.
const TICK: Duration = Duration::from_millis(100);

/// A running world with what a story changes in it.
pub struct Stage {
    world: World,
    plan: ControllerPlan,
    controller: Option<Controller>,
    audit: Audit,
    host: String,
    load: Option<Load>,
    /// How many slots of the load were handed out.
    told: usize,
    /// Whether the application has answered yet.
    answered: bool,
}

impl Stage {
    /// Sets the stage in a world; the controller is started later, when the scenario says so.
    pub fn new(world: World, plan: ControllerPlan) -> Self {
        Self {
            audit: world.audit(),
            world,
            plan,
            controller: None,
            host: String::new(),
            load: None,
            told: 0,
            answered: false,
        }
    }

    /// The world.
    pub fn world(&mut self) -> &mut World {
        &mut self.world
    }

    /// The controller, once it was started.
    pub fn controller(&mut self) -> Option<&mut Controller> {
        self.controller.as_mut()
    }

    /// Says that every server and the controller still run.
    ///
    /// # Errors
    /// When one has ended by itself.
    pub fn check(&mut self) -> Result<(), WorldError> {
        self.world.check()?;
        self.controller.as_mut().map_or(Ok(()), Controller::check)
    }

    fn ask(&mut self, rate: f64) -> Result<(), Fault> {
        if let Some(load) = &self.load {
            load.rate(rate);
            return Ok(());
        }
        // A client in the same namespace names a service alone.
        let host = match self.host.contains('.') {
            true => self.host.clone(),
            false => format!("{}.{NAMESPACE}", self.host),
        };
        let load = self.world.load(&LoadPlan::new(&host, rate));
        self.load = Some(load.map_err(fault("users can't be sent"))?);
        self.told = 0;
        Ok(())
    }
}

impl scenario::World for Stage {
    fn controller_user(&self) -> &str {
        self.plan.user.name()
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn wait_until(&mut self, instant: Timestamp) -> Result<(), Fault> {
        let left = instant.duration_since(Timestamp::now());
        tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
        self.check().map_err(fault("the world is broken"))
    }

    fn tick(&self) -> Duration {
        TICK
    }

    fn client(&self, user: &str) -> Result<kube::Client, Fault> {
        let known =
            User::named(user).ok_or_else(|| Fault::new(format!("there is no user {user:?}")))?;
        Ok(self.world.client(known))
    }

    async fn prepare(&mut self, scenario: &Scenario) -> Result<(), Fault> {
        for (image, behaviour) in &scenario.images {
            self.behave(image, behaviour).await?;
        }
        scenario.host().clone_into(&mut self.host);
        self.ask(scenario.load.requests_per_second)
    }

    async fn start_controller(&mut self) -> Result<(), Fault> {
        match &mut self.controller {
            Some(controller) => controller.restart(),
            None => self
                .world
                .controller(self.plan.clone())
                .map(|started| self.controller = Some(started)),
        }
        .map_err(fault("the controller can't be started"))
    }

    async fn kill_controller(&mut self) -> Result<(), Fault> {
        if let Some(controller) = &mut self.controller {
            controller.kill();
        }
        Ok(())
    }

    async fn behave(&mut self, image: &str, wanted: &scenario::Behaviour) -> Result<(), Fault> {
        let start = u64::try_from(wanted.ready_after.duration().as_millis()).unwrap_or(u64::MAX);
        let behaviour = Behaviour {
            error_rate: wanted.error_rate,
            latency_ms: wanted.latency_ms.into(),
            ready: if wanted.never_ready {
                Ready::Never
            } else {
                Ready::After(start)
            },
            crash_after_ms: None,
        };
        self.world
            .set_behaviour(image, &behaviour)
            .map_err(fault("pods can't be told how to behave"))
    }

    async fn prometheus(&mut self, mode: PrometheusMode) -> Result<(), Fault> {
        let gate = self.world.gate().map_err(fault("no gate"))?;
        gate.set(match mode {
            PrometheusMode::Ok => Mode::Through,
            PrometheusMode::Down => Mode::Down,
            PrometheusMode::Slow(by) => Mode::Slow(by.duration()),
            PrometheusMode::Empty => Mode::Empty,
            PrometheusMode::Nan => Mode::Value(f64::NAN),
        });
        Ok(())
    }

    async fn kill_pods(&mut self, hash: &str, kill: &KillPods) -> Result<u32, Fault> {
        let kubelet = self.world.kubelet().map_err(fault("no pods"))?;
        let back = kill
            .back_after
            .map_or(Duration::ZERO, scenario::Span::duration);
        let mut killed = 0;
        for pod in kubelet.pods() {
            if killed < kill.count && pod.hash == hash {
                killed += u32::from(kubelet.kill(&pod.namespace, &pod.name, Some(back)));
            }
        }
        Ok(killed)
    }

    async fn load(&mut self, wanted: &Wanted) -> Result<(), Fault> {
        if let Some(host) = wanted.host.as_ref().filter(|host| **host != self.host) {
            self.host.clone_from(host);
            self.load = None;
        }
        self.ask(wanted.requests_per_second)
    }

    async fn writes(&mut self) -> Result<Vec<WriteRecord>, Fault> {
        let records = self.audit.read().map_err(fault("the audit log"))?;
        Ok(in_order(records.into_iter().filter_map(write)))
    }

    async fn felt(&mut self) -> Result<Vec<Interval>, Fault> {
        let Some(load) = &self.load else {
            return Ok(Vec::new());
        };
        let slots = load.felt();
        let fresh: Vec<_> = slots.iter().skip(self.told).map(interval).collect();
        self.told = slots.len();
        Ok(fresh
            .into_iter()
            .filter_map(|mut interval| {
                if !self.answered {
                    // Before the first answer there was nothing to be felt.
                    self.answered = !interval.answered.is_empty();
                    interval.foreign_5xx.clear();
                }
                self.answered.then_some(interval)
            })
            .collect())
    }
}

fn fault(what: &'static str) -> impl FnOnce(WorldError) -> Fault {
    move |error| Fault::because(what, error)
}

fn interval(slot: &Slot) -> Interval {
    Interval {
        from: slot.from,
        to: slot.to(),
        answered: slot.hashes.clone(),
        application_5xx: slot.application_5xx,
        foreign_5xx: slot.foreign_5xx.clone(),
    }
}

/// A call as the invariants read it; `None` for reads and for what changes nothing.
fn write(record: Record) -> Option<WriteRecord> {
    if !record.is_write() || record.uri.contains("dryRun=") {
        return None;
    }
    let after = record.bodies.response;
    let text = |pointer| {
        after
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    // The server makes up names that were only begun.
    let name = match record.object.name.as_str() {
        "" => text("/metadata/name").to_owned(),
        name => name.to_owned(),
    };
    let gone = text("/kind") == "Status" || record.verb == "delete" && !is_leaving(&after);
    Some(WriteRecord {
        at: record.at,
        user: record.user,
        verb: record.verb,
        key: Key::new(&record.object.resource, &record.object.namespace, &name),
        subresource: Some(record.object.subresource).filter(|sub| !sub.is_empty()),
        before: None,
        after: (!gone && !after.is_null()).then(|| Arc::new(after)),
        code: record.code,
    })
}

/// A deleted object that stays until somebody has let go of it.
fn is_leaving(object: &Value) -> bool {
    let finalizers = object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array);
    finalizers.is_some_and(|names| !names.is_empty())
}

/// Puts writes into the order in which they were committed: the log has them as they were answered.
///
/// # Source
/// Kubernetes API concepts: since 1.35 resource versions are numbers that grow with each write.
fn in_order(writes: impl Iterator<Item = WriteRecord>) -> Vec<WriteRecord> {
    let mut last = 0_u64;
    let mut numbered: Vec<_> = writes
        .map(|write| {
            let version = write.after.as_ref().and_then(|after| version(after));
            // What carries no version stays behind what it was logged behind.
            last = version.unwrap_or(last);
            (last, write)
        })
        .collect();
    numbered.sort_by_key(|(version, _)| *version);
    numbered.into_iter().map(|(_, write)| write).collect()
}

fn version(object: &Value) -> Option<u64> {
    object
        .pointer("/metadata/resourceVersion")?
        .as_str()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(name: &str, version: Option<&str>) -> WriteRecord {
        let object =
            version.map(|version| Arc::new(json!({"metadata": {"resourceVersion": version}})));
        WriteRecord {
            at: Timestamp::UNIX_EPOCH,
            user: "serin".to_owned(),
            verb: "update".to_owned(),
            key: Key::new("rollouts", "default", name),
            subresource: None,
            before: None,
            after: object,
            code: 200,
        }
    }

    fn check(written: &[(&str, Option<&str>)], expect: &[&str]) {
        let writes = written.iter().map(|(name, version)| put(name, *version));
        let names: Vec<_> = in_order(writes)
            .into_iter()
            .map(|write| write.key.name)
            .collect();
        assert_eq!(names, expect);
    }

    #[test]
    fn writes_are_put_into_the_order_of_their_commits() {
        check(&[("b", Some("11")), ("a", Some("9"))], &["a", "b"]);
        check(
            &[("b", Some("11")), ("gone", None), ("a", Some("9"))],
            &["a", "b", "gone"],
        );
    }
}
