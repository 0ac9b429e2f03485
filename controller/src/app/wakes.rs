//! Wakes: which change of which kind wakes whom, and in which lane. A change that no row speaks of wakes nobody.

use std::collections::BTreeSet;

use self::When::{Aborts, Changed, Gone, Own};
use self::Who::{Itself, Managers, Namers, NamersOfService, Owners};
use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, Projection};
use crate::runtime::queue::Lane::{self, Fast, Normal};
use crate::runtime::store::{Change, News};
use crate::world::Stores;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// It came or changed.
    Changed,
    /// It came or changed, and orders an abort.
    Aborts,
    /// It is gone.
    Gone,
    /// A turn wrote it, or read it itself. That turn goes on by itself; whoever else is concerned has heard nothing.
    Own,
}

/// Whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// The Rollout that it is.
    Itself,
    /// The Rollout that owns it, or owned it before.
    Owners,
    /// The Rollouts that name it, directly or through templates.
    Namers,
    /// The Rollouts that name the Service that it speaks of.
    NamersOfService,
    /// The Rollout that it says it is managed by, or said so before, be that Rollout there or not.
    Managers,
}

/// A row: when something happens to an object of a kind, these are woken in this lane.
type Row = (&'static str, &'static [When], &'static [Who], Lane);

/// The whole table.
const WAKES: [Row; 20] = [
    ("Rollout", &[Changed], &[Itself], Normal),
    ("Rollout", &[Aborts], &[Itself], Fast),
    // Once more after its end: what it leaves behind still sends traffic to pods that go.
    ("Rollout", &[Gone], &[Itself], Fast),
    ("ReplicaSet", &[Changed, Gone], &[Owners, Namers], Normal),
    ("ReplicaSet", &[Own], &[Namers], Normal),
    ("Deployment", &[Changed, Gone], &[Namers], Normal),
    ("Deployment", &[Own], &[Namers], Normal),
    ("PodTemplate", &[Changed, Gone], &[Namers], Normal),
    ("PodTemplate", &[Own], &[Namers], Normal),
    ("AnalysisRun", &[Changed, Gone], &[Owners], Normal),
    ("Service", &[Changed, Gone], &[Namers, Managers], Normal),
    ("Service", &[Own], &[Namers], Normal),
    ("VirtualService", &[Changed, Gone], &[Namers, Managers], Normal),
    ("VirtualService", &[Own], &[Namers], Normal),
    ("Ingress", &[Changed, Gone], &[Namers, Owners], Normal),
    ("Ingress", &[Own], &[Namers], Normal),
    // A rule also matters to whoever sends traffic to the Service that it speaks of.
    ("DestinationRule", &[Changed, Gone], &[Namers, NamersOfService, Managers], Normal),
    ("DestinationRule", &[Own], &[Namers, NamersOfService], Normal),
    ("AnalysisTemplate", &[Changed, Gone, Own], &[Namers], Normal),
    ("ClusterAnalysisTemplate", &[Changed, Gone, Own], &[Namers], Normal),
];

/// Lists whom a change wakes, in the order of their keys, and in which lane.
pub(super) fn woken<K: Projection>(stores: &Stores, change: &Change<K>) -> (Vec<Key>, Lane) {
    let Some(when) = when(change) else { return (Vec::new(), Normal) };
    let row = WAKES.iter().find(|(kind, times, _, _)| *kind == K::PLACE.kind && times.contains(&when));
    let Some((kind, _, whom, lane)) = row else { return (Vec::new(), Normal) };
    let found: BTreeSet<Key> = whom.iter().flat_map(|who| find(stores, (kind, *who), change)).collect();
    // Whoever wrote it is at work already, and is among those whom it concerns.
    let alone = when == Own && found.len() < 2;
    (if alone { Vec::new() } else { found.into_iter().collect() }, *lane)
}

fn when<K: Projection>(change: &Change<K>) -> Option<When> {
    match (change.news, &change.new) {
        (News::Known, _) => None,
        (News::Own, _) => Some(Own),
        (News::Changed, None) => Some(Gone),
        (News::Changed, Some(new)) if change.old.as_ref().is_some_and(|old| new.says_as_before(old)) => None,
        (News::Changed, Some(new)) if new.orders_abort() => Some(Aborts),
        (News::Changed, Some(_)) => Some(Changed),
    }
}

fn find<K: Projection>(stores: &Stores, (kind, who): (&'static str, Who), change: &Change<K>) -> Vec<Key> {
    match who {
        Itself => vec![change.key().clone()],
        Owners => change.old.iter().chain(&change.new).filter_map(|object| owner(&**object)).collect(),
        Namers => stores.who_names(kind, change.key()),
        NamersOfService => {
            let spoken_of =
                change.index_keys().into_iter().filter(|index| matches!(index, IndexKey::Ref("Service", _)));
            spoken_of.flat_map(|index| stores.rollouts.keys_by_index(&index)).collect()
        }
        Managers => {
            let managers = change.index_keys().into_iter().filter_map(|index| match index {
                IndexKey::ManagedBy(rollout) => Some(rollout),
                _ => None,
            });
            managers.collect()
        }
    }
}

fn owner<K: Projection>(object: &K) -> Option<Key> {
    let owner = object.meta().owner.as_ref().filter(|owner| &*owner.kind == "Rollout")?;
    Some(object.key().beside(&owner.name))
}

#[cfg(test)]
mod tests;
