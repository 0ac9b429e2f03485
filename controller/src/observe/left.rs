//! What a Rollout has steered and no longer names: our marks are still in it.

use super::Observation;
use crate::core::snapshot::{Left, LeftKind};
use crate::routers::Kind;
use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, MetaRow};
use crate::world::World;

impl World {
    pub(super) fn look_at_left(&self, seen: &mut Observation) {
        let s = &seen.snapshot;
        // What can't be understood is not let go of.
        if s.id.deleting || (s.faults.is_empty() && s.look.held.is_empty() && s.look.unreadable.is_empty()) {
            let left = self.left(&seen.rollout(), if s.id.deleting { None } else { Some(seen) });
            seen.snapshot.traffic.left = left;
        }
    }

    /// The objects that say that they are steered by a Rollout which does not name them; all of them where it is gone.
    pub(crate) fn left(&self, rollout: &Key, seen: Option<&Observation>) -> Vec<Left> {
        let by = IndexKey::managed_by(rollout);
        let mut left = Vec::new();
        let mut add = |kind: LeftKind, meta: &MetaRow, named: bool| {
            if !named && meta.deleted.is_none() {
                let (namespace, name) = (meta.key.namespace().to_owned(), meta.key.name().to_owned());
                left.push(Left { kind, namespace, name });
            }
        };
        let canary = seen.map(|seen| seen.snapshot.canary());
        let services = canary.iter().flat_map(|c| [&c.canary_service, &c.stable_service]).flatten();
        let services: Vec<Key> = services.map(|name| rollout.beside(name)).collect();
        for row in self.stores.services.by_index(&by).seen().unwrap_or_default() {
            add(LeftKind::Service, &row.meta, services.contains(&row.meta.key));
        }
        let rule = seen.and_then(super::route::rule_of).map(|rule| rollout.beside(&rule.name));
        for row in self.stores.destination_rules.by_index(&by).seen().unwrap_or_default() {
            add(LeftKind::DestinationRule, &row.meta, rule.as_ref() == Some(&row.meta.key));
        }
        let objects: Vec<_> = seen.into_iter().flat_map(|seen| &seen.routers).flat_map(|r| r.objects()).collect();
        for row in self.stores.virtual_services.by_index(&by).seen().unwrap_or_default() {
            let named = objects.iter().any(|id| id.kind == Kind::VirtualService && id.key == row.meta.key);
            add(LeftKind::VirtualService, &row.meta, named);
        }
        left.sort_by(|a, b| (a.kind, &a.namespace, &a.name).cmp(&(b.kind, &b.namespace, &b.name)));
        left
    }
}
