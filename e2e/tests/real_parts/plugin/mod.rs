//! The plugin of Argo Rollouts, as people have it, works on Serin: what it prints, and what follows in the cluster.

use std::time::Duration;

use serde_json::json;
use serin_e2e::{
    runner::{Fault, Trial},
    world::{Behaviour, Ready},
};

mod session;

use session::{ROLLOUT, ROUTE, Session};

const IMAGE: &str = "/spec/template/spec/containers/0/image";
const REVISION: &str = "/metadata/annotations/rollout.argoproj.io~1revision";
const STABLE_WEIGHT: &str = "/spec/http/0/route/0/weight";
const CANARY_WEIGHT: &str = "/spec/http/0/route/1/weight";
const PAUSE: &str = "/status/pauseConditions/0/reason";

/// The trials with the plugin.
pub fn trials() -> [Trial; 2] {
    let limit = Duration::from_secs(300);
    [
        Trial::new("the plugin walks through a canary rollout", walk).within(limit).beside_others(),
        Trial::new("the plugin shows what analysis found", analysis).within(limit).beside_others(),
    ]
}

/// The view of this name in the file of views.
fn view(name: &str) -> Result<&'static str, Fault> {
    let mut views = include_str!("views.txt").split("## ").skip(1);
    let found = views.find_map(|view| view.strip_prefix(name)?.strip_prefix('\n'));
    found.ok_or_else(|| format!("there is no view {name:?}").into())
}

impl Session {
    /// `get rollout` shows the view of this name.
    async fn sees(&self, name: &str) -> Result<(), Fault> {
        self.shows(name, view(name)?).await
    }

    /// The route has this weight for the canary.
    async fn weight(&self, canary: u32) -> Result<(), Fault> {
        self.has(ROUTE, &[(STABLE_WEIGHT, json!(100 - canary)), (CANARY_WEIGHT, json!(canary))]).await
    }

    /// Paused in the step of this index, with this weight.
    async fn paused_at(&self, index: u32, weight: u32) -> Result<(), Fault> {
        let step = ("/status/currentStepIndex", json!(index));
        self.has(ROLLOUT, &[(PAUSE, json!("CanaryPauseStep")), step, ("/status/phase", json!("Paused"))]).await?;
        self.weight(weight).await
    }

    /// Healthy with this image, in this revision, and nothing left of the update.
    async fn healthy_with(&self, image: &str, revision: &str) -> Result<(), Fault> {
        let object = self.world.get(ROLLOUT).await?;
        let hash = object.pointer("/status/currentPodHash").cloned().unwrap_or_default();
        let wanted = [
            (IMAGE, json!(image)),
            (REVISION, json!(revision)),
            ("/status/phase", json!("Healthy")),
            ("/status/stableRS", hash),
            ("/status/pauseConditions", json!(false)),
            ("/status/promoteFull", json!(false)),
            ("/status/abort", json!(false)),
        ];
        self.has(ROLLOUT, &wanted).await?;
        self.weight(0).await
    }
}

async fn walk() -> Result<(), Fault> {
    let mut person = Session::open(&json!({})).await?;
    person.does("status web --timeout 60s", "Healthy\n").await?;
    person.sees("the first version is healthy").await?;
    person.healthy_with("web:v1", "1").await?;

    held_by_hand(&person).await?;
    by_steps(&person).await?;
    taken_back(&person).await?;
    promoted_in_full(&person).await?;
    undone(&person).await?;
    person.check()?;
    Ok(())
}

/// A release that a person holds before it begins.
async fn held_by_hand(person: &Session) -> Result<(), Fault> {
    person.does("pause web", "rollout 'web' paused\n").await?;
    person.has(ROLLOUT, &[("/spec/paused", json!(true)), ("/status/phase", json!("Paused"))]).await?;
    person.does("set image web web=web:v2", "rollout \"web\" image updated\n").await?;
    person.has(ROLLOUT, &[(IMAGE, json!("web:v2")), (REVISION, json!("2"))]).await?;
    person.sees("held before it begins").await?;
    person.does("status web --watch=false", "Paused - manually paused\n").await?;
    person.weight(0).await
}

async fn by_steps(person: &Session) -> Result<(), Fault> {
    person.does("promote web", "rollout 'web' promoted\n").await?;
    person.has(ROLLOUT, &[("/spec/paused", json!(false))]).await?;
    person.paused_at(1, 25).await?;
    person.sees("paused at 25").await?;
    person.lists("web Canary Paused 1/4 25 5/5 4 1 5").await?;
    person.does("status web --watch=false", "Paused - CanaryPauseStep\n").await?;
    let late = "Rollout status watch exceeded timeout";
    person.types("status web --timeout 2s", 1, "Paused - CanaryPauseStep\n", late).await?;

    person.does("promote web", "rollout 'web' promoted\n").await?;
    person.paused_at(3, 50).await?;
    person.sees("paused at 50").await
}

