//! NGINX Ingress: a canary Ingress beside the stable one, whose annotations say which share it gets.
//!
//! The stable Ingress belongs to its owner and is never written. The canary Ingress is ours: made when traffic first has to
//! go to the canary, owned by the Rollout, and kept at weight 0 afterwards.
//!
//! # Source
//! Annotations of ingress-nginx: `canary`, `canary-weight`, `canary-weight-total`.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use serin_crds::names;
use serin_crds::rollout::{CanaryStrategy, NginxTrafficRouting};

use super::{
    ABORTED_ANNOTATION, Kind, ObjectId, Observed, Owner, RouteFault, Router, Write, annotation_path, mark_text, marked,
};
use crate::core::exposure::{Exposure, Split};
use crate::core::plan::{Move, Way};
use crate::core::weight::Weight;
use crate::runtime::key::Key;

/// The prefix of the controller's annotations, unless the Rollout names another.
const PREFIX: &str = "nginx.ingress.kubernetes.io";

/// One pair of Ingresses that splits the traffic of a Rollout.
#[derive(Clone, Debug)]
pub struct Nginx {
    rollout: Key,
    uid: String,
    stable: Key,
    canary: Key,
    services: (String, String),
    prefix: String,
    /// What weights are parts of, if the Rollout says so.
    total: Option<i64>,
    /// Further annotations of the canary Ingress.
    annotations: Vec<(String, String)>,
}

/// The routers that a Rollout names: one for each stable Ingress.
pub(super) fn routers(
    canary: &CanaryStrategy,
    nginx: &NginxTrafficRouting,
    owner: Owner<'_>,
) -> Result<Vec<Arc<dyn Router>>, RouteFault> {
    let at = "spec.strategy.canary";
    let service = |name: &Option<String>, field: &str| {
        let missing = || RouteFault(format!("{at}.{field} is missing; {at}.trafficRouting.nginx needs it"));
        name.clone().filter(|name| !name.is_empty()).ok_or_else(missing)
    };
    let stable_service = service(&canary.stable_service, "stableService")?;
    let canary_service = service(&canary.canary_service, "canaryService")?;
    let prefix = nginx.annotation_prefix.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| PREFIX.to_owned());
    let prefixed = |(key, value): (&String, &String)| {
        let key = if key.starts_with(&prefix) { key.clone() } else { format!("{prefix}/{key}") };
        (key, value.clone())
    };
    let as_written = nginx.canary_ingress_annotations.iter().map(|(key, value)| (key.clone(), value.clone()));
    let annotations: Vec<_> = nginx.additional_ingress_annotations.iter().map(prefixed).chain(as_written).collect();
    let total = canary.traffic_routing.as_ref().and_then(|routing| routing.max_traffic_weight);
    let named = nginx.stable_ingress.iter().filter(|name| !name.is_empty()).chain(&nginx.stable_ingresses);
    let routers: Vec<Arc<dyn Router>> = named
        .map(|name| {
            Arc::new(Nginx {
                rollout: owner.rollout.clone(),
                uid: owner.uid.to_owned(),
                stable: owner.rollout.beside(name),
                canary: owner.rollout.beside(&canary_name(owner.rollout.name(), name)),
                services: (stable_service.clone(), canary_service.clone()),
                prefix: prefix.clone(),
                total: total.map(i64::from),
                annotations: annotations.clone(),
            }) as Arc<dyn Router>
        })
        .collect();
    if routers.is_empty() {
        return Err(RouteFault(format!(
            "{at}.trafficRouting.nginx names no Ingress; give stableIngress or stableIngresses"
        )));
    }
    Ok(routers)
}

/// The name of the canary Ingress, as Argo Rollouts gives it.
pub fn canary_name(rollout: &str, stable: &str) -> String {
    const SUFFIX: &str = "-canary";
    const LONGEST: usize = 253;
    let mut name = format!("{rollout}-{stable}");
    name.truncate(LONGEST - SUFFIX.len());
    name + SUFFIX
}

