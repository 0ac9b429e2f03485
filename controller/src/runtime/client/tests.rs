use std::sync::{Arc, Mutex};

use http::Method;
use http_body_util::Full;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::super::clock::Clock;
use super::calls::Target;
use super::*;

#[test]
fn a_request_is_counted_by_what_it_is_about_and_never_by_name() {
    let check = |method: Method, path: &str, query: Option<&str>, kind: &str, verb: &'static str| {
        assert_eq!(Target::of(&method, path, query), Target { kind: kind.to_owned(), verb }, "{path}");
    };
    let rollouts = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts";
    check(Method::GET, rollouts, Some("limit=1"), "rollouts", "List");
    check(Method::GET, rollouts, Some("a=b&watch=true"), "rollouts", "Watch");
    check(Method::GET, &format!("{rollouts}/web"), None, "rollouts", "Get");
    check(Method::PATCH, &format!("{rollouts}/web/status"), None, "rollouts/status", "Patch");
    check(Method::DELETE, &format!("{rollouts}/web"), None, "rollouts", "Delete");
    check(Method::POST, "/api/v1/namespaces/shop/events", None, "events", "Create");
    check(Method::GET, "/api/v1/services", None, "services", "List");
    check(Method::GET, "/api/v1/namespaces/shop", None, "namespaces", "Get");
    check(Method::GET, "/version", None, "unknown", "List");
}

struct World {
    clients: Clients,
    registry: Registry,
    gate: WriteGate,
    sent: Arc<Mutex<Vec<String>>>,
}

/// Clients of an API server that answers all but paths with `hang`.
fn world() -> World {
    let sent: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = sent.clone();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        log.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
        let hangs = request.uri().path().contains("hang");
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            let body = json!({"metadata": {"name": "x"}, "items": []}).to_string();
            Ok::<_, tower::BoxError>(http::Response::new(Full::<bytes::Bytes>::from(body)))
        }
    });
    let clock = Clock::system();
    let (registry, gate) = (Registry::new(clock.clone()), WriteGate::closed(clock));
    let clients = wrap(&Client::new(service, "shop"), &registry, &gate);
    World { clients, registry, gate, sent }
}

impl World {
    fn services(&self) -> Api<Service> {
        Api::default_namespaced(self.clients.calls.clone())
    }

    fn counted(&self) -> Vec<String> {
        let text = self.registry.render();
        text.lines().filter(|line| line.starts_with("controller_clientset")).map(str::to_owned).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_reads_and_keeps_its_lease_but_writes_nothing_else() {
    let world = world();
    let services = world.services();
    services.list(&ListParams::default()).await.unwrap();
    let patch = Patch::Merge(json!({}));
    let held = services.patch("a", &PatchParams::default(), &patch).await.unwrap_err();
    assert!(is_not_leader(&held), "{held:?}");
    assert!(is_not_leader(&services.delete("a", &DeleteParams::default()).await.unwrap_err()));
    let leases: Api<Lease> = Api::default_namespaced(world.clients.calls.clone());
    leases.create(&PostParams::default(), &Lease::default()).await.unwrap();
    let sent = world.sent.lock().unwrap().clone();
    let leases = "POST /apis/coordination.k8s.io/v1/namespaces/shop/leases";
    assert_eq!(sent, ["GET /api/v1/namespaces/shop/services", leases]);
}

#[tokio::test(start_paused = true)]
async fn who_leads_writes_and_each_call_is_counted() {
    let world = world();
    world.gate.open_until(tokio::time::Instant::now() + Duration::from_secs(10));
    let patch = Patch::Merge(json!({}));
    for name in ["a", "b"] {
        world.services().patch(name, &PatchParams::default(), &patch).await.unwrap();
    }
    let expect = r#"controller_clientset_k8s_request_total{kind="services",verb="Patch",status_code="200"} 2"#;
    assert_eq!(world.counted(), [expect]);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(world.services().patch("a", &PatchParams::default(), &patch).await.is_err());
    assert!(world.counted().iter().any(|line| line.contains(r#"status_code="held"} 1"#)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_is_given_up() {
    let world = world();
    let began = tokio::time::Instant::now();
    let error = world.services().get("hang").await.unwrap_err();
    assert!(is_timeout(&error) && !is_not_leader(&error), "{error:?}");
    assert_eq!(began.elapsed(), CALL_DEADLINE);
    assert!(world.counted().iter().any(|line| line.contains(r#"status_code="timeout"} 1"#)));
}

#[tokio::test]
async fn the_client_for_calls_has_no_hidden_retries_and_says_who_it_is() {
    let config = Config::new("https://127.0.0.1:1".parse().unwrap());
    let calling = tune(&config, Some(CALL_DEADLINE));
    assert!(!calling.default_retry && calling.reset_reader_on_write);
    assert_eq!(calling.read_timeout, Some(CALL_DEADLINE));
    assert_eq!(tune(&config, None).read_timeout, None);
    let agent = calling.headers.iter().find(|(name, _)| name == USER_AGENT).unwrap();
    assert!(agent.1.to_str().unwrap().starts_with("serin-controller/"));
    let clock = Clock::system();
    let clients = connect(&config, &Proxies::default(), &Registry::new(clock.clone()), &WriteGate::closed(clock));
    assert_eq!(clients.map(|clients| clients.default_namespace).unwrap(), "default");
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_named() {
    let reach = Reach { kubeconfig: Some("/nowhere/config".to_owned()), ..Reach::default() };
    let error = find_cluster(&reach).await.unwrap_err();
    let text = super::super::watch::chain(&error);
    assert!(text.starts_with("cannot use the kubeconfig: ") && text.contains("/nowhere/config"), "{text}");
}
