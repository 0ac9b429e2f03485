//! The layer around each request: counts it, holds back writes of those who don't lead, gives up what takes too long.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response};
use serin_crds::names;
use tower::{BoxError, Layer, Service};

use super::CALL_DEADLINE;
use crate::runtime::gate::WriteGate;
use crate::runtime::metrics::{Counter, Named, Registry};

/// A call was given up because it took too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no answer in {} s", .0.as_secs())]
pub struct TooLong(pub Duration);

/// Counts calls by kind, verb and status.
#[derive(Clone, Debug)]
pub struct Calls {
    counter: Counter,
}

impl Calls {
    /// Makes the counter.
    pub fn new(registry: &Registry) -> Self {
        let named = Named::new(names::K8S_REQUEST_TOTAL, "Calls of the Kubernetes API.");
        Self { counter: registry.counter(named, &["kind", "verb", "status_code"]) }
    }

    fn count(&self, target: &Target, status: &str) {
        self.counter.inc(&[&target.kind, target.verb, status]);
    }
}

/// Puts [`Gated`] around a service.
#[derive(Clone, Debug)]
pub struct CallsLayer {
    calls: Calls,
    gate: Option<WriteGate>,
    deadline: Option<Duration>,
}

impl CallsLayer {
    /// For the client of watches: counts only.
    pub fn for_watches(calls: Calls) -> Self {
        Self { calls, gate: None, deadline: None }
    }

    /// For the client of calls: counts, asks the gate before writes, and sets a deadline.
    pub fn for_calls(calls: Calls, gate: WriteGate) -> Self {
        Self { calls, gate: Some(gate), deadline: Some(CALL_DEADLINE) }
    }
}

impl<S> Layer<S> for CallsLayer {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, layer: self.clone() }
    }
}

/// A service whose requests are counted and gated.
#[derive(Clone, Debug)]
pub struct Gated<S> {
    inner: S,
    layer: CallsLayer,
}

impl<S, A, B> Service<Request<A>> for Gated<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + Send,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let target = Target::of(request.method(), request.uri().path(), request.uri().query());
        let calls = self.layer.calls.clone();
        let pass = match self.layer.gate.as_ref().filter(|_| target.is_gated()).map(WriteGate::enter) {
            Some(Err(closed)) => {
                calls.count(&target, "held");
                return Box::pin(std::future::ready(Err(closed.into())));
            }
            Some(Ok(pass)) => Some(pass),
            None => None,
        };
        let deadline = self.layer.deadline.filter(|_| target.verb != "Watch");
        let answer = self.inner.call(request);
        Box::pin(async move {
            let _under_way = pass;
            let outcome = match deadline {
                Some(limit) => tokio::time::timeout(limit, answer).await.map_err(|_| TooLong(limit)),
                None => Ok(answer.await),
            };
            match outcome {
                Ok(Ok(response)) => {
                    calls.count(&target, response.status().as_str());
                    Ok(response)
                }
                Ok(Err(error)) => {
                    calls.count(&target, "error");
                    Err(error.into())
                }
                Err(too_long) => {
                    calls.count(&target, "timeout");
                    Err(too_long.into())
                }
            }
        })
    }
}

/// What a request is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Resource, with its subresource after a slash; `unknown` where the path is not one of an object.
    pub kind: String,
    /// Verb, as Argo names it.
    pub verb: &'static str,
}

/// Longest name of a resource that becomes a label; longer ones are nothing that we ask for.
const LONGEST: usize = 64;

impl Target {
    pub fn of(method: &Method, path: &str, query: Option<&str>) -> Self {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let rest = match segments.as_slice() {
            ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
            _ => &[],
        };
        let rest = match rest {
            ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
            other => other,
        };
        let resource = rest.first().copied().unwrap_or("unknown");
        let (name, sub) = (rest.get(1), rest.get(2));
        let watches = query.is_some_and(|query| query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1"));
        let mut kind = sub.map_or_else(|| resource.to_owned(), |sub| format!("{resource}/{sub}"));
        kind.truncate(if kind.is_ascii() { LONGEST } else { 0 });
        Self { kind, verb: verb(method, name.is_some(), watches) }
    }

    /// Tells whether the request changes something that only a leader may change.
    fn is_gated(&self) -> bool {
        let reads = matches!(self.verb, "Get" | "List" | "Watch");
        let exempt = self.kind == "leases" || self.kind.ends_with("reviews");
        !reads && !exempt
    }
}

fn verb(method: &Method, named: bool, watches: bool) -> &'static str {
    match *method {
        Method::GET if watches => "Watch",
        Method::GET if named => "Get",
        Method::GET => "List",
        Method::POST => "Create",
        Method::PUT => "Update",
        Method::PATCH => "Patch",
        Method::DELETE if named => "Delete",
        Method::DELETE => "DeleteCollection",
        _ => "Unknown",
    }
}
