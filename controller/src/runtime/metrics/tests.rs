use serde_json::{Value, json};

use super::super::projection::{AnalysisRunRow, ClusterTemplateRow, Projection, RolloutRow, TemplateRow};
use super::super::store::Store;
use super::family::MOST_SERIES;
use super::*;

fn registry() -> Registry {
    Registry::new(Clock::system())
}

fn lines(registry: &Registry, name: &str) -> Vec<String> {
    let text = registry.render();
    text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
}

const OBJECT: Labels = &["namespace", "name"];

#[tokio::test]
async fn a_counter_is_written_with_help_type_and_escaped_labels() {
    let registry = registry();
    let counter = registry.counter(Named::new("drift_total", "Help\nme."), &["namespace", "manager"]);
    counter.inc(&["shop", "a\"b\\c\nd"]);
    counter.inc(&["shop", "a\"b\\c\nd"]);
    counter.add(&["shop", "a\"b\\c\nd"], -5.0);
    let text = registry.render();
    let expect = "# HELP drift_total Help\\nme.\n# TYPE drift_total counter\n\
                  drift_total{namespace=\"shop\",manager=\"a\\\"b\\\\c\\nd\"} 2\n";
    assert!(text.starts_with(expect), "{text}");
}

#[tokio::test]
async fn a_histogram_counts_what_is_at_most_each_bound() {
    let registry = registry();
    let histogram = registry.histogram(Named::new("rollout_reconcile", "h"), OBJECT, &[0.01, 0.15, 1.0]);
    for seconds in [0.01, 0.02, 5.0] {
        histogram.observe(&["shop", "web"], seconds);
    }
    let expect = [
        r#"rollout_reconcile_bucket{namespace="shop",name="web",le="0.01"} 1"#,
        r#"rollout_reconcile_bucket{namespace="shop",name="web",le="0.15"} 2"#,
        r#"rollout_reconcile_bucket{namespace="shop",name="web",le="1"} 2"#,
        r#"rollout_reconcile_bucket{namespace="shop",name="web",le="+Inf"} 3"#,
        r#"rollout_reconcile_sum{namespace="shop",name="web"} 5.03"#,
        r#"rollout_reconcile_count{namespace="shop",name="web"} 3"#,
    ];
    assert_eq!(lines(&registry, "rollout_reconcile"), expect);
}

#[tokio::test]
async fn a_metric_without_labels_has_no_braces() {
    let registry = registry();
    registry.histogram(Named::new("abort", "h"), &[], &[1.0]).observe(&[], 0.5);
    registry.gauge(Named::new("up", "h"), &[]).set(&[], 1.5);
    assert_eq!(lines(&registry, "up"), ["up 1.5"]);
    let expect = ["abort_bucket{le=\"1\"} 1", "abort_bucket{le=\"+Inf\"} 1", "abort_sum 0.5", "abort_count 1"];
    assert_eq!(lines(&registry, "abort"), expect);
}

