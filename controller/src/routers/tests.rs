//! The seam: a third router, in name only, whose whole is 1000 parts and whose patches are its own.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Kind, ObjectId, Observed, RouteFault, Router, Write};
use crate::core::exposure::{Exposure, Split};
use crate::core::plan::{Move, Way};
use crate::core::weight::Weight;
use crate::runtime::key::Key;

/// A split of 1000 parts, of which somebody else holds 100.
#[derive(Debug)]
struct Thousand;

impl Thousand {
    fn split(objects: &[Option<Arc<Value>>]) -> Result<Split, RouteFault> {
        let missing = || RouteFault("create it".to_owned());
        let object = objects.first().and_then(Option::as_deref).ok_or_else(missing)?;
        let number = |name: &str| object[name].as_i64().unwrap_or(0);
        Ok(Split { canary: number("canary"), stable: number("stable"), others: 100, total: 1000 })
    }
}

impl Router for Thousand {
    fn objects(&self) -> Vec<ObjectId> {
        vec![ObjectId { kind: Kind::Ingress, key: Key::new("shop", "thousand") }]
    }

    fn read(&self, objects: &[Option<Arc<Value>>]) -> Result<Observed, RouteFault> {
        Ok(Observed { exposure: Exposure::of(vec![Self::split(objects)?]), ..Observed::default() })
    }

    fn write(&self, objects: &[Option<Arc<Value>>], change: &Move) -> Result<Option<Write>, RouteFault> {
        let split = Self::split(objects)?;
        let (canary, stable) = if change.way.is_down() { split.lowered(change.to) } else { split.wanted(change.to) };
        let patch = vec![
            json!({"op": "replace", "path": "/canary", "value": canary}),
            json!({"op": "replace", "path": "/stable", "value": stable}),
        ];
        Ok(((canary, stable) != (split.canary, split.stable)).then_some(Write::Patch(patch)))
    }
}

#[test]
fn a_third_router_with_other_parts_needs_nothing_of_the_core() {
    let mut object = json!({"canary": 0, "stable": 900});
    for (to, canary, stable) in [(20, 200, 700), (50, 500, 400), (95, 900, 0), (100, 900, 0), (0, 0, 900)] {
        let (way, to) = (if to == 0 { Way::Down } else { Way::Up }, Weight::clamped(to));
        let objects = [Some(Arc::new(object.clone()))];
        if let Some(Write::Patch(ops)) =
            Thousand.write(&objects, &Move { from: to, to, managed: Vec::new(), way }).expect("steerable")
        {
            let patch: json_patch::Patch = serde_json::from_value(json!(ops)).expect("a JSON Patch");
            json_patch::patch(&mut object, &patch).expect("applies");
        }
        assert_eq!((object["canary"].as_i64(), object["stable"].as_i64()), (Some(canary), Some(stable)));
        let exposure = Thousand.read(&[Some(Arc::new(object.clone()))]).expect("seen").exposure;
        assert!(exposure.is(to) && !exposure.exceeds(to) && !exposure.falls_short(to));
    }
}