impl Nginx {
    fn annotation(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    fn stable_ingress<'a>(&self, objects: &'a [Option<Arc<Value>>]) -> Result<&'a Value, RouteFault> {
        let name = self.stable.name();
        let at = "spec.strategy.canary.trafficRouting.nginx";
        let missing = || {
            RouteFault(format!(
                "{at}: Ingress \"{name}\" not found; create it in namespace {}",
                self.stable.namespace()
            ))
        };
        objects.get(1).and_then(Option::as_deref).ok_or_else(missing)
    }

    /// The rules of the stable Ingress that reach the stable Service, pointed at the canary's.
    fn rules(&self, stable: &Value) -> Result<Vec<Value>, RouteFault> {
        let (stable_service, canary_service) = (&self.services.0, &self.services.1);
        let mut rules = Vec::new();
        for rule in stable.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten() {
            let mut rule = rule.clone();
            let paths = rule.pointer_mut("/http/paths").and_then(Value::as_array_mut);
            let mut found = false;
            for path in paths.into_iter().flatten() {
                if let Some(name) = path.pointer_mut("/backend/service/name")
                    && name.as_str() == Some(stable_service)
                {
                    *name = json!(canary_service);
                    found = true;
                }
            }
            if found {
                rules.push(rule);
            }
        }
        if rules.is_empty() {
            return Err(RouteFault(format!(
                "spec.strategy.canary.trafficRouting.nginx: Ingress \"{}\" has no rules using service {stable_service} backend; \
                 point a path of it at {stable_service}",
                self.stable.name()
            )));
        }
        Ok(rules)
    }

    /// How the canary Ingress splits traffic, in parts of the whole that it names itself.
    fn split(&self, canary: Option<&Value>) -> Split {
        let number = |name: &str| {
            let annotations = canary.and_then(|object| object.pointer("/metadata/annotations"))?;
            annotations.get(self.annotation(name))?.as_str()?.parse::<i64>().ok()
        };
        let annotations = canary.and_then(|object| object.pointer("/metadata/annotations"));
        let on = annotations.and_then(|a| a.get(self.annotation("canary"))).and_then(Value::as_str) == Some("true");
        let total = number("canary-weight-total").filter(|total| *total > 0).unwrap_or(100);
        let canary = number("canary-weight").filter(|_| on).unwrap_or(0).clamp(0, total);
        Split { canary, stable: total - canary, others: 0, total }
    }

    /// A split with the whole that the Rollout asks for.
    fn counted(&self, split: Split) -> Split {
        Split { total: self.total.unwrap_or(split.total), ..split }
    }

    /// The canary Ingress as it should be, at a weight.
    fn desired(&self, stable: &Value, to: Weight, split: Split) -> Result<Value, RouteFault> {
        let mut annotations = Map::new();
        let copied = stable.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
        let copied = copied.filter(|(key, _)| key.as_str() != names::LAST_APPLIED_ANNOTATION);
        annotations.extend(copied.map(|(key, value)| (key.clone(), value.clone())));
        annotations.extend(self.annotations.iter().map(|(key, value)| (key.clone(), json!(value))));
        annotations.insert(self.annotation("canary"), json!("true"));
        let parts = self.counted(split).wanted(to).0;
        annotations.insert(self.annotation("canary-weight"), json!(parts.to_string()));
        if let Some(total) = self.total {
            annotations.insert(self.annotation("canary-weight-total"), json!(total.to_string()));
        }
        let mut spec = Map::new();
        spec.insert("rules".to_owned(), Value::Array(self.rules(stable)?));
        for field in ["ingressClassName", "tls"] {
            if let Some(value) = stable.pointer(&format!("/spec/{field}")) {
                spec.insert(field.to_owned(), value.clone());
            }
        }
        Ok(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {
                "name": self.canary.name(), "namespace": self.canary.namespace(), "annotations": annotations,
                "ownerReferences": [{
                    "apiVersion": names::API_VERSION, "kind": "Rollout", "name": self.rollout.name(), "uid": self.uid,
                    "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "spec": spec,
        }))
    }

    fn owned(&self, canary: &Value) -> Result<(), RouteFault> {
        let owners = canary.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
        let ours = owners.filter(|o| o.get("controller") == Some(&json!(true)));
        if ours.into_iter().any(|owner| owner.get("uid").and_then(Value::as_str) == Some(self.uid.as_str())) {
            return Ok(());
        }
        Err(RouteFault(format!(
            "spec.strategy.canary.trafficRouting.nginx: Ingress \"{}\" is there and does not belong to this Rollout; \
             delete it, or rename the Rollout or the stable Ingress",
            self.canary.name()
        )))
    }

    /// A patch that rests on as little as may be, since traffic has to go down.
    fn down(&self, canary: &Value, parts: i64, way: &Way) -> Option<Vec<Value>> {
        let mut patch = Vec::new();
        if parts < self.split(Some(canary)).canary {
            let path = annotation_path(&self.annotation("canary-weight"));
            patch.push(json!({"op": "add", "path": path, "value": parts.to_string()}));
        }
        if let Way::Abort { attempt, reason } = way
            && marked(canary, &self.rollout).is_none_or(|(seen, _)| seen != *attempt)
        {
            let text = mark_text(&self.rollout, &self.canary, attempt, reason);
            patch.push(json!({"op": "add", "path": annotation_path(ABORTED_ANNOTATION), "value": text}));
        }
        (!patch.is_empty()).then_some(patch)
    }

    /// A patch that makes the canary Ingress what it should be, on the version that was seen.
    fn up(canary: &Value, desired: &Value) -> Option<Vec<Value>> {
        let mut patch = Vec::new();
        let have = canary.pointer("/metadata/annotations");
        let wanted = desired.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
        for (key, value) in wanted.filter(|(key, value)| have.and_then(|have| have.get(key.as_str())) != Some(*value)) {
            patch.push(json!({"op": "add", "path": annotation_path(key), "value": value}));
        }
        if have.is_some_and(|have| have.get(ABORTED_ANNOTATION).is_some()) {
            patch.push(json!({"op": "remove", "path": annotation_path(ABORTED_ANNOTATION)}));
        }
        for field in ["rules", "tls", "ingressClassName"] {
            let path = format!("/spec/{field}");
            if let Some(value) = desired.pointer(&path).filter(|value| canary.pointer(&path) != Some(*value)) {
                patch.push(json!({"op": "add", "path": path, "value": value}));
            }
        }
        if patch.is_empty() {
            return None;
        }
        let version = canary.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        patch.insert(0, json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}));
        Some(patch)
    }
}

