//! World: what the steps of a turn share.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serin_analysis::provider::egress::Admission;
use serin_analysis::provider::{Egress, Fetch};
use serin_controller::runtime::clock::{Clock, later};
use serin_controller::runtime::gate::WriteGate;
use serin_controller::runtime::key::Key;
use serin_controller::runtime::store::Store;
use url::{Host, Url};

use crate::cluster::Cluster;
use crate::core::observed::{Held, NoticeKey};
use crate::core::record::Outcome;
use crate::git::Program;
use crate::meters::Meters;
use crate::rows::RolloutRow;

/// The first wait after a failure, doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the steps of a turn share; a clone is the same world.
#[derive(Clone)]
pub struct World {
    /// The API server.
    pub cluster: Cluster,
    /// Rollouts, as far as they tell whom to look at.
    pub rollouts: Arc<Store<RolloutRow>>,
    /// The time of day.
    pub clock: Clock,
    /// Whoever is asked and told over HTTP.
    pub fetch: Arc<dyn Fetch>,
    /// Git.
    pub git: Git,
    /// Open while this process leads.
    pub gate: WriteGate,
    /// What is remembered and may be lost.
    pub memories: Memories,
    /// What is counted.
    pub meters: Meters,
}

/// Git, and whom it may talk to.
#[derive(Clone, Debug)]
pub struct Git {
    /// The program.
    pub program: Program,
    /// Where repositories may be.
    pub egress: Egress,
    /// One lock for each branch that was pushed to.
    turns: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Git {
    /// Git, with nobody pushing yet.
    pub fn new(program: Program, egress: Egress) -> Self {
        Self { program, egress, turns: Arc::default() }
    }

    /// Waits until no other policy pushes to a branch: they would only overtake each other.
    pub async fn alone(&self, url: &str, branch: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(format!("{url} {branch}")).or_default().clone()
        };
        turn.lock_owned().await
    }

    /// Why the protocol of a repository is not spoken here; `None` when it is.
    pub fn refusal(&self, url: &str) -> Option<String> {
        let scheme = url.split_once("://").map_or("ssh", |(scheme, _)| scheme);
        let spoken = self.program.protocols.split(':').any(|known| known == scheme);
        let allowed = self.program.protocols.replace(':', ", ");
        (!spoken && !url.is_empty())
            .then(|| format!("is over {scheme}; the administrator of the cluster allows {allowed}"))
    }

    /// Says whether the host of a repository may be reached, by what its name means now.
    ///
    /// # Errors
    /// Why not, in words for users.
    pub async fn admit(&self, url: &str) -> Result<(), String> {
        let Some(url) = address(url) else { return Ok(()) };
        let refused = || {
            let host = url.host_str().unwrap_or_default();
            format!("{host} may not be reached; the administrator of the cluster can name it in --allow")
        };
        if self.egress.admit(&url).map_err(|_| refused())? == Admission::Listed {
            return Ok(());
        }
        let port = url.port_or_known_default().unwrap_or(443);
        let found: Vec<IpAddr> = match url.host() {
            Some(Host::Ipv4(ip)) => vec![ip.into()],
            Some(Host::Ipv6(ip)) => vec![ip.into()],
            Some(Host::Domain(name)) => {
                let found = tokio::net::lookup_host((name, port)).await;
                found.map_err(|error| format!("the name {name} has no address: {error}"))?.map(|at| at.ip()).collect()
            }
            None => Vec::new(),
        };
        if found.iter().all(|ip| self.egress.admit_address(*ip).is_ok()) { Ok(()) } else { Err(refused()) }
    }
}

/// The host of a repository, as an address; `None` of one on this machine.
fn address(url: &str) -> Option<Url> {
    match url.split_once("://") {
        Some(("file", _)) => None,
        Some(("ssh", rest)) => Url::parse(&format!("https://{rest}")).ok(),
        Some(_) => Url::parse(url).ok(),
        None => Url::parse(&format!("https://{}", url.split_once(':')?.0)).ok(),
    }
}

/// What is remembered of every policy.
#[derive(Clone, Default)]
pub struct Memories(Arc<Mutex<HashMap<Key, Memory>>>);

/// What is remembered of a policy; all of it may be lost.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What came of effects and is not written yet.
    pub unsaved: Vec<Outcome>,
    /// Notices that nobody can have sent yet.
    pub fresh: BTreeSet<NoticeKey>,
    /// How often something failed, and until when it is held back.
    failures: BTreeMap<Held, (u32, Timestamp)>,
}

impl Memories {
    /// Looks at, or changes, what is remembered of a policy.
    pub fn with<T>(&self, key: &Key, look: impl FnOnce(&mut Memory) -> T) -> T {
        look(self.locked().entry(key.clone()).or_default())
    }

    /// Forgets a policy.
    pub fn forget(&self, key: &Key) {
        self.locked().remove(key);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Key, Memory>> {
        // What is guarded here is plain data that every writer leaves whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// What is held back, and until when.
    pub fn held(&self) -> BTreeMap<Held, Timestamp> {
        self.failures.iter().map(|(held, (_, until))| (held.clone(), *until)).collect()
    }

    /// Notes that something failed.
    pub fn failed(&mut self, held: Held, now: Timestamp) {
        let times = self.failures.get(&held).map_or(0, |(times, _)| *times);
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(times)).min(LONGEST_WAIT);
        self.failures.insert(held, (times.saturating_add(1), later(now, wait)));
    }

    /// Notes that something came off.
    pub fn succeeded(&mut self, held: &Held) {
        self.failures.remove(held);
    }
}
