//! One connection to Envoy's HTTP proxy.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::slots::Outcome;
use crate::{
    pod::{HASH_HEADER, POD_HEADER, VERSION_HEADER},
    world::network::ENVOY_PROXY,
};

/// The longest time that a user waits.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// A connection that is opened when it is needed.
#[derive(Debug, Default)]
pub(super) struct Connection(Option<SendRequest<Empty<Bytes>>>);

impl Connection {
    /// Asks for a page; says what came back, and how long it took.
    pub(super) async fn ask(&mut self, page: &Uri) -> (Outcome, Duration) {
        let began = Instant::now();
        let outcome = match tokio::time::timeout(LIMIT, self.exchange(page)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                self.0 = None;
                Outcome::Foreign(error)
            }
            Err(_) => {
                self.0 = None;
                Outcome::Foreign("no answer in 10 s".to_owned())
            }
        };
        (outcome, began.elapsed())
    }

    async fn exchange(&mut self, page: &Uri) -> Result<Outcome, String> {
        let host = page.authority().map_or("", |authority| authority.as_str());
        let request = Request::get(page.clone())
            .header(header::HOST, host)
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let sender = self.sender().await?;
        let response = sender.send_request(request).await.map_err(|error| format!("broken connection: {error}"))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| format!("broken answer: {error}"))?.to_bytes();
        let text = |name| header_text(&head.headers, name);
        let failed = head.status.is_server_error();
        if head.headers.contains_key(POD_HEADER) {
            return Ok(Outcome::Application { version: text(VERSION_HEADER), hash: text(HASH_HEADER), failed });
        }
        let said: String = String::from_utf8_lossy(&body).chars().take(120).collect();
        Ok(Outcome::Foreign(format!("{}: {}", head.status.as_u16(), said.trim())))
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Empty<Bytes>>, String> {
        let usable = match &mut self.0 {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(ENVOY_PROXY).await.map_err(|error| format!("no proxy: {error}"))?;
            let _ = stream.set_nodelay(true);
            let (sender, connection) =
                handshake(TokioIo::new(stream)).await.map_err(|error| format!("no proxy: {error}"))?;
            tokio::spawn(connection);
            self.0 = Some(sender);
        }
        self.0.as_mut().ok_or_else(|| "no proxy".to_owned())
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}