impl Router for Nginx {
    fn objects(&self) -> Vec<ObjectId> {
        let id = |key: &Key| ObjectId { kind: Kind::Ingress, key: key.clone() };
        vec![id(&self.canary), id(&self.stable)]
    }

    fn read(&self, objects: &[Option<Arc<Value>>]) -> Result<Observed, RouteFault> {
        self.rules(self.stable_ingress(objects)?)?;
        let canary = objects.first().and_then(Option::as_deref);
        canary.map_or(Ok(()), |canary| self.owned(canary))?;
        Ok(Observed {
            exposure: Exposure::of(vec![self.counted(self.split(canary))]),
            aborted: canary.and_then(|object| marked(object, &self.rollout)),
            subsets: Vec::new(),
        })
    }

    fn write(&self, objects: &[Option<Arc<Value>>], change: &Move) -> Result<Option<Write>, RouteFault> {
        let canary = objects.first().and_then(Option::as_deref);
        let split = self.split(canary);
        if change.way.is_down() {
            // Whatever has become of the stable Ingress: less traffic needs only the canary's own.
            let Some(canary) = canary else { return Ok(None) };
            self.owned(canary)?;
            return Ok(self.down(canary, split.lowered(change.to).0, &change.way).map(Write::Patch));
        }
        let stable = self.stable_ingress(objects)?;
        let desired = self.desired(stable, change.to, split)?;
        let Some(canary) = canary else {
            return Ok((change.to > Weight::ZERO).then_some(Write::Create(desired)));
        };
        self.owned(canary)?;
        Ok(Self::up(canary, &desired).map(Write::Patch))
    }
}

#[cfg(test)]
mod tests;
