use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Method};
use reqwest::Url;

use super::*;
use crate::provider::testserver::{Reply, Server};

/// Loopback, where the test servers are.
fn fetcher() -> HttpFetch {
    let listed = vec!["127.0.0.1".parse().expect("rule"), "localhost".parse().expect("rule")];
    HttpFetch::new(HttpOptions { egress: Egress { listed, ..Egress::default() }, ..HttpOptions::default() })
}

fn get(url: &str) -> FetchRequest {
    FetchRequest {
        method: Method::GET,
        url: Url::parse(url).expect("url"),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        deadline: Duration::from_secs(5),
        insecure: false,
    }
}

async fn check_failure(server: &Server, deadline: Duration, expect: &str) {
    let request = FetchRequest { deadline, ..get(&server.url()) };
    let error = fetcher().fetch(request).await.expect_err("an error");
    assert!(error.to_string().contains(expect), "{error}");
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("gzip");
    encoder.finish().expect("gzip").into()
}

#[tokio::test]
async fn an_answer_comes_with_its_status_and_its_bytes() {
    let server = Server::start(|_| Reply::status(422, "{}")).await;
    let answer = fetcher().fetch(get(&server.url())).await.expect("answer");
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (422, &b"{}"[..]));
    let agent = server.seen()[0].header("user-agent").map(str::to_owned);
    assert!(agent.is_some_and(|agent| agent.starts_with("serin/")));
}

#[tokio::test]
async fn a_compressed_answer_is_decompressed() {
    let body = gzip(&[b'x'; 10_000]);
    let server =
        Server::start(move |_| Reply::Whole(200, vec![("content-encoding", "gzip".into())], body.clone())).await;
    let answer = fetcher().fetch(get(&server.url())).await.expect("answer");
    assert_eq!(answer.body.len(), 10_000);
}

#[tokio::test]
async fn a_hundred_megabytes_are_cut_off_at_one() {
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    let server = Server::start(move |_| Reply::Repeated(vec![], chunk.clone(), 1600)).await;
    check_failure(&server, Duration::from_secs(10), "is larger than 1048576 bytes").await;
    // What is beyond the limit fits into the buffers of the sockets.
    assert!(server.sent() < 16 * 1024 * 1024, "{} bytes were sent", server.sent());
}

#[tokio::test]
async fn an_announced_length_beyond_the_limit_is_not_read_at_all() {
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    let length = (64 * 1024 * 1600).to_string();
    let server =
        Server::start(move |_| Reply::Repeated(vec![("content-length", length.clone())], chunk.clone(), 1600)).await;
    check_failure(&server, Duration::from_secs(10), "is larger than 1048576 bytes").await;
}

#[tokio::test]
async fn a_gzip_bomb_is_cut_off_at_the_same_limit() {
    // 64 MiB in 64 KiB.
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < 128 * 1024);
    let server =
        Server::start(move |_| Reply::Whole(200, vec![("content-encoding", "gzip".into())], bomb.clone())).await;
    check_failure(&server, Duration::from_secs(10), "is larger than 1048576 bytes").await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_at_the_deadline() {
    let server = Server::start(|_| Reply::Hang).await;
    check_failure(&server, Duration::from_millis(300), "gave no complete answer within 0.3 s").await;
}

#[tokio::test]
async fn a_body_that_drips_is_left_at_the_deadline() {
    let server = Server::start(|_| Reply::Drip(vec![b' '; 10_000].into(), Duration::from_millis(20))).await;
    check_failure(&server, Duration::from_millis(300), "gave no complete answer within 0.3 s").await;
}

#[tokio::test]
async fn a_deadline_of_nothing_sends_nothing() {
    let server = Server::start(|_| Reply::json("{}")).await;
    check_failure(&server, Duration::ZERO, "within 0 s").await;
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server =
        Server::start(|_| Reply::Whole(302, vec![("location", "http://169.254.169.254/latest/".into())], Bytes::new()))
            .await;
    let answer = fetcher().fetch(get(&server.url())).await.expect("answer");
    assert_eq!(answer.status.as_u16(), 302);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn broken_answers_are_told_apart_from_missing_ones() {
    let cases: [(&'static [u8], &str); 5] = [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", "broke off"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope", "broke off"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "broke off"),
        (b"", "broke off"),
    ];
    for (bytes, expect) in cases {
        let server = Server::raw(bytes).await;
        check_failure(&server, Duration::from_secs(5), expect).await;
    }
}

#[tokio::test]
async fn nobody_listening_is_told_with_the_address() {
    let port = Server::start(|_| Reply::Hang).await.port();
    let error = fetcher().fetch(get(&format!("http://127.0.0.1:{port}/x?token=secret"))).await.expect_err("an error");
    let text = error.to_string();
    assert!(text.starts_with(&format!("could not connect to http://127.0.0.1:{port}:")), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn loopback_is_refused_unless_listed_also_behind_a_name() {
    let server = Server::start(|_| Reply::json("{}")).await;
    let open = HttpFetch::new(HttpOptions::default());
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let error = open.fetch(get(&format!("http://{host}:{}/", server.port()))).await.expect_err("refused");
        assert!(matches!(&error, FetchError::Refused(why) if why.contains("loopback")), "{host}: {error}");
    }
    let listed = vec![format!("localhost:{}", server.port()).parse().expect("rule")];
    let egress = Egress { listed, only_listed: true, ..Egress::default() };
    let fenced = HttpFetch::new(HttpOptions { egress, ..HttpOptions::default() });
    fenced.fetch(get(&format!("http://localhost:{}/", server.port()))).await.expect("listed");
    fenced.fetch(get(&format!("http://127.0.0.1:{}/", server.port()))).await.expect_err("not listed");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(|_| Reply::json("{}")).await;
    let fetcher = fetcher();
    for _ in 0..3 {
        fetcher.fetch(get(&server.url())).await.expect("answer");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_unless_the_metric_says_insecure() {
    let server = Server::tls().await;
    let url = format!("https://localhost:{}/", server.port());
    let error = fetcher().fetch(get(&url)).await.expect_err("refused");
    assert!(matches!(&error, FetchError::Connect { why, .. } if why.contains("certificate")), "{error}");
    let answer = fetcher().fetch(FetchRequest { insecure: true, ..get(&url) }).await.expect("answer");
    assert_eq!(&answer.body[..], b"over tls");
}

#[tokio::test]
async fn given_proxies_are_used_and_none_from_anywhere_else() {
    let proxy = Server::start(|_| Reply::json("from the proxy")).await;
    // Its own address is not looked at: whoever configures the controller has chosen it.
    let address = Url::parse(&format!("http://localhost:{}", proxy.port())).expect("url");
    let proxies = Proxies { http: Some(address), except: "direct.invalid".into(), ..Proxies::default() };
    let open = HttpFetch::new(HttpOptions { proxies: proxies.clone(), ..HttpOptions::default() });
    let answer = open.fetch(get("http://metrics.example/api")).await.expect("answer");
    assert_eq!(&answer.body[..], b"from the proxy");
    assert_eq!(proxy.seen()[0].target, "http://metrics.example/api");
    open.fetch(get("http://direct.invalid/")).await.expect_err("no such host");
    open.fetch(get("http://127.0.0.1:1/")).await.expect_err("loopback");
    let listed = HttpFetch::new(HttpOptions {
        egress: Egress { listed: vec!["127.0.0.1".parse().expect("rule")], ..Egress::default() },
        proxies,
    });
    listed.fetch(get("http://127.0.0.1:1/")).await.expect_err("nobody listens");
    assert_eq!(proxy.seen().len(), 1);
}
