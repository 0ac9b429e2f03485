//! What people do by hand in a simulated world.

use std::sync::{Arc, Mutex};

use http::Request;
use jiff::SignedDuration;
use serde_json::Value;
use serin_sim::cluster::{CONTROLLER, SimWorld, call_record, write_record};
use serin_sim::invariants::Checker;
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

/// Checks the promises in a world that no scenario plays in.
pub struct Judge(Arc<Mutex<Checker>>);

impl Judge {
    /// Begins to look at every write and every call.
    pub fn of(world: &SimWorld) -> Self {
        let checker = Arc::new(Mutex::new(Checker::new(CONTROLLER)));
        let (writes, calls) = (Arc::clone(&checker), Arc::clone(&checker));
        world.server.on_write(Box::new(move |write| writes.lock().unwrap().see(&write_record(write))));
        world.server.on_call(move |call, code| {
            if call.user == CONTROLLER {
                calls.lock().unwrap().hear(&call_record(call, code));
            }
        });
        Self(checker)
    }

    /// Lets what is under way end, then time pass in which nothing may happen any more, and asks for every promise.
    pub async fn nothing_was_broken(&self, world: &mut SimWorld) {
        seconds(world, 60).await;
        self.0.lock().unwrap().rest(world.now());
        seconds(world, 300).await;
        let mut checker = self.0.lock().unwrap();
        checker.at_rest(world.now());
        checker.over_time(world.now());
        let broken: Vec<_> = checker.violations().iter().map(ToString::to_string).collect();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}
