//! The figures: what one canary costs, how fast an abort is, what idle Rollouts hold. Counted in the audit log.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a figure that cannot be taken ends the run")]

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use serin_e2e::runner::{self, Trial};
use serin_e2e::world::{Controller, ControllerPlan, Options, Record, User, World, eventually};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Where the stand-in for Prometheus listens, inside the namespace of the trial.
const JUDGE: &str = "127.0.0.1:19090";

fn main() -> ExitCode {
    let limit = Duration::from_secs(600);
    runner::main(&[
        Trial::new("the calls of one reference canary", canary).within(limit),
        Trial::new("one abort, and two hundred at once", aborts).within(limit),
        Trial::new("a thousand idle rollouts", idle).within(limit),
    ])
}

/// Answers queries; those that name a rollout in `bad` breach. Remembers when it first said so of each.
#[derive(Default)]
struct Judge {
    bad: Mutex<Vec<String>>,
    breached: Mutex<HashMap<String, Timestamp>>,
}

impl Judge {
    async fn listen(self: Arc<Self>) -> Outcome {
        let address: SocketAddr = JUDGE.parse()?;
        let listener = tokio::net::TcpListener::bind(address).await?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let judge = self.clone();
                let service = service_fn(move |request| {
                    let judge = judge.clone();
                    async move { Ok::<_, std::convert::Infallible>(judge.answer(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(())
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let asked = String::from_utf8_lossy(&body).into_owned();
        let bad = self.bad.lock().unwrap().iter().find(|name| asked.contains(name.as_str())).cloned();
        let value = if bad.is_some() { "1" } else { "0" };
        let text = json!({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [0, value]}]}});
        if let Some(name) = bad {
            self.breached.lock().unwrap().entry(name).or_insert_with(Timestamp::now);
        }
        Response::new(Full::new(Bytes::from(text.to_string())))
    }
}

/// Makes every `ReplicaSet` as big as it was asked to be, at once.
fn pods_at_once(world: &World) -> tokio::task::JoinHandle<()> {
    let client = world.client(User::ControllerManager);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let request = http::Request::get("/apis/apps/v1/replicasets?resourceVersion=0").body(Vec::new()).unwrap();
            let Ok(list) = client.request::<Value>(request).await else { continue };
            for set in list["items"].as_array().into_iter().flatten() {
                let wanted = set["spec"]["replicas"].as_i64().unwrap_or(0);
                if set["status"]["availableReplicas"].as_i64().unwrap_or(0) == wanted
                    && set["status"]["replicas"].as_i64().unwrap_or(0) == wanted
                {
                    continue;
                }
                let (ns, name) = (&set["metadata"]["namespace"], &set["metadata"]["name"]);
                let path = format!(
                    "/apis/apps/v1/namespaces/{}/replicasets/{}/status",
                    ns.as_str().unwrap(),
                    name.as_str().unwrap()
                );
                let status = json!({"status": {
                    "replicas": wanted, "fullyLabeledReplicas": wanted, "readyReplicas": wanted, "availableReplicas": wanted,
                    "observedGeneration": set["metadata"]["generation"],
                }});
                let _ = send(&client, "PATCH", &path, &status).await;
            }
        }
    })
}

async fn send(client: &kube::Client, method: &str, path: &str, body: &Value) -> Result<Value, kube::Error> {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
    client.request(request.body(body.to_string().into_bytes()).unwrap()).await
}

/// One service with everything that belongs to it.
fn objects(name: &str, replicas: i64, strategy: &Value) -> Vec<(&'static str, Value)> {
    let service = |side: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("{name}-{side}")},
               "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}})
    };
    let mut strategy = strategy.clone();
    strategy["canaryService"] = json!(format!("{name}-canary"));
    strategy["stableService"] = json!(format!("{name}-stable"));
    strategy["trafficRouting"] = json!({"istio": {"virtualService": {"name": name}}});
    vec![
        ("/api/v1/namespaces/default/services", service("stable")),
        ("/api/v1/namespaces/default/services", service("canary")),
        (
            "/apis/networking.istio.io/v1/namespaces/default/virtualservices",
            json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name}, "spec": {
                "hosts": [name], "http": [{"route": [
                    {"destination": {"host": format!("{name}-stable")}, "weight": 100},
                    {"destination": {"host": format!("{name}-canary")}, "weight": 0}]}]}}),
        ),
        (
            "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts",
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name}, "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:v1"}]}},
                "strategy": {"canary": strategy}}}),
        ),
    ]
}

fn template(metric: &Value) -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": "judge"}, "spec": {
        "args": [{"name": "name"}], "metrics": [metric]}})
}

