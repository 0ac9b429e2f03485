//! The HTTP side: reads requests, lets faults have their way, writes answers.

use std::{
    convert::Infallible,
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tower::Service;

use super::{
    Inner,
    direct::Direct,
    discovery,
    faults::{Call, Fault},
    journal::Verb,
    refusal::Refusal,
    render::{Form, Include, ResponseFormat, bytes},
    request::{Asked, change, header_text, read_body},
    route::{self, Query},
    watch,
    write::{Deletion, Order, Target, scale_of},
};

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection reset by the simulated network")]
pub struct Broken;

/// The body of an answer.
pub type Reply = UnsyncBoxBody<Bytes, Broken>;

/// The server as seen by one user.
#[derive(Clone, Debug)]
pub struct UserEndpoint {
    /// The server.
    pub inner: Arc<Inner>,
    /// Who comes in.
    pub user: Arc<str>,
}

impl<B> Service<Request<B>> for UserEndpoint
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Response = Response<Reply>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Reply>, Broken>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let door = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
            door.answer(Request::from_parts(parts, body)).await
        })
    }
}

impl UserEndpoint {
    /// Answers one request.
    ///
    /// # Errors
    /// When a fault breaks the connection.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Reply>, Broken> {
        let (parts, body) = request.into_parts();
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let target = route::target(&self.inner.registry(), parts.uri.path());
        let Some(target) = target else {
            return Ok(discovery::answer(&self.inner, parts.uri.path(), &parts.headers));
        };
        if !route::has_subresource(&target) {
            return Ok(refuse(&Refusal::not_found(&target.kind, &target.name)));
        }
        let Some(verb) = route::verb(&parts.method, &target, &query) else {
            return Ok(refuse(&Refusal::method_not_allowed()));
        };
        let asked = Asked { target, verb, query, headers: parts.headers, body };
        let call = self.call_of(&asked);
        let fault = self.inner.faults.decide(&call);
        let result = self.play(asked, fault).await;
        self.inner.journal.count(call, result.as_ref().map_or(0, |response| response.status().as_u16()));
        result
    }

    fn call_of(&self, asked: &Asked) -> Call {
        Call {
            index: self.inner.calls.fetch_add(1, Ordering::Relaxed),
            at: self.inner.now(),
            version: self.inner.store().revision(),
            user: self.user.to_string(),
            verb: asked.verb,
            resource: asked.target.kind.names.plural.clone(),
            subresource: asked.target.subresource.clone(),
            namespace: asked.target.namespace.clone(),
            name: asked.target.name.clone(),
        }
    }

    /// Carries a call out under a fault.
    async fn play(&self, asked: Asked, fault: Fault) -> Result<Response<Reply>, Broken> {
        match fault {
            Fault::None => Ok(self.carry_out(asked)),
            Fault::Before(code) => Ok(refuse(&Refusal::of_code(code))),
            Fault::Busy(seconds) => {
                let refusal = Refusal { details: json!({"retryAfterSeconds": seconds}), ..Refusal::of_code(429) };
                let mut response = refuse(&refusal);
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                Ok(response)
            }
            Fault::After(code) => {
                drop(self.carry_out(asked));
                Ok(refuse(&Refusal::of_code(code)))
            }
            Fault::Hang => pending().await,
            Fault::HangAfter => {
                drop(self.carry_out(asked));
                pending().await
            }
            Fault::Delay(time) => {
                let response = self.carry_out(asked);
                tokio::time::sleep(time).await;
                Ok(response)
            }
            Fault::Drop => Err(Broken),
            Fault::DropAfter => {
                drop(self.carry_out(asked));
                Err(Broken)
            }
            Fault::Truncate => Ok(truncate(self.carry_out(asked)).await),
            Fault::Rival if asked.verb == Verb::Create => Ok(refuse(&Refusal::of_code(409))),
            Fault::Rival => {
                self.rival(&asked.target);
                Ok(self.carry_out(asked))
            }
        }
    }

    /// Lets somebody else write to an object: a note that means nothing to anybody.
    fn rival(&self, target: &Target) {
        let note = json!({"metadata": {"annotations": {"example.com/note": self.inner.scatter().to_string()}}});
        // An object that is not there has no rivals.
        let _ = Direct::new(&self.inner, "rival").merge(&target.kind.names.plural, &target.key(), note);
    }

    fn carry_out(&self, asked: Asked) -> Response<Reply> {
        let result = match asked.verb {
            Verb::Get | Verb::List => self.read(&asked),
            Verb::Watch => self.watch(asked),
            _ => self.write(&asked),
        };
        result.unwrap_or_else(|refusal| refuse(&refusal))
    }

    fn pen(&self, asked: &Asked) -> Result<ResponseFormat, Refusal> {
        let accept = header_text(&asked.headers, &header::ACCEPT);
        let form = Form::read(accept, asked.query.get("includeObject"))?;
        Ok(ResponseFormat {
            kind: Arc::clone(&asked.target.kind),
            version: asked.target.version.clone(),
            form,
            now: self.inner.now(),
        })
    }

    fn read(&self, asked: &Asked) -> Result<Response<Reply>, Refusal> {
        let pen = self.pen(asked)?;
        if asked.verb == Verb::List {
            let listed = self.inner.list(&asked.target, &asked.query)?;
            return Ok(whole(200, pen.list(&listed.objects, &listed.meta)));
        }
        let object = self.inner.get(&asked.target, &asked.query)?;
        if asked.target.subresource == "scale" {
            return Ok(whole(200, bytes(&scale_of(&asked.target.kind, &object)?)));
        }
        Ok(whole(200, pen.object(&object)))
    }

    fn watch(&self, asked: Asked) -> Result<Response<Reply>, Refusal> {
        let pen = self.pen(&asked)?;
        let lines = watch::open(&self.inner, asked.target, &asked.query, pen)?;
        let frames = lines.map(|line| Ok::<_, Broken>(Frame::data(line)));
        Ok(response(200, BodyExt::boxed_unsync(StreamBody::new(frames))))
    }

    fn write(&self, asked: &Asked) -> Result<Response<Reply>, Refusal> {
        let pen = self.pen(asked)?;
        let body = read_body(asked)?;
        let order = asked.order(&self.user, &body)?;
        if asked.target.subresource == "eviction" {
            return self.evict(order, &body);
        }
        let done = match asked.verb {
            Verb::Create => self.inner.create(&order, body)?,
            Verb::Update => self.inner.update(&order, body)?,
            Verb::Patch => self.inner.patch(&order, &change(asked, body)?)?,
            Verb::DeleteCollection => {
                return self.delete_all(asked, &order, &Deletion::read(&body), &pen);
            }
            _ => {
                let done = self.inner.delete(&order, &Deletion::read(&body))?;
                if done.gone && !order.target.kind.builtin().is_some_and(|builtin| builtin.returns_deleted) {
                    return Ok(whole(200, bytes(&deleted(&order.target, &done.object))));
                }
                done
            }
        };
        let body = if asked.target.subresource == "scale" { bytes(&*done.object) } else { pen.object(&done.object) };
        let mut response = whole(done.code, body);
        for warning in &done.warnings {
            if let Ok(value) = format!("299 - {warning:?}").parse() {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        Ok(response)
    }

    /// Deletes a pod, as an eviction does that no budget forbids; there are none here.
    fn evict(&self, mut order: Order, eviction: &Value) -> Result<Response<Reply>, Refusal> {
        order.target.subresource.clear();
        order.verb = Verb::Delete;
        self.inner.delete(&order, &Deletion::read(eviction.get("deleteOptions").unwrap_or(&Value::Null)))?;
        let said = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        Ok(whole(201, bytes(&said)))
    }

    fn delete_all(
        &self,
        asked: &Asked,
        order: &Order,
        deletion: &Deletion,
        pen: &ResponseFormat,
    ) -> Result<Response<Reply>, Refusal> {
        let listed = self.inner.list(&asked.target, &asked.query)?;
        for object in &listed.objects {
            let mut each = order.clone();
            super::json::text(object, &["metadata", "name"]).clone_into(&mut each.target.name);
            match self.inner.delete(&each, deletion) {
                Err(refusal) if refusal.code != 404 => return Err(refusal),
                _ => {}
            }
        }
        let pen = ResponseFormat {
            form: if pen.form == Form::Table(Include::None) { Form::Object } else { pen.form },
            ..pen.clone()
        };
        Ok(whole(200, pen.list(&listed.objects, &listed.meta)))
    }
}

/// The answer to a delete that took the object away.
fn deleted(target: &Target, object: &Value) -> Value {
    let mut details = target.kind.details(super::json::text(object, &["metadata", "name"]));
    super::json::put(&mut details, &["uid"], super::json::text(object, &["metadata", "uid"]).into());
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// Writes a refusal.
pub fn refuse(refusal: &Refusal) -> Response<Reply> {
    whole(refusal.code, bytes(&refusal.status()))
}

/// Writes an answer whose body is known.
pub fn whole(code: u16, body: Bytes) -> Response<Reply> {
    let never = |never: Infallible| match never {};
    response(code, Full::new(body).map_err(never).boxed_unsync())
}

/// Writes an answer.
pub fn response(code: u16, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Cuts an answer off in its middle.
async fn truncate(response: Response<Reply>) -> Response<Reply> {
    let (parts, mut body) = response.into_parts();
    let first = body.frame().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok()).unwrap_or_default();
    let half = first.slice(..first.len() / 2);
    let frames = stream::iter([Ok(Frame::data(half)), Err(Broken)]);
    Response::from_parts(parts, BodyExt::boxed_unsync(StreamBody::new(frames)))
}
