//! What a scenario leaves on the pods themselves, which its end does not say.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use serde_json::Value;
use serin_sim::{play, scenario};

/// The pods that a scenario leaves.
fn left(name: &str) -> Vec<Arc<Value>> {
    let scenario = scenario::shipped(name).unwrap();
    let pods = play::in_virtual_time(async {
        let mut world = play::world()?;
        let played = scenario::play(&scenario, &mut world, &mut |_| {}).await?;
        assert!(played.passed(), "{}", played.report());
        Ok(world.server.as_user("test").list("pods", scenario::NAMESPACE))
    });
    pods.unwrap()
}

#[test]
fn pods_that_ran_as_canary_have_the_labels_of_the_stable_side_after_the_promotion() {
    let pods = left("role-labels");
    assert_eq!(pods.len(), 10);
    for pod in pods {
        assert_eq!(pod.pointer("/metadata/labels/role"), Some(&Value::from("stable")), "{pod:#}");
        assert_eq!(pod.pointer("/metadata/annotations/example.com~1scrape-interval"), None, "{pod:#}");
    }
}

#[test]
fn a_restart_leaves_no_pod_that_is_older() {
    for pod in left("restart") {
        let created = pod.pointer("/metadata/creationTimestamp").and_then(Value::as_str).unwrap();
        assert!(created > "2026-01-01T00:01:00Z", "{pod:#}");
    }
}