#[tokio::test(start_paused = true)]
async fn the_series_of_a_deleted_object_go_after_a_while_and_no_others() {
    let registry = registry();
    let counter = registry.counter(Named::new("c", "h"), OBJECT);
    let gauge = registry.gauge(Named::new("c_phase", "h"), &["namespace", "name", "phase"]);
    let other = registry.counter(Named::new("d", "h"), OBJECT);
    other.inc(&["shop", "web"]);
    counter.inc(&["shop", "web"]);
    counter.inc(&["shop", "web2"]);
    gauge.set(&["shop", "web", "x"], 1.0);
    registry.depart("c", &Key::new("shop", "web"));
    registry.depart("c", &Key::new("shop", "web2"));
    registry.return_of("c", &Key::new("shop", "web2"));
    assert_eq!(lines(&registry, "c{").len(), 2);
    tokio::time::advance(AFTERLIFE).await;
    assert_eq!(lines(&registry, "c{"), [r#"c{namespace="shop",name="web2"} 1"#]);
    assert_eq!(lines(&registry, "c_phase{"), Vec::<String>::new());
    assert_eq!(lines(&registry, "d{").len(), 1, "an object of another kind has the same name");
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_of_objects_that_are_gone_is_bounded_though_nobody_scrapes() {
    let registry = registry();
    let counter = registry.counter(Named::new("c", "h"), OBJECT);
    for n in 0..1000 {
        let name = n.to_string();
        registry.depart("c", &Key::new("shop", "never-counted"));
        counter.inc(&["shop", &name]);
        registry.depart("c", &Key::new("shop", &name));
        registry.depart("c", &Key::new("shop", &name));
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let remembered = registry.departed();
    assert!((60..=66).contains(&remembered), "{remembered}");
    let series = lines(&registry, "c{").len();
    assert!((60..=66).contains(&series), "{series}");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_comes_back_and_goes_again_is_kept_for_the_whole_while() {
    let registry = registry();
    let counter = registry.counter(Named::new("c", "h"), OBJECT);
    let web = Key::new("shop", "web");
    counter.inc(&["shop", "web"]);
    registry.depart("c", &web);
    tokio::time::advance(AFTERLIFE / 2).await;
    registry.return_of("c", &web);
    registry.depart("c", &web);
    tokio::time::advance(AFTERLIFE / 2).await;
    assert_eq!(lines(&registry, "c{").len(), 1);
    tokio::time::advance(AFTERLIFE / 2).await;
    assert_eq!(lines(&registry, "c{").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_has_ended_is_shown_for_an_hour_and_no_longer_once_it_is_gone() {
    let registry = registry();
    let counter = registry.counter(Named::new("c", "h"), OBJECT);
    for name in ["a", "b"] {
        counter.inc(&["shop", name]);
        registry.end("c", &Key::new("shop", name));
    }
    registry.depart("c", &Key::new("shop", "a"));
    registry.end("c", &Key::new("shop", "a"));
    tokio::time::advance(AFTERLIFE).await;
    assert_eq!(lines(&registry, "c{"), [r#"c{namespace="shop",name="b"} 1"#]);
    tokio::time::advance(ENDED).await;
    assert_eq!(lines(&registry, "c{").len(), 0);
}

#[tokio::test]
async fn a_metric_has_a_bounded_number_of_series_and_counts_what_it_drops() {
    let registry = registry();
    let counter = registry.counter(Named::new("c", "h"), &["name"]);
    for n in 0..MOST_SERIES + 7 {
        counter.inc(&[&n.to_string()]);
    }
    assert_eq!(lines(&registry, "c{").len(), MOST_SERIES);
    assert_eq!(lines(&registry, DROPPED), [format!("{DROPPED} 7")]);
}

#[tokio::test]
async fn a_scrape_of_ten_thousand_objects_comes_in_small_slices_that_hold_no_lock() {
    let registry = registry();
    let histogram = registry.histogram(Named::new("h", "h"), OBJECT, &[0.01, 0.1, 1.0]);
    let rollouts = Store::new(Clock::system());
    let mut row = RolloutRow::from_value(&rollout(&json!({"canary": {}}), &json!([]))).unwrap();
    for n in 0..10_000 {
        let name = format!("web-{n:05}");
        histogram.observe(&["shop", &name], 1.0);
        row.meta.key = Key::new("shop", &name);
        rollouts.observe_own_write(row.clone());
    }
    let [runs, templates, cluster_templates] = [(); 3].map(|()| Clock::system());
    let (runs, templates) = (Store::new(runs), Store::new(templates));
    objects::show_objects(&registry, rollouts, runs, templates, Store::new(cluster_templates));
    let (mut lines, mut largest) = (0, 0);
    for slice in registry.slices() {
        // Whoever counts something new in between waits for nobody.
        histogram.observe(&["aaa", &lines.to_string()], 1.0);
        let text = slice.into_text();
        largest = largest.max(text.lines().count());
        lines += text.lines().filter(|line| !line.starts_with('#')).count();
    }
    assert!(lines > 10_000 * (6 + 1 + 4 + 6), "{lines}");
    assert!(largest <= SLICE * 10, "{largest} lines");
}

fn shown(rollout: &Value, run: &Value) -> Registry {
    fn store<K: Projection>(object: &Value) -> Arc<Store<K>> {
        let store = Store::new(Clock::system());
        store.observe_own_write(K::from_value(object).unwrap());
        store
    }
    let template = json!({
        "metadata": {"name": "slo", "resourceVersion": "1"},
        "spec": {"metrics": [{"name": "m", "provider": {"newRelic": {}}}]}
    });
    let registry = registry();
    objects::show_objects(
        &registry,
        store::<RolloutRow>(rollout),
        store::<AnalysisRunRow>(run),
        Store::<TemplateRow>::new(Clock::system()),
        store::<ClusterTemplateRow>(&template),
    );
    registry
}

fn rollout(strategy: &Value, conditions: &Value) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": "web", "resourceVersion": "1"},
        "spec": {"replicas": 10, "strategy": strategy},
        "status": {"replicas": 12, "availableReplicas": 9, "updatedReplicas": 2, "conditions": conditions}
    })
}

fn run() -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": "run", "resourceVersion": "1"},
        "spec": {"metrics": [{"name": "errors", "provider": {"prometheus": {"query": "up"}}}]},
        "status": {"phase": "Running", "metricResults": [{"name": "errors", "phase": "Failed", "dryRun": true}]}
    })
}

#[tokio::test]
async fn a_rollout_shows_its_info_and_its_pods() {
    let strategy = json!({"canary": {"trafficRouting": {"istio": {}, "nginx": null}}});
    let registry = shown(&rollout(&strategy, &json!([{"type": "Progressing", "reason": "RolloutPaused"}])), &run());
    let expect = [
        r#"rollout_info{namespace="shop",name="web",strategy="canary",traffic_router="Istio",phase="Paused"} 1"#,
        r#"rollout_info_replicas_available{namespace="shop",name="web"} 9"#,
        r#"rollout_info_replicas_unavailable{namespace="shop",name="web"} 3"#,
        r#"rollout_info_replicas_desired{namespace="shop",name="web"} 10"#,
        r#"rollout_info_replicas_updated{namespace="shop",name="web"} 2"#,
    ];
    assert_eq!(lines(&registry, "rollout_info"), expect);
    let phases = lines(&registry, "rollout_phase");
    assert_eq!((phases.len(), phases.iter().filter(|line| line.ends_with(" 1")).count()), (6, 1));
}

#[tokio::test]
async fn the_phase_follows_the_progressing_condition_unless_the_spec_is_invalid() {
    let check = |conditions: Value, expect: &str| {
        let registry = shown(&rollout(&json!({"blueGreen": {}}), &conditions), &run());
        let line = lines(&registry, "rollout_info{").remove(0);
        assert!(line.contains(&format!("phase=\"{expect}\"")) && line.contains("strategy=\"blueGreen\""), "{line}");
    };
    let progressing = |reason: &str| json!({"type": "Progressing", "reason": reason});
    check(json!([]), "Progressing");
    check(json!([progressing("NewReplicaSetAvailable")]), "Completed");
    check(json!([progressing("ProgressDeadlineExceeded")]), "Timeout");
    check(json!([progressing("ReplicaSetCreateError")]), "Error");
    check(json!([progressing("RolloutAborted")]), "Abort");
    check(json!([progressing("RolloutAborted"), {"type": "InvalidSpec"}]), "InvalidSpec");
}

#[tokio::test]
async fn runs_and_templates_show_their_metrics_with_their_providers() {
    let registry = shown(&rollout(&json!({}), &json!([])), &run());
    let info = r#"analysis_run_info{namespace="shop",name="run",phase="Running"} 1"#;
    assert_eq!(lines(&registry, "analysis_run_info"), [info]);
    let metric = r#"analysis_run_metric_type{namespace="shop",name="run",metric="errors",type="Prometheus"} 1"#;
    assert_eq!(lines(&registry, "analysis_run_metric_type"), [metric]);
    let failed = lines(&registry, "analysis_run_metric_phase").into_iter().find(|line| line.ends_with(" 1")).unwrap();
    assert!(failed.contains(r#"dry_run="true",phase="Failed""#), "{failed}");
    let template = r#"analysis_template_metric_info{namespace="",name="slo",metric="m",type="NewRelic"} 1"#;
    assert_eq!(lines(&registry, "analysis_template_metric_info"), [template]);
}

#[tokio::test]
async fn turns_of_a_queue_are_counted_with_those_that_failed() {
    use super::super::queue::{After, Limits, Queue, run};
    let registry = registry();
    let turns = standard::Standard::new(&registry).rollouts;
    let queue = Queue::observed(Clock::system(), move |key: &Key, took, ended| turns.observe(key, took, ended));
    queue.add(Key::new("shop", "web"));
    let (seen, closing) = (Arc::new(AtomicU64::new(0)), queue.clone());
    run(queue, Limits::default(), move |_, _| {
        let nth = seen.fetch_add(1, Ordering::SeqCst);
        if nth == 1 {
            closing.close();
        }
        async move { if nth == 0 { After::Retry("seeded".into()) } else { After::Rest } }
    })
    .await;
    let labels = r#"{namespace="shop",name="web"}"#;
    assert_eq!(lines(&registry, "rollout_reconcile_count"), [format!("rollout_reconcile_count{labels} 2")]);
    assert_eq!(lines(&registry, "rollout_reconcile_error"), [format!("rollout_reconcile_error{labels} 1")]);
}

#[tokio::test]
async fn the_runtime_shows_version_process_stores_and_queues() {
    let registry = registry();
    let store: Arc<Store<RolloutRow>> = Store::new(Clock::system());
    standard::show_runtime(&registry, "1.2.3", vec![store]);
    standard::show_queues(&registry, vec![("rollouts", super::super::queue::Queue::<u8>::new(Clock::system()))]);
    standard::Standard::new(&registry).drift.inc(&["shop", "web", "argocd"]);
    assert_eq!(
        lines(&registry, "argo_rollouts_controller_info"),
        [r#"argo_rollouts_controller_info{version="1.2.3"} 1"#]
    );
    assert_eq!(
        lines(&registry, "serin_watch_following"),
        [r#"serin_watch_following{resource="rollouts.argoproj.io"} 0"#]
    );
    assert_eq!(lines(&registry, "workqueue_depth"), [r#"workqueue_depth{name="rollouts"} 0"#]);
    assert_eq!(lines(&registry, "rollout_traffic_drift_total").len(), 1);
    assert_eq!(lines(&registry, "process_start_time_seconds").len(), 1);
}
