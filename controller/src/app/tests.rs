use std::collections::BTreeSet;
use std::sync::Mutex;

use http_body_util::Full;
use serde_json::{Value, json};
use serin_analysis::provider::prometheus::PrometheusOptions;
use serin_analysis::provider::{HttpFetch, HttpOptions, Providers};

use super::*;
use crate::runtime::clock::Clock;
use crate::runtime::gate::WriteGate;

/// An app over an API server that holds nothing but these Rollouts; and the kinds that were listed.
fn app(settings: Settings, rollouts: &Value) -> (App, Arc<Mutex<BTreeSet<String>>>) {
    let listed = Arc::<Mutex<BTreeSet<String>>>::default();
    let (log, rollouts) = (listed.clone(), rollouts.clone());
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let watches = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let kind = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let items = if kind == "rollouts" { rollouts.clone() } else { json!([]) };
        log.lock().unwrap().insert(kind);
        async move {
            if watches {
                std::future::pending::<()>().await;
            }
            let body = json!({"metadata": {"resourceVersion": "1"}, "items": items}).to_string();
            Ok::<_, tower::BoxError>(http::Response::new(Full::<bytes::Bytes>::from(body)))
        }
    });
    let clock = Clock::system();
    let fetch = HttpFetch::new(HttpOptions::default());
    let providers = Arc::new(Providers::new(Arc::new(fetch), PrometheusOptions::default()));
    let client = kube::Client::new(service, "default");
    let parts = Parts::new(client, clock.clone(), providers, WriteGate::always_open(clock));
    (App::start(Parts { settings, ..parts }), listed)
}

#[tokio::test(start_paused = true)]
async fn an_app_that_only_carries_out_analyses_watches_nothing_else_and_is_ready() {
    let (app, listed) = app(Settings { only_analyses: true, ..Settings::default() }, &json!([]));
    app.settled().await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(listed.lock().unwrap().iter().collect::<Vec<_>>(), ["analysisruns"]);
    let needed = app.needed().into_iter().filter(|(_, needed)| *needed);
    assert_eq!(needed.map(|(store, _)| store.resource()).collect::<Vec<_>>(), ["analysisruns.argoproj.io"]);
    app.queue.add(Key::new("shop", "web"));
    let ended = tokio::time::timeout(std::time::Duration::from_secs(1), app.work()).await;
    assert!(ended.is_err() && app.queue.report().running == 0);
    app.queue.close();
    app.work().await;
}

#[tokio::test(start_paused = true)]
async fn an_app_follows_every_kind_that_rules_read_and_workloads_once_a_rollout_refers_to_one() {
    let kinds = async |rollouts: Value| {
        let (app, listed) = app(Settings::default(), &rollouts);
        app.settled().await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let kinds = listed.lock().unwrap().clone();
        (kinds, app.needed().len())
    };
    let (before, needed) = kinds(json!([])).await;
    assert_eq!(before.len(), needed - 2, "{before:?}");
    let referring = json!([{
        "metadata": {"namespace": "shop", "name": "web", "uid": "u", "resourceVersion": "1"},
        "spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
    }]);
    let (after, _) = kinds(referring).await;
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), ["deployments"]);
}
