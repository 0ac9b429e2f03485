//! The simulator's Prometheus on the other side of the seam that providers ask through.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serin_analysis::provider::fetch::{BODY_LIMIT, Fetch, FetchError, FetchRequest, FetchResponse, origin};

use super::answer::{self, Reply};
use super::error::QueryError;
use super::tsdb::Tsdb;

/// How Prometheus behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers from its samples.
    #[default]
    Answering,
    /// Nobody listens.
    Down,
    /// It answers after this time, or not within the deadline.
    Slow(Duration),
    /// It has no data for any query.
    Empty,
    /// Every value is NaN.
    NaN,
    /// It answers this, whatever is asked.
    Raw {
        /// The status.
        status: u16,
        /// The content type.
        content_type: String,
        /// The body.
        body: Bytes,
    },
}

/// A Prometheus whose samples and behaviour a scenario sets.
///
/// Clones share both. Times are those of the runtime's clock, which a simulation may pause.
#[derive(Clone, Default)]
pub struct SimPrometheus {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    tsdb: Tsdb,
    behaviour: Behaviour,
    /// Of those that behave in their own way, by host.
    others: HashMap<String, Behaviour>,
    asked: usize,
}

impl SimPrometheus {
    /// Changes how it behaves from the next request on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.lock().behaviour = behaviour;
    }

    /// Changes how the one at a host behaves, whatever the others do.
    pub fn behave_at(&self, host: &str, behaviour: Behaviour) {
        self.lock().others.insert(host.to_owned(), behaviour);
    }

    /// Works on its samples.
    pub fn with_tsdb<T>(&self, work: impl FnOnce(&mut Tsdb) -> T) -> T {
        work(&mut self.lock().tsdb)
    }

    /// How many requests it was asked so far, answered or not.
    pub fn asked(&self) -> usize {
        self.lock().asked
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Samples are whole after any panic: each change is a single push.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let behaviour = {
            let mut state = self.lock();
            state.asked += 1;
            let own = request.url.host_str().and_then(|host| state.others.get(host));
            own.unwrap_or(&state.behaviour).clone()
        };
        let to = origin(&request.url);
        let mut elapsed = Duration::ZERO;
        match &behaviour {
            Behaviour::Down => return Err(FetchError::Connect { to, why: "connection refused".into() }),
            Behaviour::Slow(delay) => {
                tokio::time::sleep((*delay).min(request.deadline)).await;
                if *delay >= request.deadline {
                    return Err(FetchError::Timeout { to, after: request.deadline });
                }
                elapsed = *delay;
            }
            Behaviour::Raw { body, .. } if body.len() > BODY_LIMIT => {
                return Err(FetchError::TooLarge { to, limit: BODY_LIMIT });
            }
            Behaviour::Raw { status, content_type, body } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Ok(response(Reply { status, body: body.clone() }, content_type, elapsed));
            }
            Behaviour::Answering | Behaviour::Empty | Behaviour::NaN => {}
        }
        let reply = match (&behaviour, self.reply(&request)) {
            (Behaviour::Empty, Ok(_)) => answer::no_data(),
            (Behaviour::NaN, Ok(reply)) => answer::not_numbers(&reply),
            (_, Ok(reply)) => reply,
            (_, Err(error)) => answer::failure(&error),
        };
        Ok(response(reply, "application/json", elapsed))
    }

    /// The answer from the samples.
    fn reply(&self, request: &FetchRequest) -> Result<Reply, QueryError> {
        let form: HashMap<String, String> = if request.method == Method::POST {
            url::form_urlencoded::parse(&request.body).into_owned().collect()
        } else {
            request.url.query_pairs().into_owned().collect()
        };
        let missing =
            |name: &str| QueryError::BadData(format!("invalid parameter {name:?}: cannot parse \"\" to a valid value"));
        let field = |name: &str| form.get(name).map(String::as_str).ok_or_else(|| missing(name));
        let number = |name: &str| field(name)?.parse::<f64>().map_err(|_| missing(name));
        let time = |name: &str| instant(number(name)?).ok_or_else(|| missing(name));
        let state = self.lock();
        if request.url.path().ends_with("/api/v1/query") {
            Ok(state.tsdb.query(field("query")?, time("time")?))
        } else if request.url.path().ends_with("/api/v1/query_range") {
            let step = SignedDuration::try_from_secs_f64(number("step")?).map_err(|_| missing("step"))?;
            Ok(state.tsdb.query_range(field("query")?, time("start")?, time("end")?, step))
        } else {
            Ok(Reply { status: StatusCode::NOT_FOUND, body: Bytes::from_static(b"404 page not found\n") })
        }
    }
}

impl Fetch for SimPrometheus {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, FetchError>> {
        self.clone().answer(request).boxed()
    }
}

fn response(reply: Reply, content_type: &str, elapsed: Duration) -> FetchResponse {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    FetchResponse { status: reply.status, headers, body: reply.body, elapsed }
}

/// The instant of a number of seconds, to the millisecond.
#[allow(clippy::cast_possible_truncation, reason = "what is out of range is no instant")]
fn instant(seconds: f64) -> Option<Timestamp> {
    let milliseconds = (seconds * 1000.0).round();
    (milliseconds.abs() < 1e15).then(|| Timestamp::from_millisecond(milliseconds as i64).ok()).flatten()
}
