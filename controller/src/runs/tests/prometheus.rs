//! A Prometheus in memory.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::StatusCode;
use serin_analysis::provider::{Fetch, FetchError, FetchRequest, FetchResponse};
use tokio::time::Instant;

use super::*;

/// What the fake Prometheus answers.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Value(f64),
    After(Duration, f64),
    Fail,
    Panic,
}

type Script = Arc<dyn Fn(&str, usize) -> Reply + Send + Sync>;

#[derive(Default)]
pub(super) struct Asked {
    /// Milliseconds since the start, and the query.
    pub log: Vec<(u64, String)>,
    pub now: usize,
    pub most: usize,
}

#[derive(Clone)]
pub(super) struct FakePrometheus {
    script: Script,
    pub asked: Arc<Mutex<Asked>>,
    start: Instant,
}

impl FakePrometheus {
    pub fn new(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static, start: Instant) -> Self {
        Self { script: Arc::new(script), asked: Arc::default(), start }
    }
}

impl Fetch for FakePrometheus {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, FetchError>> {
        let this = self.clone();
        async move {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            let query = text.split('&').find_map(|pair| pair.strip_prefix("query=")).unwrap_or_default().to_owned();
            let reply = {
                let mut asked = this.asked.lock().unwrap();
                let nth = asked.log.iter().filter(|(_, other)| *other == query).count();
                asked.log.push((u64::try_from(this.start.elapsed().as_millis()).unwrap(), query.clone()));
                asked.now += 1;
                asked.most = asked.most.max(asked.now);
                (this.script)(&query, nth)
            };
            let value = match reply {
                Reply::Value(value) => Some(value),
                Reply::After(delay, value) => {
                    tokio::time::sleep(delay).await;
                    Some(value)
                }
                Reply::Fail => None,
                Reply::Panic => panic!("seeded"),
            };
            this.asked.lock().unwrap().now -= 1;
            let value = value.ok_or(FetchError::Connect { to: "http://p".into(), why: "refused".into() })?;
            let body = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, value.to_string()]}});
            Ok(FetchResponse {
                status: StatusCode::OK,
                headers: http::HeaderMap::new(),
                body: serde_json::to_vec(&body).unwrap().into(),
                elapsed: Duration::ZERO,
            })
        }
        .boxed()
    }
}
