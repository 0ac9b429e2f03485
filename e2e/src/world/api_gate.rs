//! The gate in front of the API server: lets the calls of the controller under test through, or lets some of them go wrong
//! as a scenario says.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures::Stream;
use http::{Method, Request, Response, StatusCode, Uri, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use kube::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use serin_sim::{
    play::FaultPlan,
    scenario::CallFault,
    server::{
        faults::{Call, Fault},
        journal::Verb,
    },
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tower::ServiceExt;

use super::{
    User, Users, WorldError,
    network::{API_GATE, KUBE_API},
    users::Transport,
};

type Failure = Box<dyn Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, Failure>>;

/// The gate. Nobody is answered any more when it is dropped.
pub struct ApiGate {
    shared: Arc<Shared>,
    /// Told when a controller was killed by one of its calls.
    crashes: mpsc::UnboundedReceiver<()>,
    kubeconfig: PathBuf,
    task: JoinHandle<()>,
}

struct Shared {
    plan: FaultPlan,
    transport: Transport<Incoming>,
    /// Somebody who writes to the objects of others.
    rival: Client,
    controller: Mutex<Running>,
    cuts: watch::Sender<u64>,
}

/// The controller that calls now.
#[derive(Default)]
struct Running {
    pid: Option<u32>,
    /// Set when it has died: what it had under way is never answered.
    cut: Arc<AtomicBool>,
}

impl ApiGate {
    /// Opens the gate, and writes a kubeconfig that leads through it.
    pub(super) async fn open(users: &Users, rival: Client, root: &Path) -> Result<Self, WorldError> {
        let what = || "the gate in front of the API server".to_owned();
        let listener = TcpListener::bind(API_GATE).await.map_err(WorldError::io(what()))?;
        let kubeconfig = root.join("users/through-the-gate.kubeconfig");
        fs::write(&kubeconfig, super::users::plain_kubeconfig(User::Serin, API_GATE))
            .map_err(WorldError::io(what()))?;
        let (plan, crashes) = FaultPlan::new(User::Serin.name());
        let transport = users.transport(User::Serin).await?;
        let controller = Mutex::default();
        let shared = Arc::new(Shared { plan, transport, rival, controller, cuts: watch::Sender::new(0) });
        let task = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { shared, crashes, kubeconfig, task })
    }

    /// The kubeconfig of who is to call through the gate.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Lets calls go wrong from now on.
    pub fn arm(&self, fault: CallFault) {
        self.shared.plan.arm(Timestamp::now(), fault);
    }

    /// Breaks every open watch.
    pub fn cut_watches(&self) {
        self.shared.cuts.send_modify(|count| *count += 1);
    }

    /// Says which process calls from now on.
    pub fn attach(&self, pid: Option<u32>) {
        let running = Running { pid, cut: Arc::default() };
        self.shared.plan.attach(Arc::clone(&running.cut));
        *self.shared.controller() = running;
    }

    /// Says whether the controller was killed by one of its calls since the last look.
    pub fn crashed(&mut self) -> bool {
        self.crashes.try_recv().is_ok()
    }
}

impl Drop for ApiGate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { shared.answer(request).await }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Shared {
    fn controller(&self) -> std::sync::MutexGuard<'_, Running> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries a call out, or lets it go wrong. An error breaks the connection.
    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Failure> {
        let call = call(&request);
        let cut = Arc::clone(&self.controller().cut);
        if cut.load(Ordering::SeqCst) {
            return never().await;
        }
        let fault = self.plan.decide(&call);
        let dies = cut.load(Ordering::SeqCst);
        match fault {
            Fault::Hang if dies => self.kill().await,
            Fault::Hang => never().await,
            Fault::Drop => Err("the connection breaks before the call".into()),
            Fault::Before(code) => Ok(refusal(code, None)),
            Fault::Busy(seconds) => Ok(refusal(429, Some(seconds))),
            Fault::Rival if call.verb == Verb::Create => Ok(refusal(409, None)),
            Fault::Rival => {
                self.meet(request.uri()).await;
                self.carry_out(request, call.verb).await
            }
            Fault::None => self.carry_out(request, call.verb).await,
            after => {
                let answered = whole(self.carry_out(request, call.verb).await?).await?;
                match after {
                    Fault::HangAfter if dies => self.kill().await,
                    Fault::HangAfter => never().await,
                    Fault::DropAfter => Err("the connection breaks behind the call".into()),
                    Fault::After(code) => Ok(refusal(code, None)),
                    Fault::Truncate => Ok(half(answered)),
                    Fault::Delay(span) => {
                        tokio::time::sleep(span).await;
                        Ok(answered.map(|body| Full::new(body).map_err(Failure::from).boxed_unsync()))
                    }
                    _ => Ok(answered.map(|body| Full::new(body).map_err(Failure::from).boxed_unsync())),
                }
            }
        }
    }

    /// Kills the controller that called; it gets no answer.
    async fn kill(&self) -> Result<Answer, Failure> {
        let pid = self.controller().pid.take();
        if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        never().await
    }

    /// Sends the call on and streams the answer back.
    async fn carry_out(&self, request: Request<Incoming>, verb: Verb) -> Result<Answer, Failure> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        parts.uri = Uri::builder().scheme("https").authority(KUBE_API.to_string()).path_and_query(path).build()?;
        parts.headers.remove(header::HOST);
        let answered = self.transport.clone().oneshot(Request::from_parts(parts, body)).await?;
        if verb != Verb::Watch {
            return Ok(answered.map(|body| body.map_err(Failure::from).boxed_unsync()));
        }
        let cuts = self.cuts.subscribe();
        Ok(answered.map(|body| StreamBody::new(until_cut(body, cuts)).boxed_unsync()))
    }

    /// Somebody else writes to the object just before.
    async fn meet(&self, uri: &Uri) {
        let note = json!({"metadata": {"annotations": {"example.com/note": Timestamp::now().to_string()}}});
        let path = uri.path().trim_end_matches("/status");
        let request = Request::patch(path).header(header::CONTENT_TYPE, "application/merge-patch+json");
        if let Ok(request) = request.body(note.to_string().into_bytes()) {
            // An object that is not there has no rivals.
            let _ = self.rival.request::<serde_json::Value>(request).await;
        }
    }
}

