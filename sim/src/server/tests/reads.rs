//! Gets, lists, pages and selectors.

use serde_json::{Value, json};

use super::{MERGE, ROLLOUTS, expect, get, made, patch, rollout, server};
use crate::server::SimServer;

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

async fn three(server: &SimServer) {
    for (name, labels) in [("a", json!({"tier": "web"})), ("b", json!({"tier": "db", "big": "yes"})), ("c", json!({}))]
    {
        let mut object = rollout(name);
        object["metadata"]["labels"] = labels;
        made(server, ROLLOUTS, object).await;
    }
}

#[tokio::test(start_paused = true)]
async fn lists_are_chosen_by_labels_and_fields() {
    let server = server();
    three(&server).await;
    let check = async |query: &str, expect: &[&str]| {
        let list = get(&server, &format!("{ROLLOUTS}?{query}")).await.body;
        assert_eq!(names(&list), expect, "{query}");
    };
    check("", &["a", "b", "c"]).await;
    check("labelSelector=tier%3Dweb", &["a"]).await;
    check("labelSelector=tier%21%3Dweb", &["b", "c"]).await;
    check("labelSelector=tier+in+(web,db),big", &["b"]).await;
    check("labelSelector=tier+notin+(web)", &["b", "c"]).await;
    check("labelSelector=%21tier", &["c"]).await;
    check("fieldSelector=metadata.name%3Db", &["b"]).await;
    check("fieldSelector=metadata.namespace%3Dother", &[]).await;
    expect(&get(&server, &format!("{ROLLOUTS}?fieldSelector=spec.replicas%3D1")).await, 400, "BadRequest");
    let all = get(&server, "/apis/argoproj.io/v1alpha1/rollouts").await.body;
    assert_eq!((names(&all).len(), &all["kind"]), (3, &json!("RolloutList")));
}

#[tokio::test(start_paused = true)]
async fn pages_show_one_version_of_the_world() {
    let server = server();
    three(&server).await;
    let first = get(&server, &format!("{ROLLOUTS}?limit=2")).await.body;
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a", "b"], &json!(1)));
    made(&server, ROLLOUTS, rollout("d")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = get(&server, &format!("{ROLLOUTS}?limit=2&continue={token}")).await.body;
    assert_eq!(
        (names(&second), &second["metadata"]["resourceVersion"]),
        (vec!["c"], &first["metadata"]["resourceVersion"])
    );
    server.forget("rollouts");
    expect(&get(&server, &format!("{ROLLOUTS}?limit=2&continue={token}")).await, 410, "Expired");
}

#[tokio::test(start_paused = true)]
async fn old_versions_can_be_asked_for_exactly() {
    let server = server();
    let first = made(&server, ROLLOUTS, rollout("a")).await;
    let version = first["metadata"]["resourceVersion"].as_str().unwrap();
    patch(&server, &format!("{ROLLOUTS}/a"), MERGE, json!({"spec": {"replicas": 9}})).await;
    made(&server, ROLLOUTS, rollout("b")).await;
    let list = get(&server, &format!("{ROLLOUTS}?resourceVersion={version}&resourceVersionMatch=Exact")).await.body;
    assert_eq!(list["items"], json!([first]));
    expect(&get(&server, &format!("{ROLLOUTS}?resourceVersion=99999")).await, 504, "Timeout");
}

#[tokio::test(start_paused = true)]
async fn the_cache_may_lag_and_the_newest_state_never_does() {
    let server = server();
    server.faults().set_lag("rollouts", std::time::Duration::from_secs(10));
    made(&server, ROLLOUTS, rollout("a")).await;
    let count = async |query: &str| names(&get(&server, &format!("{ROLLOUTS}{query}")).await.body).len();
    assert_eq!((count("?resourceVersion=0").await, count("").await), (0, 1));
    assert_eq!(get(&server, &format!("{ROLLOUTS}/a?resourceVersion=0")).await.code, 404);
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    assert_eq!(count("?resourceVersion=0").await, 1);
}

#[tokio::test(start_paused = true)]
async fn items_of_the_servers_own_kinds_leave_their_type_to_the_list() {
    let server = server();
    let list = get(&server, "/api/v1/namespaces").await.body;
    assert_eq!((list["items"][0].get("kind"), list["items"].as_array().unwrap().len()), (None, 4));
    expect(&get(&server, &format!("{ROLLOUTS}/none")).await, 404, "NotFound");
    assert_eq!(get(&server, "/apis/argoproj.io/v1alpha1/namespaces/default/nonsense").await.body, Value::Null);
}
