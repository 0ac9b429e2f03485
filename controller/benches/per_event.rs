//! What runs for each event of a watch and each write of ours: what it costs, and how much more among ten thousand objects
//! than among ten. Prints the ratios at the end; a ratio that grows with the number of objects is a fault.
//!
//! ```text
//! cargo bench -p serin-controller --bench per_event
//! ```
#![allow(missing_docs, clippy::expect_used, reason = "a bench has no callers, and ends where something is wrong")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::Criterion;
use serde_json::{Value, json};
use serin_controller::runtime::clock::{Clock, later};
use serin_controller::runtime::key::Key;
use serin_controller::runtime::metrics::Registry;
use serin_controller::runtime::projection::{IndexKey, Projection, ReplicaSetRow, RolloutRow};
use serin_controller::runtime::queue::{After, Limits, Queue, run};
use serin_controller::runtime::store::Store;
use serin_controller::world::Stores;

/// Among how many objects each thing is measured.
const AMONG: [u64; 2] = [10, 10_000];

/// Nanoseconds an operation, by what is measured and among how many.
#[derive(Default)]
struct Costs(RefCell<BTreeMap<(String, u64), f64>>);

impl Costs {
    /// Measures one operation among so many objects.
    fn measure(&self, criterion: &mut Criterion, (name, among): (&str, u64), mut once: impl FnMut()) {
        criterion.bench_function(&format!("{name} among {among}"), |bencher| {
            bencher.iter_custom(|times| {
                let began = Instant::now();
                for _ in 0..times {
                    once();
                }
                let took = began.elapsed();
                self.note((name, among), took, times);
                took
            });
        });
    }

    /// The last and longest measurement stands.
    #[allow(clippy::cast_precision_loss, reason = "a figure")]
    fn note(&self, (name, among): (&str, u64), took: Duration, times: u64) {
        let nanos = took.as_nanos() as f64 / times as f64;
        self.0.borrow_mut().insert((name.to_owned(), among), nanos);
    }

    fn print(&self) {
        let costs = self.0.borrow();
        println!("\n{:<40} {:>12} {:>12} {:>7}", "an operation", "among 10", "among 10000", "ratio");
        let [few, many] = AMONG;
        for ((name, _), small) in costs.iter().filter(|((_, among), _)| *among == few) {
            let Some(large) = costs.get(&(name.clone(), many)) else { continue };
            println!("{name:<40} {:>9.2} us {:>9.2} us {:>6.2}x", small / 1e3, large / 1e3, large / small);
        }
        for ((name, _), nanos) in costs.iter().filter(|((_, among), _)| *among == 1) {
            println!("{name:<40} {:>9.2} us", nanos / 1e3);
        }
    }
}

/// A `ReplicaSet` as an API server sends it: some 49 kB, nearly all of it template and managed fields.
fn replica_set() -> String {
    let variables: Vec<Value> =
        (0..300).map(|n| json!({"name": format!("SETTING_{n}"), "value": "v".repeat(40)})).collect();
    let fields: BTreeMap<String, Value> = (0..300)
        .map(|n| (format!("k:{{\"name\":\"SETTING_{n}\"}}"), json!({".": {}, "f:name": {}, "f:value": {}})))
        .collect();
    let object = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "namespace": "shop", "name": "web-5d4f", "uid": "rs-1", "resourceVersion": "41", "generation": 3,
            "labels": {"rollouts-pod-template-hash": "5d4f"}, "annotations": {"rollout.argoproj.io/revision": "7"},
            "ownerReferences": [{"kind": "Rollout", "name": "web", "uid": "u-1", "controller": true}],
            "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {"f:template": {"f:spec": fields}}}}],
        },
        "spec": {"replicas": 4, "template": {"spec": {"containers": [{"name": "c", "env": variables}]}}},
        "status": {"replicas": 4, "readyReplicas": 3, "availableReplicas": 2, "observedGeneration": 3},
    });
    object.to_string()
}

fn rollout() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"namespace": "shop", "name": "web", "uid": "u-1", "resourceVersion": "5"},
        "spec": {
            "replicas": 10,
            "template": {"spec": {"containers": [{"name": "c", "image": "shop:v2", "env": [{"name": "A", "value": "b"}]}]}},
            "strategy": {"canary": {
                "canaryService": "web-canary", "stableService": "web-stable",
                "trafficRouting": {"istio": {"virtualService": {"name": "web"}}},
                "analysis": {"templates": [{"templateName": "shared"}]},
                "steps": [{"setWeight": 20}, {"pause": {"duration": "1m"}}, {"setWeight": 50}, {"pause": {}}],
            }},
        },
        "status": {"replicas": 10, "conditions": [{"type": "Progressing", "status": "True", "reason": "RolloutPaused"}]},
    })
}

