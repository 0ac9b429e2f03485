//! The Services that a Rollout names.

use serde_json::Value;
use serin_crds::names;

use super::Observation;
use super::live::Parts;
use crate::core::snapshot::ServiceSeen;
use crate::runtime::projection::ServiceRow;
use crate::runtime::reading::Reading;
use crate::world::World;

impl World {
    pub(super) fn look_at_services(&self, seen: &mut Observation, parts: &Parts) {
        let canary = seen.snapshot.canary();
        let (canary, stable) = (canary.canary_service.clone(), canary.stable_service.clone());
        seen.snapshot.traffic.canary_service = self.service(seen, parts, "canaryService", canary);
        seen.snapshot.traffic.stable_service = self.service(seen, parts, "stableService", stable);
    }

    fn service(&self, seen: &mut Observation, parts: &Parts, field: &str, name: Option<String>) -> Option<ServiceSeen> {
        let name = name.filter(|name| !name.is_empty())?;
        let path = match &seen.snapshot.canary().ping_pong {
            Some(pair) if pair.ping_service == name => "spec.strategy.canary.pingPong.pingService".to_owned(),
            Some(_) => "spec.strategy.canary.pingPong.pongService".to_owned(),
            None => format!("spec.strategy.canary.{field}"),
        };
        let key = seen.key(&name);
        let reading = match parts.services.get(&key) {
            Some(Some(live)) => Reading::Seen(live.clone()),
            Some(None) => Reading::Absent,
            None => self.stores.services.get(&key),
        };
        match reading {
            Reading::Seen(svc) => {
                faults(seen, &path, &svc);
                let hash = svc.selected_hash().map(str::to_owned);
                Some(ServiceSeen { name, hash, managed: svc.managed_by.is_some() })
            }
            Reading::Absent => {
                seen.snapshot.faults.push(format!("{path}: Service \"{name}\" not found; create it"));
                None
            }
            Reading::Unreadable(why) => {
                seen.snapshot.look.unreadable.push(format!("Service {name}: {why}"));
                // What was last known of it says that it is named; nothing rests on it.
                let hash = self.stores.services.last_known(&key).and_then(|svc| svc.selected_hash().map(str::to_owned));
                Some(ServiceSeen { name, hash, managed: false })
            }
        }
    }
}

/// What is wrong with a Service for this Rollout.
fn faults(seen: &mut Observation, path: &str, svc: &ServiceRow) {
    let name = svc.meta.key.name();
    let s = &mut seen.snapshot;
    if let Some(other) = svc.managed_by.as_deref().filter(|other| *other != s.id.name) {
        s.faults.push(format!("{path}: Service \"{name}\" is managed by another Rollout ({other})"));
    }
    // A template that is absent is a fault of its own, or one that can't be seen now.
    let Some(template) = s.spec.template.as_ref() else { return };
    let labels = template.pointer("/metadata/labels");
    let canary = s.spec.strategy.canary.as_ref();
    let roles = canary
        .into_iter()
        .flat_map(|c| [("canaryMetadata", &c.canary_metadata), ("stableMetadata", &c.stable_metadata)]);
    let mut found = Vec::new();
    for (key, value) in svc.selector.iter().filter(|(key, _)| &**key != names::HASH_LABEL) {
        let have = labels.and_then(|l| l.get(&**key)).and_then(Value::as_str);
        if have == Some(value) {
            continue;
        }
        let role = roles.clone().find(|(_, metadata)| metadata.as_ref().is_some_and(|m| m.labels.contains_key(&**key)));
        found.push(match (role, have) {
            (Some((field, _)), _) => format!(
                "{path}: Service \"{name}\" selects the label \"{key}\" that spec.strategy.canary.{field} gives to running pods; \
                 remove it from the selector: the hash in it already tells canary and stable pods apart"
            ),
            (None, have) => {
                let have = have.map_or_else(|| "no such label".to_owned(), |have| format!("{have:?}"));
                format!(
                    "{path}: Service \"{name}\" has unmatch label \"{key}\" in rollout: its selector asks for {value:?}, the pod \
                     template has {have}; make them agree"
                )
            }
        });
    }
    s.faults.extend(found);
}
