//! Leader election on a Lease of the cluster.
//!
//! Safety never rests on it: each write is conditional. It keeps two controllers from working against each other, and
//! closes the write gate before anybody else may take over.
//!
//! # Source
//! The rules of client-go's leader election; expiry is judged by changes that we observe, on the monotonic clock.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::clock::Clock;
use super::gate::WriteGate;
use super::shutdown::Shutdown;
use super::watch::chain;

/// How long one call may take: several must fit before the renew deadline.
const CALL: Duration = Duration::from_secs(2);

/// Whether we lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// We wait; this one leads, as far as we know.
    Standby(Option<String>),
    /// We lead.
    Leading,
}

impl Leadership {
    /// Tells whether we lead.
    pub fn is_leading(&self) -> bool {
        *self == Self::Leading
    }
}

/// Which lease, under which name, with which times.
#[derive(Clone, Debug)]
pub struct Election {
    /// Namespace of the lease.
    pub namespace: String,
    /// Name of the lease.
    pub name: String,
    /// Who we are; unique among all candidates.
    pub identity: String,
    /// How long others wait for us.
    pub duration: Duration,
    /// How long we go on without having renewed.
    pub renew_deadline: Duration,
    /// How often we look, or renew.
    pub retry_period: Duration,
}

impl Election {
    /// Stands for election under Argo's lease, with its times; an instance id is appended to the name.
    pub fn new(namespace: &str, instance_id: &str, identity: String) -> Self {
        let lease = serin_crds::names::LEASE;
        let name = if instance_id.is_empty() { lease.to_owned() } else { format!("{lease}-{instance_id}") };
        Self {
            namespace: namespace.to_owned(),
            name,
            identity,
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// Makes an identity from the host's name and what tells this process from others on it.
pub fn identity(hostname: &str, pid: u32, started: Timestamp) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, hostname, pid, started.as_nanosecond()).hash(&mut hasher);
        hasher.finish()
    };
    format!("{hostname}_{:016x}{:016x}", half(0), half(1))
}

/// Starts to stand for election, until `stop` is given; then the lease is released.
///
/// The gate is open while we lead, and never longer than the renew deadline after the last renewal was sent.
pub fn elect(
    client: Client,
    clock: Clock,
    gate: WriteGate,
    election: Election,
    stop: Shutdown,
) -> (watch::Receiver<Leadership>, JoinHandle<()>) {
    let (tell, hear) = watch::channel(Leadership::Standby(None));
    let api = Api::namespaced(client, &election.namespace);
    let candidate = Candidate { api, clock, gate, election, tell, seen: None, renewed: None };
    (hear, tokio::spawn(candidate.run(stop)))
}

/// Waits to be the leader, then lets `work` go on until it ends by itself.
///
/// # Errors
/// When leadership is lost, with who holds the lease now: the program ends, so that nothing stale is carried on.
pub async fn lead(
    mut leadership: watch::Receiver<Leadership>,
    stop: &Shutdown,
    work: impl Future<Output = ()>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    tokio::select! {
        biased;
        () = stop.wait() => return Ok(()),
        led = leadership.wait_for(Leadership::is_leading) => { led?; }
    }
    tracing::info!("leading");
    // Nothing is worked on once the lease is lost, not even for the rest of this moment.
    tokio::select! {
        biased;
        lost = leadership.wait_for(|state| !state.is_leading()) => {
            let holder = match lost.as_deref() {
                Ok(Leadership::Standby(Some(holder))) => holder,
                _ => "nobody",
            };
            Err(format!("lost the lease, which now names {holder}; ending, so that nothing stale is carried on").into())
        }
        () = work => Ok(()),
    }
}

/// A version of the lease and since when we have seen it.
struct Observation {
    lease: Lease,
    since: Instant,
}

struct Candidate {
    api: Api<Lease>,
    clock: Clock,
    gate: WriteGate,
    election: Election,
    tell: watch::Sender<Leadership>,
    seen: Option<Observation>,
    renewed: Option<Instant>,
}