/// A store that holds so many objects like this one besides it.
fn filled<K: Projection>(store: &Store<K>, like: &K, among: u64) {
    for nth in 0..among {
        let mut other = like.clone();
        other.meta_mut().key = Key::new("shop", &format!("web-{nth}"));
        store.observe_own_write(other);
    }
}

fn next<K: Projection>(like: &K, version: &AtomicU64) -> K {
    let mut next = like.clone();
    next.meta_mut().version = version.fetch_add(1, Ordering::Relaxed).to_string().into();
    next
}

fn stores(criterion: &mut Criterion, costs: &Costs) {
    let set = ReplicaSetRow::project(&replica_set()).expect("a ReplicaSet");
    let row = RolloutRow::from_value(&rollout()).expect("a Rollout");
    let version = AtomicU64::new(1_000_000);
    for among in AMONG {
        let sets = Store::new(Clock::system());
        filled(&sets, &set, among);
        costs.measure(criterion, ("write of a ReplicaSet that shares owner", among), || {
            sets.observe_own_write(next(&set, &version));
        });
        let stores = Stores::new(&Clock::system());
        filled(&stores.rollouts, &row, among);
        costs.measure(criterion, ("write of a Rollout that shares template", among), || {
            stores.rollouts.observe_own_write(next(&row, &version));
        });
        costs.measure(criterion, ("look at a Rollout", among), || {
            black_box(stores.rollouts.get(row.key()));
        });
        let template = Key::new("shop", "shared");
        costs.measure(criterion, ("whether a template is named", among), || {
            black_box(stores.is_named("AnalysisTemplate", &template));
        });
        let nobody = IndexKey::reference("VirtualService", &Key::new("shop", "other"));
        costs.measure(criterion, ("whom a route that nobody names wakes", among), || {
            black_box(stores.rollouts.keys_by_index(&nobody));
        });
    }
}

fn projections(criterion: &mut Criterion, costs: &Costs) {
    let (set, rollout) = (replica_set(), rollout().to_string());
    println!("a ReplicaSet of {} kB, a Rollout of {} kB", set.len() / 1000, rollout.len() / 1000);
    costs.measure(criterion, ("projection of a ReplicaSet", 1), || {
        black_box(ReplicaSetRow::project(&set).expect("a ReplicaSet"));
    });
    costs.measure(criterion, ("projection of a Rollout", 1), || {
        black_box(RolloutRow::project(&rollout).expect("a Rollout"));
    });
}

/// Turns through a queue in which so many other keys sleep.
fn queues(criterion: &mut Criterion, costs: &Costs) {
    let name = "turn through the queue";
    for among in AMONG {
        criterion.bench_function(&format!("{name} among {among}"), |bencher| {
            bencher.iter_custom(|times| {
                let took = turns(among, times);
                costs.note((name, among), took, times);
                took
            });
        });
    }
}

fn turns(among: u64, times: u64) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let clock = Clock::system();
        let queue: Queue<Key> = Queue::new(clock.clone());
        for nth in 0..among {
            queue.add_at(&Key::new("shop", &format!("web-{nth}")), later(clock.now(), Duration::from_secs(3600 + nth)));
        }
        let left = Arc::new(AtomicU64::new(times));
        // Held here, so that the end of the queue is not measured.
        let (adding, _held, web) = (queue.clone(), queue.clone(), Key::new("shop", "web"));
        adding.add(web.clone());
        let began = Instant::now();
        run(queue, Limits::default(), move |_, _| {
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                adding.close();
            } else {
                adding.add(web.clone());
            }
            async { After::Rest }
        })
        .await;
        began.elapsed()
    })
}

/// Counting something of one Rollout among the series of so many.
fn meters(criterion: &mut Criterion, costs: &Costs) {
    for among in AMONG {
        let registry = Registry::new(Clock::system());
        let named = serin_controller::runtime::metrics::Named::new("things_total", "Things.");
        let counter = registry.counter(named, &["namespace", "name"]);
        for nth in 0..among {
            counter.inc(&["shop", &format!("web-{nth}")]);
        }
        costs.measure(criterion, ("count of a Rollout", among), || counter.inc(&["shop", "web-7"]));
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700))
        .configure_from_args();
    let costs = Costs::default();
    stores(&mut criterion, &costs);
    projections(&mut criterion, &costs);
    queues(&mut criterion, &costs);
    meters(&mut criterion, &costs);
    costs.print();
}
