//! Act: writes to the world. May write; never decides.
//!
//! Effects go out in order, each conditional on what was seen; the first failure stops the rest and the turn is
//! decided again from a fresh look. A lowering of traffic insists: it is tried again at once on what is there now.

mod manifests;
mod pods;
mod release;
mod replica_sets;
mod rollout;
mod runs;
mod services;
mod traffic;
mod workload;

use crate::api::CallError;
use crate::core::plan::{Effect, Plan};
use crate::observe::Observation;
use crate::runtime::projection::Projection;
use crate::runtime::store::Store;
use crate::world::World;

impl World {
    /// Carries out the effects of a plan in order.
    ///
    /// # Errors
    /// The first effect that could not be carried out; those after it were not tried.
    ///
    /// # Guarantees
    /// Nothing is retried blindly; only a lowering of traffic looks at the route again and goes on.
    pub async fn carry_out(&self, seen: &Observation, plan: &Plan) -> Result<(), CallError> {
        for effect in &plan.effects {
            let namespace = &seen.snapshot.id.namespace;
            let _turn = if effect.lowers() { None } else { Some(self.limiter.after(namespace).await) };
            self.carry_out_one(seen, effect).await?;
        }
        Ok(())
    }

    async fn carry_out_one(&self, seen: &Observation, effect: &Effect) -> Result<(), CallError> {
        match effect {
            Effect::CreateReplicaSet { replicas, revision } => self.create_rs(seen, *replicas, *revision).await,
            Effect::ScaleReplicaSet { name, from, to } => self.scale_rs(seen, name, (*from, *to)).await,
            Effect::SetDeadline { name, at } => self.set_deadline(seen, name, *at).await,
            Effect::Renumber { name, revision } => self.renumber(seen, name, *revision).await,
            Effect::Adopt { name } => self.adopt(seen, name).await,
            Effect::SetMinReadySeconds { name, seconds } => self.set_min_ready(seen, name, *seconds).await,
            Effect::SetRole { name, from, to } => self.set_role(seen, name, (from, to)).await,
            Effect::SetAntiAffinity { name, avoids } => self.set_anti_affinity(seen, name, avoids).await,
            Effect::Evict { pods } => self.evict(seen, pods).await,
            Effect::DeleteReplicaSet { name } => self.delete_rs(seen, name).await,
            Effect::AnnotateRevision { revision } => self.annotate_revision(seen, *revision).await,
            Effect::NoteWorkload { generation } => self.note_workload(seen, generation).await,
            Effect::ScaleWorkload { name, from, to } => self.scale_workload(seen, name, (*from, *to)).await,
            Effect::DefaultReplicas => self.default_replicas(seen).await,
            Effect::SwitchService { service, from, to } => self.switch(seen, service, from.as_deref(), to).await,
            Effect::SetSubsets { canary, stable } => self.set_subsets(seen, canary, stable).await,
            Effect::Move(change) => self.move_traffic(seen, change).await,
            Effect::Release(left) => self.release(&seen.rollout(), left).await,
            Effect::CreateRun { name, step } => self.create_run(seen, name, *step).await,
            Effect::TerminateRun { name } => self.terminate_run(seen, name).await,
            Effect::DeleteRun { name } => self.delete_run(seen, name).await,
        }
    }
}

/// Takes the answer to our own write into a cache, so that the next look shows it.
fn keep<K: Projection>(store: &Store<K>, object: K) {
    // What kind of news it was matters to nobody here: it is our own.
    let _ = store.observe_own_write(object);
}
