use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Connects for real, and notes of each socket whether it sends at once what it is given.
#[derive(Clone)]
struct Spy {
    tcp: HttpConnector,
    nodelay: Arc<Mutex<Vec<bool>>>,
}

impl Service<Uri> for Spy {
    type Response = TokioIo<TcpStream>;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, nodelay) = (self.tcp.call(to), self.nodelay.clone());
        Box::pin(async move {
            let stream = connecting.await?;
            nodelay.lock().unwrap().push(stream.inner().nodelay().unwrap());
            Ok(stream)
        })
    }
}

/// Listens on loopback; answers one connection, as often as it asks, and gives what it was sent.
async fn server() -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::new(Mutex::new(String::new()));
    let log = sent.clone();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            log.lock().unwrap().push_str(&text);
            let body = if text.starts_with("CONNECT") { "" } else { "content-length: 2\r\n" };
            let rest = if body.is_empty() { "" } else { "{}" };
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{body}\r\n{rest}").as_bytes()).await.unwrap();
        }
    });
    (port, sent)
}

fn config(url: &str) -> Config {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Config::new(url.parse().unwrap())
}

async fn get(transport: Transport, path: &str) -> String {
    let request = http::Request::get(path).body(Body::empty()).unwrap();
    let answer = transport.oneshot(request).await.unwrap();
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_socket_to_the_api_server_sends_at_once_what_it_is_given() {
    let (port, sent) = server().await;
    let nodelay = Arc::default();
    let spy = Spy { tcp: tcp(), nodelay: Arc::clone(&nodelay) };
    let transport = over(spy, &config(&format!("http://127.0.0.1:{port}"))).unwrap();
    assert_eq!(get(transport, "/version").await, "{}");
    assert_eq!(*nodelay.lock().unwrap(), [true]);
    assert!(sent.lock().unwrap().starts_with("GET /version HTTP/1.1"), "{sent:?}");
}

fn proxies(port: u16, except: &str) -> Proxies {
    let address = format!("http://u:p@127.0.0.1:{port}");
    let (http, except) = (address.clone(), except.to_owned());
    let given = move |name: &str| match name {
        "HTTP_PROXY" => Some(http.clone()),
        "HTTPS_PROXY" => Some(address.clone()),
        "NO_PROXY" => Some(except.clone()),
        _ => None,
    };
    Proxies::of(given).unwrap()
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_gone_through_with_its_login() {
    let (port, sent) = server().await;
    let transport = transport(&config("http://cluster.example:8080"), &proxies(port, "")).unwrap();
    assert_eq!(get(transport, "/version").await, "{}");
    let sent = sent.lock().unwrap().clone();
    assert!(sent.starts_with("CONNECT cluster.example:8080 HTTP/1.1\r\n"), "{sent}");
    assert!(sent.to_lowercase().contains("proxy-authorization: basic dtpw\r\n"), "{sent}");
    assert!(sent.contains("GET /version HTTP/1.1"), "{sent}");
}

#[test]
fn whom_a_proxy_is_not_for_is_reached_directly_and_a_proxy_of_the_kubeconfig_goes_before() {
    let check = |url: &str, named: Option<&str>, expect: Option<&str>| {
        let mut config = config(url);
        config.proxy_url = named.map(|uri| uri.parse().unwrap());
        let found = proxy(&config, &proxies(3128, ".svc,10.0.0.0/8")).map(|proxy| proxy.uri().to_string());
        assert_eq!(found.as_deref(), expect, "{url} {named:?}");
    };
    let environment = Some("http://127.0.0.1:3128/");
    check("https://cluster.example", None, environment);
    check("https://kubernetes.default.svc", None, None);
    check("https://10.96.0.1", None, None);
    check("https://127.0.0.1:6443", None, None);
    check("https://10.96.0.1", Some("http://bastion:8080"), Some("http://bastion:8080/"));
    // What kube takes from the environment is asked whom it is for.
    check("https://10.96.0.1", Some("http://u:p@127.0.0.1:3128"), None);
    check("https://cluster.example", Some("http://u:p@127.0.0.1:3128"), environment);
}

#[test]
fn a_proxy_that_cannot_be_spoken_to_is_named() {
    let mut config = config("https://cluster.example");
    config.proxy_url = Some("socks5://bastion:1080".parse().unwrap());
    let error = transport(&config, &Proxies::default()).err().unwrap();
    assert!(matches!(error, kube::Error::ProxyProtocolUnsupported { .. }), "{error:?}");
}
