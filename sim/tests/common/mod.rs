//! What people do by hand in a simulated world.

use http::Request;
use jiff::SignedDuration;
use serde_json::Value;
use serin_sim::cluster::SimWorld;
use serin_sim::scenario::World;

/// Where Rollouts live.
pub const ROLLOUTS: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts";
/// Where `AnalysisTemplate`s live.
pub const TEMPLATES: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/analysistemplates";

/// A person's call, which has to succeed; a patch is a merge patch.
pub async fn send(world: &SimWorld, method: &str, path: &str, body: &Value) -> Value {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = Request::builder().method(method).uri(path).header("content-type", kind).body(body).unwrap();
    world.client("person").unwrap().request(request).await.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lets seconds pass.
pub async fn seconds(world: &mut SimWorld, number: i64) {
    let until = world.now() + SignedDuration::from_secs(number);
    world.wait_until(until).await.unwrap();
}
