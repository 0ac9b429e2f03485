//! Moves of traffic, through whatever router there is.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;

use crate::api::{Call, CallError, Object, Verb};
use crate::core::plan::Move;
use crate::observe::Observation;
use crate::routers::{ObjectId, Router, Write};
use crate::world::World;

/// How often a lowering is tried again at once before the turn is given back.
const INSIST: usize = 4;

/// How long the answer to a lowering, or to the read before it is tried again, is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

impl World {
    /// Carries out a move on every router at once.
    pub(super) async fn move_traffic(&self, seen: &Observation, change: &Move) -> Result<(), CallError> {
        let writes = seen.routers.iter().map(|router| self.move_one(router.as_ref(), change));
        // All are tried: one that fails keeps no other from being lowered.
        join_all(writes).await.into_iter().collect()
    }

    async fn move_one(&self, router: &dyn Router, change: &Move) -> Result<(), CallError> {
        let ids = router.objects();
        let Some(written) = ids.first() else { return Ok(()) };
        let down = change.way.is_down();
        let mut objects: Vec<Option<Arc<Value>>> = Vec::with_capacity(ids.len());
        for id in &ids {
            objects.push(match self.object(id).seen() {
                Some(object) => Some(object),
                // What lowers waits for no cache.
                None if down => self.read_one(id, down).await?,
                None => None,
            });
        }
        for attempt in 1..=INSIST {
            let write = router.write(&objects, change).map_err(|fault| CallError::Unmakeable(fault.to_string()))?;
            let Some(write) = write else { return Ok(()) };
            let _turn = if down { Some(self.limiter.first(written.key.namespace()).await) } else { None };
            match self.answer(self.call_of(written, write, change), down).await {
                Ok(object) => {
                    self.take_in(written, &object);
                    return Ok(());
                }
                Err(CallError::Overtaken(_)) if down && attempt < INSIST => {}
                Err(error) if down && error.is_unanswered() && attempt < INSIST => {}
                Err(error) => return Err(error),
            }
            objects.clear();
            for id in &ids {
                objects.push(self.read_one(id, down).await?);
            }
        }
        Err(CallError::Overtaken(Object { name: name(written), path: self.path_of(written) }))
    }

    fn call_of(&self, id: &ObjectId, write: Write, change: &Move) -> Call {
        let (object, path) = (name(id), self.path_of(id));
        let what = format!("move {object} from weight {} to {}", change.from, change.to);
        match write {
            Write::Patch(body) => Call { what, verb: Verb::Patch, object, path, body: Value::Array(body) },
            Write::Create(body) => {
                let collection = path.rsplit_once('/').map_or(path.as_str(), |(collection, _)| collection).to_owned();
                Call { what: format!("create {object}"), verb: Verb::Create, object, path: collection, body }
            }
        }
    }

    /// Sends a call; what takes part in a lowering is not waited for as long as others.
    async fn answer(&self, call: Call, down: bool) -> Result<Value, CallError> {
        if down { self.api.value_within(PATIENCE, call).await } else { self.api.value(call).await }
    }

    async fn read_one(&self, id: &ObjectId, down: bool) -> Result<Option<Arc<Value>>, CallError> {
        match self.answer(self.reads(id), down).await {
            Ok(object) => {
                self.take_in(id, &object);
                Ok(Some(Arc::new(object)))
            }
            Err(error) if error.is_code(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn name(id: &ObjectId) -> String {
    format!("{} {}", id.kind.as_str(), id.key)
}
