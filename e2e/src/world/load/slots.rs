//! What users felt, in short spans of time.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// The length of a slot, in milliseconds.
const LENGTH_MS: i64 = 200;

/// What came back for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The application answered.
    Application {
        /// The version.
        version: String,
        /// The pod-template hash.
        hash: String,
        /// The answer was a 5xx.
        failed: bool,
    },
    /// Somebody else answered in its place, or nobody did.
    Foreign(String),
}

/// What users felt who sent their requests within the same 200 ms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slot {
    /// When the slot began; it lasts 200 ms.
    pub from: Timestamp,
    /// Requests sent.
    pub sent: u64,
    /// Requests that the application answered, by version.
    pub versions: BTreeMap<String, u64>,
    /// The same by pod-template hash.
    pub hashes: BTreeMap<String, u64>,
    /// 5xx that the application sent.
    pub application_5xx: u64,
    /// Failures that the application did not send, by what was said.
    pub foreign_5xx: BTreeMap<String, u64>,
    /// The longest time that an answer took.
    pub slowest: Duration,
}

impl Slot {
    /// When the slot ended.
    pub fn to(&self) -> Timestamp {
        Timestamp::from_millisecond(self.from.as_millisecond() + LENGTH_MS).unwrap_or(self.from)
    }

    fn answered(&self) -> u64 {
        self.versions.values().sum::<u64>() + self.foreign_5xx.values().sum::<u64>()
    }
}

/// What users felt over any time: slots added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Felt {
    /// Requests sent.
    pub sent: u64,
    /// Requests that the application answered, by version.
    pub versions: BTreeMap<String, u64>,
    /// 5xx that the application sent.
    pub application_5xx: u64,
    /// Failures that the application did not send, by what was said.
    pub foreign_5xx: BTreeMap<String, u64>,
}

impl Felt {
    /// Requests that this version answered.
    pub fn version(&self, version: &str) -> u64 {
        self.versions.get(version).copied().unwrap_or_default()
    }
}

impl<'a> FromIterator<&'a Slot> for Felt {
    fn from_iter<I: IntoIterator<Item = &'a Slot>>(slots: I) -> Self {
        let mut felt = Self::default();
        for slot in slots {
            felt.sent += slot.sent;
            felt.application_5xx += slot.application_5xx;
            add(&mut felt.versions, &slot.versions);
            add(&mut felt.foreign_5xx, &slot.foreign_5xx);
        }
        felt
    }
}

fn add(all: &mut BTreeMap<String, u64>, some: &BTreeMap<String, u64>) {
    for (name, count) in some {
        *all.entry(name.clone()).or_default() += count;
    }
}

/// The slots of one load, by their number.
#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<BTreeMap<i64, Slot>>);

impl Slots {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<i64, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a request is sent now; answers the number of its slot.
    pub(super) fn sent(&self) -> i64 {
        let number = current();
        let mut slots = self.lock();
        let slot = slots.entry(number).or_insert_with(|| Slot {
            from: Timestamp::from_millisecond(number * LENGTH_MS).unwrap_or_default(),
            ..Slot::default()
        });
        slot.sent += 1;
        number
    }

    /// Notes what came back.
    pub(super) fn answered(&self, number: i64, outcome: Outcome, took: Duration) {
        let mut slots = self.lock();
        let Some(slot) = slots.get_mut(&number) else {
            return;
        };
        slot.slowest = slot.slowest.max(took);
        match outcome {
            Outcome::Application { version, hash, failed } => {
                *slot.versions.entry(version).or_default() += 1;
                *slot.hashes.entry(hash).or_default() += 1;
                slot.application_5xx += u64::from(failed);
            }
            Outcome::Foreign(why) => *slot.foreign_5xx.entry(why).or_default() += 1,
        }
    }

    /// The slots that are over and whose requests all came back, up to the first that waits.
    pub(super) fn complete(&self) -> Vec<Slot> {
        let now = current();
        self.lock()
            .iter()
            .take_while(|(number, slot)| **number < now && slot.answered() == slot.sent)
            .map(|(_, slot)| slot.clone())
            .collect()
    }

    /// Says whether requests are on their way.
    pub(super) fn open(&self) -> bool {
        self.lock().values().any(|slot| slot.answered() < slot.sent)
    }

    /// All slots.
    pub(super) fn all(&self) -> Vec<Slot> {
        self.lock().values().cloned().collect()
    }
}

fn current() -> i64 {
    Timestamp::now().as_millisecond().div_euclid(LENGTH_MS)
}
