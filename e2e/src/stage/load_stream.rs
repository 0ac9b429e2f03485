//! The users of a scenario, and what they felt.

use jiff::Timestamp;
use serin_sim::felt::Interval;

use crate::world::{Load, LoadPlan, Slot, World, WorldError};

/// Users who ask one host.
#[derive(Debug)]
pub(super) struct LoadStream {
    load: Load,
    /// How many slots of the load have been told.
    told: usize,
    /// What earlier loads left to tell.
    left: Vec<Slot>,
    /// A request was answered; what failed before had nobody to answer it.
    answered: bool,
}

impl LoadStream {
    /// Lets users ask.
    pub(super) fn gather(world: &World, host: &str, rate: f64) -> Result<Self, WorldError> {
        let load = world.load(&LoadPlan::new(host, rate))?;
        Ok(Self { load, told: 0, left: Vec::new(), answered: false })
    }

    /// Lets them ask at another rate.
    pub(super) fn rate(&self, rate: f64) {
        self.load.rate(rate);
    }

    /// Lets others ask in their place.
    pub(super) async fn follow(&mut self, others: Self) {
        let before = std::mem::replace(&mut self.load, others.load);
        self.left.extend(before.stop().await.into_iter().skip(self.told));
        self.told = 0;
    }

    /// What they felt until this instant, without what was told before.
    pub(super) fn felt(&mut self, until: Timestamp) -> Vec<Interval> {
        let mut slots = std::mem::take(&mut self.left);
        let fresh = self.load.felt().into_iter().skip(self.told);
        let fresh: Vec<_> = fresh.take_while(|slot| slot.to() <= until).collect();
        self.told += fresh.len();
        slots.extend(fresh);
        slots.into_iter().filter_map(|slot| self.interval(slot)).collect()
    }

    /// The slot, from the first request on that was answered.
    fn interval(&mut self, mut slot: Slot) -> Option<Interval> {
        if !self.answered {
            self.answered = !slot.hashes.is_empty();
            slot.foreign_5xx.clear();
        }
        self.answered.then(|| Interval {
            from: slot.from,
            to: slot.to(),
            answered: slot.hashes,
            application_5xx: slot.application_5xx,
            foreign_5xx: slot.foreign_5xx,
            avoidable: 0,
        })
    }
}