async fn taken_back(person: &Session) -> Result<(), Fault> {
    person.does("abort web", "rollout 'web' aborted\n").await?;
    let reason = "RolloutAborted: Rollout aborted update to revision 2";
    let aborted = [("/status/abort", json!(true)), ("/status/message", json!(reason)), (PAUSE, json!(false))];
    person.has(ROLLOUT, &aborted).await?;
    person.weight(0).await?;
    person.sees("aborted").await?;
    person.hears("RolloutAborted", "Rollout aborted update to revision 2").await?;
    person.hears("TrafficWeightUpdated", "Traffic weight updated from 50 to 0").await?;
    let complaint = format!("The rollout is in a degraded state with message: {reason}");
    person.types("status web --watch=false", 1, "Degraded\n", &complaint).await?;
    person.types("status web --timeout 30s", 1, &format!("Degraded - {reason}\n"), &complaint).await?;
    person.sees("aborted, and its pods are gone").await?;

    person.does("retry rollout web", "rollout 'web' retried\n").await?;
    person.paused_at(1, 25).await?;
    person.has(ROLLOUT, &[("/status/abort", json!(false)), (REVISION, json!("2"))]).await?;
    person.sees("paused at 25").await
}

async fn promoted_in_full(person: &Session) -> Result<(), Fault> {
    person.does("promote web --full", "rollout 'web' fully promoted\n").await?;
    person.does("status web --timeout 60s", "Healthy\n").await?;
    person.healthy_with("web:v2", "2").await?;
    person.sees("the second version is stable, the first still there").await?;
    person.sees("the second version is stable").await
}

async fn undone(person: &Session) -> Result<(), Fault> {
    person.does("undo web", "rollout 'web' undo\n").await?;
    person.has(ROLLOUT, &[(IMAGE, json!("web:v1")), (REVISION, json!("3"))]).await?;
    person.paused_at(1, 25).await?;
    person.sees("the first version comes back as revision 3").await?;
    person.does("promote web --full", "rollout 'web' fully promoted\n").await?;
    person.does("status web --timeout 60s", "Healthy\n").await?;
    person.healthy_with("web:v1", "3").await?;

    let unknown = "unable to find specified revision 99 in history";
    person.types("undo web --to-revision=99", 1, "", unknown).await?;
    person.does("undo web --to-revision=2", "rollout 'web' undo\n").await?;
    person.has(ROLLOUT, &[(IMAGE, json!("web:v2")), (REVISION, json!("4"))]).await?;
    person.paused_at(1, 25).await?;
    // What is stable needs no steps.
    person.does("undo web", "rollout 'web' undo\n").await?;
    person.does("status web --timeout 60s", "Healthy\n").await?;
    person.healthy_with("web:v1", "5").await?;
    let sets = person.replica_sets().await?;
    if sets == 2 { Ok(()) } else { Err(format!("{sets} ReplicaSets for two versions").into()) }
}

async fn analysis() -> Result<(), Fault> {
    let steps = json!([
        {"setWeight": 25},
        {"analysis": {"templates": [{"templateName": "good"}]}},
        {"setWeight": 50},
        {"analysis": {"templates": [{"templateName": "bad"}]}},
    ]);
    let mut person = Session::open(&json!({"spec": {"strategy": {"canary": {"steps": steps}}}})).await?;
    person.does("status web --timeout 60s", "Healthy\n").await?;
    let never = Behaviour { ready: Ready::Never, ..Behaviour::default() };
    person.world.set_behaviour("web:v2", &never)?;
    person.does("set image web web=web:v2", "rollout \"web\" image updated\n").await?;
    // At once: what was Healthy before the change must not be taken for its end.
    let late = "Rollout status watch exceeded timeout";
    let waits = "Progressing - more replicas need to be updated\n";
    person.types("status web --timeout 5s", 1, waits, late).await?;
    person.sees("no pod is ready").await?;
    person.weight(0).await?;

    person.world.set_behaviour("web:v2", &Behaviour::default())?;
    let reason = "RolloutAborted: Rollout aborted update to revision 2: Step-based analysis phase error/failed: \
        Metric \"verdict\" assessed Failed due to failed (1) > failureLimit (0)";
    let complaint = format!("The rollout is in a degraded state with message: {reason}");
    let degraded = format!("Degraded - {reason}\n");
    person.types("status web --timeout 60s", 1, &degraded, &complaint).await?;
    person.has(ROLLOUT, &[("/status/abort", json!(true))]).await?;
    person.weight(0).await?;
    person.sees("judged and aborted").await?;

    person.does("retry rollout web", "rollout 'web' retried\n").await?;
    person.has(ROLLOUT, &[("/status/abort", json!(false))]).await?;
    person.types("status web --timeout 60s", 1, &degraded, &complaint).await?;
    person.sees("judged and aborted a second time").await?;
    person.check()?;
    Ok(())
}