/// Why a call on the lease did not succeed.
enum Refusal {
    /// Somebody else was faster.
    Conflict,
    /// The lease is not there.
    Missing,
    /// Anything else.
    Other(String),
}

impl Candidate {
    async fn run(mut self, stop: Shutdown) {
        while !stop.is_given() {
            if self.renewed.is_some() {
                self.renew().await;
            } else {
                self.stand().await;
            }
            // Who is told to end renews no more.
            tokio::select! {
                biased;
                () = stop.wait() => {}
                () = sleep(self.pause()) => {}
            }
        }
        self.release().await;
    }

    /// Leaders renew in time; others look a little apart from each other.
    fn pause(&self) -> Duration {
        let period = self.election.retry_period;
        if self.renewed.is_some() {
            return period;
        }
        let mut hasher = DefaultHasher::new();
        self.election.identity.hash(&mut hasher);
        let share = u32::try_from(hasher.finish() % 20).unwrap_or_default();
        period + period * share / 100
    }

    /// Looks at the lease as one who doesn't lead, and takes it when nobody holds it any more.
    async fn stand(&mut self) {
        let began = self.clock.monotonic();
        match self.look().await {
            Ok(()) => {}
            // A lease that somebody held and that vanished was not given up: its holder makes it again.
            Err(Refusal::Missing) if self.seen.is_some() && !self.is_free() => return,
            Err(Refusal::Missing) => return self.create(began).await,
            Err(refusal) => return self.complain("cannot read the lease", &refusal),
        }
        if self.is_free() {
            let began = self.clock.monotonic();
            match self.write(self.taken()).await {
                Ok(()) => self.lead(began),
                Err(refusal) => self.complain("cannot take the lease", &refusal),
            }
        } else {
            self.announce(Leadership::Standby(self.holder().map(str::to_owned)));
        }
    }

    async fn renew(&mut self) {
        let began = self.clock.monotonic();
        let outcome = self.write(self.taken()).await;
        match outcome {
            Ok(()) => return self.lead(began),
            Err(Refusal::Conflict) => match self.look().await {
                Ok(()) if self.holder() == Some(&self.election.identity) => {
                    if self.write(self.taken()).await.is_ok() {
                        return self.lead(began);
                    }
                }
                Ok(()) => return self.lose("somebody else took the lease"),
                Err(refusal) => self.complain("cannot read the lease", &refusal),
            },
            Err(Refusal::Missing) => return self.create(began).await,
            Err(refusal) => self.complain("cannot renew the lease", &refusal),
        }
        let overdue = |renewed| self.clock.monotonic().duration_since(renewed) >= self.election.renew_deadline;
        if self.renewed.is_some_and(overdue) {
            self.lose("the lease could not be renewed in time");
        }
    }

    async fn create(&mut self, began: Instant) {
        let lease = Lease {
            metadata: ObjectMeta { name: Some(self.election.name.clone()), ..ObjectMeta::default() },
            spec: Some(self.spec(0, None)),
        };
        match self.call(self.api.create(&PostParams::default(), &lease)).await {
            Ok(lease) => {
                self.see(lease);
                self.lead(began);
            }
            Err(Refusal::Conflict) if self.renewed.is_some() => {
                self.lose("the lease was made by somebody else");
            }
            Err(Refusal::Missing) => {
                let namespace = &self.election.namespace;
                tracing::warn!(lease = %self.election.name, "cannot make the lease: create the namespace {namespace}");
            }
            Err(refusal) => self.complain("cannot make the lease", &refusal),
        }
    }