fn metric(extra: &Value) -> Value {
    let mut metric = json!({"name": "errors", "interval": "1s", "successCondition": "result[0] < 0.5",
        "provider": {"prometheus": {"address": format!("http://{JUDGE}"), "query": "errors{name=\"{{args.name}}\"}"}}});
    for (key, value) in extra.as_object().into_iter().flatten() {
        metric[key] = value.clone();
    }
    metric
}

fn analysis(name: &str) -> Value {
    json!({"templates": [{"templateName": "judge"}], "args": [{"name": "name", "value": name}]})
}

struct Bench {
    world: World,
    judge: Arc<Judge>,
    controller: Controller,
    pods: tokio::task::JoinHandle<()>,
}

impl Bench {
    async fn start(metric: &Value) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let options = Options { mesh: false, prometheus: false, pods: false, ..Options::default() };
        let world = World::start(options).await?;
        let own = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argo-rollouts"}});
        world.create_object(User::Admin, &own).await?;
        let judge = Arc::new(Judge::default());
        judge.clone().listen().await?;
        let pods = pods_at_once(&world);
        let plan = ControllerPlan::serin()?.arg(format!("--prometheus-address=http://{JUDGE}"));
        let controller = world.controller(plan)?;
        let client = world.client(User::Admin);
        send(&client, "POST", "/apis/argoproj.io/v1alpha1/namespaces/default/analysistemplates", &template(metric))
            .await?;
        Ok(Self { world, judge, controller, pods })
    }

    async fn create(&self, names: &[String], replicas: i64, strategy: impl Fn(&str) -> Value) -> Outcome {
        let client = self.world.client(User::Admin);
        for some in names.chunks(16) {
            let all = some.iter().flat_map(|name| objects(name, replicas, &strategy(name)));
            let sent = all.map(|(path, object)| {
                let client = client.clone();
                async move { send(&client, "POST", path, &object).await }
            });
            for made in futures::future::join_all(sent).await {
                made?;
            }
        }
        Ok(())
    }

    async fn phases(&self) -> BTreeMap<String, usize> {
        let request =
            http::Request::get("/apis/argoproj.io/v1alpha1/rollouts?resourceVersion=0").body(Vec::new()).unwrap();
        let list = self.world.client(User::Admin).request::<Value>(request).await.unwrap_or_default();
        let mut count = BTreeMap::new();
        for item in list["items"].as_array().into_iter().flatten() {
            *count.entry(item["status"]["phase"].as_str().unwrap_or("none").to_owned()).or_default() += 1;
        }
        count
    }

    async fn all(&self, phase: &str, number: usize) -> Outcome {
        eventually(&format!("{number} rollouts are {phase}"), Duration::from_secs(240), || async {
            let phases = self.phases().await;
            if phases.get(phase) == Some(&number) { Ok(()) } else { Err(format!("{phases:?}")) }
        })
        .await?;
        Ok(())
    }

    async fn release(&self, names: &[String]) -> Outcome {
        let client = self.world.client(User::Person);
        let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:v2"}]}}}});
        for some in names.chunks(16) {
            let paths =
                some.iter().map(|name| format!("/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/{name}"));
            let sent = paths.map(|path| {
                let (client, image) = (client.clone(), image.clone());
                async move { send(&client, "PATCH", &path, &image).await }
            });
            for made in futures::future::join_all(sent).await {
                made?;
            }
        }
        Ok(())
    }

    /// What the controller asked of the API server so far, without watches, lists and its lease.
    fn calls(&self) -> Result<Vec<Record>, Box<dyn std::error::Error + Send + Sync>> {
        let records = self.world.audit().read()?;
        let ours = |record: &Record| {
            record.user == "serin"
                && !["watch", "list"].contains(&record.verb.as_str())
                && record.object.resource != "leases"
        };
        Ok(records.into_iter().filter(|record| ours(record) && !record.object.resource.is_empty()).collect())
    }
}

fn names(prefix: &str, number: usize) -> Vec<String> {
    (0..number).map(|n| format!("{prefix}{n:04}")).collect()
}

