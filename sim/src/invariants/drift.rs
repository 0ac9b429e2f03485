//! L5: weights that somebody else changes are put back.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{History, Key, Violation, WriteRecord, wiring::wiring};

/// How long that may take.
const REPAIR: SignedDuration = SignedDuration::from_secs(10);

/// The weights that somebody else has changed, by `VirtualService`.
#[derive(Debug, Default)]
pub struct Drift {
    edited: BTreeMap<Key, Edit>,
    late: Vec<Violation>,
}

#[derive(Debug)]
struct Edit {
    at: Timestamp,
    by: String,
    /// The canary's weight before.
    was: Option<i64>,
}

impl Drift {
    /// Takes in a write, before the history does.
    pub fn see(&mut self, history: &History, write: &WriteRecord) {
        self.overdue(write.at);
        if !write.is("virtualservices") || !write.accepted() {
            return;
        }
        let Some(rollout) = history.naming(&write.key).find_map(|key| history.get(key)) else {
            return;
        };
        let wiring = wiring(rollout);
        let weight = |service| wiring.canary_weight(&write.key, service);
        let (was, is) = (history.before(write).and_then(weight), write.after.as_deref().and_then(weight));
        let known = self.edited.get(&write.key).map(|edit| edit.was);
        if history.ours(write) || known == Some(is) || is.is_none() {
            self.edited.remove(&write.key);
        } else if was.is_some() && was != is && known.is_none() {
            self.edited.insert(write.key.clone(), Edit { at: write.at, by: write.user.clone(), was });
        }
    }

    /// What was not put back in time.
    pub fn violations(&mut self, now: Timestamp) -> Vec<Violation> {
        self.overdue(now);
        std::mem::take(&mut self.late)
    }

    fn overdue(&mut self, now: Timestamp) {
        let late = |edit: &Edit| now.duration_since(edit.at) > REPAIR;
        let overdue: Vec<Key> = self.edited.iter().filter(|(_, edit)| late(edit)).map(|(key, _)| key.clone()).collect();
        for object in overdue {
            if let Some(Edit { at, by, was }) = self.edited.remove(&object) {
                let was = was.map_or("none".to_owned(), |was| was.to_string());
                let seen = format!("{by} changed the canary's weight from {was} at {at}, and it was not put back");
                self.late.push(Violation { at: now, invariant: "L5", object, seen });
            }
        }
    }
}
