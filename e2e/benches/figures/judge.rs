//! The stand-in for Prometheus: says of each Rollout whether it is well, and remembers when it first said that it is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use crate::Fault;

/// Where it listens, inside the namespace of the trial.
pub const JUDGE: &str = "127.0.0.1:19090";

/// How long answers may be held back so that all leave at once. A controller that asks for fewer Rollouts at a time than there
/// are would else never get one.
const HELD: Duration = Duration::from_millis(1500);

/// Answers queries.
#[derive(Debug)]
pub struct Judge {
    bad: Mutex<BTreeSet<String>>,
    breached: Mutex<BTreeMap<String, Timestamp>>,
    /// Answers about the bad wait until so many have been asked for.
    together: Mutex<usize>,
    asked: watch::Sender<BTreeSet<String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Judge {
    /// Begins to listen.
    pub async fn listen() -> Result<Arc<Self>, Fault> {
        let judge = Arc::new(Self {
            bad: Mutex::default(),
            breached: Mutex::default(),
            together: Mutex::default(),
            asked: watch::Sender::new(BTreeSet::new()),
        });
        let listener = tokio::net::TcpListener::bind(JUDGE.parse::<SocketAddr>()?).await?;
        let answering = Arc::clone(&judge);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let judge = Arc::clone(&answering);
                let service = service_fn(move |request| {
                    let judge = Arc::clone(&judge);
                    async move { Ok::<_, Infallible>(judge.answer(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(judge)
    }

    /// From now on these breach; the answers leave together, once each of them has been asked for.
    pub fn condemn(&self, names: &[String]) {
        *locked(&self.together) = names.len();
        self.asked.send_replace(BTreeSet::new());
        *locked(&self.bad) = names.iter().cloned().collect();
    }

    /// When it first said of each that it breaches.
    pub fn breached(&self) -> BTreeMap<String, Timestamp> {
        locked(&self.breached).clone()
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let name = asked_for(request).await;
        let bad = locked(&self.bad).contains(&name);
        if bad {
            self.hold(&name).await;
        }
        let value = if bad { "1" } else { "0" };
        let result = json!([{"metric": {}, "value": [0, value]}]);
        let text = json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string();
        if bad {
            locked(&self.breached).entry(name).or_insert_with(Timestamp::now);
        }
        Response::new(Full::new(Bytes::from(text)))
    }

    /// Waits for the others that breach too.
    async fn hold(&self, name: &str) {
        let together = *locked(&self.together);
        let mut asked = self.asked.subscribe();
        self.asked.send_modify(|names| {
            names.insert(name.to_owned());
        });
        let all = asked.wait_for(|names| names.len() >= together);
        let _ = tokio::time::timeout(HELD, all).await;
    }
}

/// The Rollout that a query such as `errors{name="shop"}` is about; the query comes as a form or as a part of the address.
async fn asked_for(request: Request<Incoming>) -> String {
    let address = request.uri().query().unwrap_or_default().to_owned();
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let fields = url::form_urlencoded::parse(address.as_bytes()).chain(url::form_urlencoded::parse(&body));
    let query = fields.into_iter().find(|(field, _)| field == "query").map(|(_, query)| query.into_owned());
    let query = query.unwrap_or_default();
    query.split('"').nth(1).unwrap_or_default().to_owned()
}