    async fn release(&mut self) {
        if self.renewed.take().is_none() {
            return;
        }
        self.gate.close();
        // What was let through before may still be committed: nobody else may lead until it is.
        if timeout(CALL, self.gate.emptied()).await.is_err() {
            tracing::warn!(lease = %self.election.name, "a write has not ended in time: the lease is left to run out");
            return self.announce(Leadership::Standby(None));
        }
        let Some(mut lease) = self.seen.as_ref().map(|seen| seen.lease.clone()) else {
            return;
        };
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(MicroTime(self.clock.on_the_wall(self.clock.now())));
        }
        if let Err(refusal) = self.write(lease).await {
            self.complain("cannot release the lease", &refusal);
        }
        self.announce(Leadership::Standby(None));
    }

    fn lead(&mut self, began: Instant) {
        self.renewed = Some(began);
        self.gate.open_until(began + self.election.renew_deadline);
        self.announce(Leadership::Leading);
    }

    fn lose(&mut self, why: &str) {
        tracing::error!(lease = %self.election.name, %why, "lost the leadership");
        self.renewed = None;
        self.gate.close();
        self.announce(Leadership::Standby(self.holder().map(str::to_owned)));
    }

    fn announce(&self, leadership: Leadership) {
        self.tell.send_if_modified(|now| {
            let changed = *now != leadership;
            if changed {
                tracing::info!(lease = %self.election.name, ?leadership, "leadership");
                *now = leadership;
            }
            changed
        });
    }

    fn complain(&self, what: &str, refusal: &Refusal) {
        let why = match refusal {
            Refusal::Conflict => "somebody else was faster",
            Refusal::Missing => "it is not there",
            Refusal::Other(why) => why,
        };
        tracing::warn!(lease = %self.election.name, %why, "{what}");
    }

    fn holder(&self) -> Option<&str> {
        let spec = self.seen.as_ref()?.lease.spec.as_ref()?;
        spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    /// Tells whether nobody holds the lease: it was released, is ours, or has not changed for its whole duration.
    fn is_free(&self) -> bool {
        let Some(seen) = &self.seen else { return false };
        let spec = seen.lease.spec.as_ref();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|n| u64::try_from(n).ok());
        let duration = seconds.filter(|n| *n > 0).map_or(self.election.duration, Duration::from_secs);
        match self.holder() {
            None => true,
            Some(holder) if holder == self.election.identity => true,
            Some(_) => self.clock.monotonic().duration_since(seen.since) >= duration,
        }
    }

    fn spec(&self, transitions: i32, acquired: Option<MicroTime>) -> LeaseSpec {
        let now = MicroTime(self.clock.on_the_wall(self.clock.now()));
        LeaseSpec {
            holder_identity: Some(self.election.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(self.election.duration.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: acquired.or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    /// Writes down what the lease is when we hold it.
    fn taken(&self) -> Lease {
        let mut lease = self.seen.as_ref().map(|seen| seen.lease.clone()).unwrap_or_default();
        let before = lease.spec.take().unwrap_or_default();
        let ours = before.holder_identity.as_ref() == Some(&self.election.identity);
        let transitions = before.lease_transitions.unwrap_or_default();
        lease.spec = Some(if ours {
            self.spec(transitions, before.acquire_time)
        } else {
            self.spec(transitions.saturating_add(1), None)
        });
        lease
    }

    async fn look(&mut self) -> Result<(), Refusal> {
        let lease = self.call(self.api.get(&self.election.name)).await?;
        self.see(lease);
        Ok(())
    }

    /// Writes the lease on condition that it is the version that we saw.
    async fn write(&mut self, lease: Lease) -> Result<(), Refusal> {
        let lease = self.call(self.api.replace(&self.election.name, &PostParams::default(), &lease)).await?;
        self.see(lease);
        Ok(())
    }

    fn see(&mut self, lease: Lease) {
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        if self.seen.as_ref().is_none_or(|seen| version(&seen.lease) != version(&lease)) {
            self.seen = Some(Observation { lease, since: self.clock.monotonic() });
        }
    }

    async fn call(&self, call: impl Future<Output = kube::Result<Lease>>) -> Result<Lease, Refusal> {
        match timeout(CALL, call).await {
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(Refusal::Conflict),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Refusal::Missing),
            Ok(Err(error)) => Err(Refusal::Other(chain(&error))),
            Err(_) => Err(Refusal::Other(format!("no answer in {} s", CALL.as_secs()))),
        }
    }
}

#[cfg(test)]
mod tests;