async fn canary() -> Outcome {
    let bench = Bench::start(&metric(&json!({"count": 5}))).await?;
    let one = names("canary", 1);
    let steps = |name: &str| json!({"steps": [{"setWeight": 20}, {"analysis": analysis(name)}, {"setWeight": 60}, {"analysis": analysis(name)}]});
    bench.create(&one, 10, steps).await?;
    bench.all("Healthy", 1).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = bench.calls()?.len();
    bench.release(&one).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    bench.all("Healthy", 1).await?;
    tokio::time::sleep(Duration::from_secs(40)).await;
    let calls = bench.calls()?.split_off(before);
    let mut by = BTreeMap::<String, usize>::new();
    for call in &calls {
        let slash = if call.object.subresource.is_empty() { "" } else { "/" };
        *by.entry(format!("{} {}{slash}{}", call.verb, call.object.resource, call.object.subresource)).or_default() +=
            1;
    }
    for (what, number) in &by {
        println!("    {number:>3}  {what}");
    }
    let events = calls.iter().filter(|call| call.object.resource == "events").count();
    let reads = calls.iter().filter(|call| call.verb == "get").count();
    let writes = calls.len() - events - reads;
    println!("  object writes of the reference canary: {writes}   (goal <= 27, Argo Rollouts 40)");
    println!("  all API calls of it:                   {}   (goal <= 40, Argo Rollouts 124-139)", calls.len());
    bench.pods.abort();
    Ok(())
}

/// Milliseconds from the breaching answer to the commit of weight 0, for each rollout that breached.
fn latencies(bench: &Bench) -> Result<Vec<f64>, Box<dyn std::error::Error + Send + Sync>> {
    let breached = bench.judge.breached.lock().unwrap().clone();
    let calls = bench.calls()?;
    let mut all: Vec<f64> = breached
        .iter()
        .filter_map(|(name, said)| {
            let zero = calls.iter().find(|call| {
                call.object.resource == "virtualservices"
                    && call.object.name == *name
                    && call.at >= *said
                    && call.code == 200
            })?;
            Some(zero.at.duration_since(*said).as_secs_f64() * 1000.0)
        })
        .collect();
    all.sort_by(f64::total_cmp);
    Ok(all)
}

async fn aborts() -> Outcome {
    let bench = Bench::start(&metric(&json!({}))).await?;
    let strategy = |name: &str| json!({"analysis": analysis(name), "steps": [{"setWeight": 50}, {"pause": {}}]});
    let (single, many) = (names("one", 11), names("many", 200));
    let all: Vec<String> = single.iter().chain(&many).cloned().collect();
    bench.create(&all, 4, strategy).await?;
    bench.all("Healthy", all.len()).await?;
    bench.release(&all).await?;
    bench.all("Paused", all.len()).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    // Who plays the pods lists them all the time; what is measured here needs none of them.
    bench.pods.abort();
    for name in &single {
        bench.judge.bad.lock().unwrap().push(name.clone());
        tokio::time::sleep(Duration::from_millis(1700)).await;
    }
    let ones = latencies(&bench)?;
    let middle = ones.get(ones.len() / 2).copied().unwrap_or(f64::NAN);
    println!(
        "  one abort, breaching answer -> weight 0 committed, p50 of {}: {middle:.1} ms   (goal <= 8, Argo Rollouts 127)",
        ones.len()
    );
    bench.judge.breached.lock().unwrap().clear();
    let flip = Timestamp::now();
    bench.judge.bad.lock().unwrap().push("many".to_owned());
    bench.all("Degraded", all.len()).await?;
    let zeros =
        bench.calls()?.into_iter().filter(|c| c.object.resource == "virtualservices" && c.at >= flip && c.code == 200);
    let last = zeros.map(|call| call.at).max().unwrap_or(flip);
    let first = bench.judge.breached.lock().unwrap().values().min().copied().unwrap_or(flip);
    println!(
        "  200 aborts at once, first breaching answer -> last weight 0: {:.2} s; from the flip, polling included: {:.2} s   (goal <= 0.7, Argo Rollouts 63)",
        last.duration_since(first).as_secs_f64(),
        last.duration_since(flip).as_secs_f64()
    );
    Ok(())
}

async fn idle() -> Outcome {
    let bench = Bench::start(&metric(&json!({"count": 1}))).await?;
    let none = bench.controller.rss().unwrap_or(0);
    let all = names("idle", 1000);
    bench.create(&all, 2, |_| json!({"steps": [{"setWeight": 50}, {"pause": {}}]})).await?;
    bench.all("Healthy", all.len()).await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before = bench.calls()?.len();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let calls = bench.calls()?.len() - before;
    let mib = |bytes: u64| bytes / (1024 * 1024);
    println!("  requests for 1,000 idle rollouts in 30 s: {calls}   (goal 0)");
    println!("  memory without objects: {} MiB   (Argo Rollouts 74)", mib(none));
    println!(
        "  memory with 1,000 idle rollouts: {} MiB   (goal <= 20, Argo Rollouts 240)",
        mib(bench.controller.rss().unwrap_or(0))
    );
    bench.pods.abort();
    Ok(())
}