/// What a watch tells, until it ends or is cut.
fn until_cut(body: Incoming, cuts: watch::Receiver<u64>) -> impl Stream<Item = Result<Frame<Bytes>, Failure>> + Send {
    futures::stream::unfold((body, cuts), |(mut body, mut cuts)| async move {
        let told = tokio::select! {
            frame = body.frame() => frame?.map_err(Failure::from),
            _ = cuts.changed() => Err("the watch is cut".into()),
        };
        Some((told, (body, cuts)))
    })
}

async fn never<T>() -> T {
    std::future::pending().await
}

/// Waits for the whole answer.
async fn whole(answer: Answer) -> Result<Response<Bytes>, Failure> {
    let (parts, body) = answer.into_parts();
    Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
}

/// Half of the answer; then the connection breaks.
fn half(answer: Response<Bytes>) -> Answer {
    let (mut parts, body) = answer.into_parts();
    parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
    let begun = Ok(Frame::data(body.slice(..body.len() / 2)));
    let frames = futures::stream::iter([begun, Err("the connection breaks in the answer".into())]);
    Response::from_parts(parts, StreamBody::new(frames).boxed_unsync())
}

/// An answer that says no, as the API server words it.
fn refusal(code: u16, wait: Option<u32>) -> Answer {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut details = json!({});
    if let Some(seconds) = wait {
        details = json!({ "retryAfterSeconds": seconds });
    }
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "details": details,
        "reason": reason(code), "message": format!("{}: the gate says {code}", reason(code).to_lowercase()),
    });
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    let answer = wait.into_iter().fold(answer, |answer, seconds| answer.header(header::RETRY_AFTER, seconds));
    let body = Full::new(Bytes::from(body.to_string())).map_err(Failure::from).boxed_unsync();
    answer.body(body).unwrap_or_default()
}

/// The word for a code.
///
/// # Source
/// `StatusReason` of `k8s.io/apimachinery/pkg/apis/meta/v1`.
const fn reason(code: u16) -> &'static str {
    match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}

/// Reads what a request asks for.
///
/// # Source
/// Kubernetes API concepts, "Resource URIs".
fn call<B>(request: &Request<B>) -> Call {
    let words: Vec<_> = request.uri().path().split('/').filter(|word| !word.is_empty()).collect();
    // Behind `api/<version>` or `apis/<group>/<version>`.
    let rest = match words.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => &[],
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    let word = |at: usize| (*rest.get(at).unwrap_or(&"")).to_owned();
    let (resource, name, subresource) = (word(0), word(1), word(2));
    let watches =
        request.uri().query().unwrap_or_default().split('&').any(|one| one == "watch=true" || one == "watch=1");
    let verb = match *request.method() {
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH => Verb::Patch,
        Method::DELETE if name.is_empty() => Verb::DeleteCollection,
        Method::DELETE => Verb::Delete,
        _ if watches => Verb::Watch,
        _ if name.is_empty() => Verb::List,
        _ => Verb::Get,
    };
    let (user, namespace) = (User::Serin.name().to_owned(), namespace.to_owned());
    Call { index: 0, at: Timestamp::now(), user, verb, resource, subresource, namespace, name, version: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, uri: &str, expect: (Verb, &str, &str, &str)) {
        let call = call(&Request::builder().method(method).uri(uri).body(()).unwrap());
        let read = (call.verb, call.resource.as_str(), call.name.as_str(), call.subresource.as_str());
        assert_eq!(read, expect, "{uri}");
    }

    #[test]
    fn a_call_is_read_from_its_method_and_its_path() {
        let base = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts";
        check(
            Method::PATCH,
            &format!("{base}/shop/status?fieldManager=x"),
            (Verb::Patch, "rollouts", "shop", "status"),
        );
        check(Method::GET, &format!("{base}/shop"), (Verb::Get, "rollouts", "shop", ""));
        check(Method::GET, base, (Verb::List, "rollouts", "", ""));
        check(Method::GET, "/api/v1/services?watch=true&limit=5", (Verb::Watch, "services", "", ""));
        check(Method::GET, "/apis/apps/v1/replicasets?&watch=1", (Verb::Watch, "replicasets", "", ""));
        check(Method::POST, "/api/v1/namespaces/default/events", (Verb::Create, "events", "", ""));
        check(Method::DELETE, base, (Verb::DeleteCollection, "rollouts", "", ""));
        check(Method::GET, "/api/v1/namespaces/default", (Verb::Get, "namespaces", "default", ""));
        check(Method::GET, "/version", (Verb::List, "", "", ""));
    }
}
