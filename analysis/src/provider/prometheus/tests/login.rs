use serin_crds::analysis::{Authentication, BasicAuth, Header, OAuth2};

use super::*;
use crate::provider::testserver::Seen;

/// What a server saw of the first request of a metric.
async fn sent_with(change: impl FnOnce(&mut PrometheusMetric)) -> (Sample, Vec<Seen>) {
    let server = Server::start(|_| Reply::json(vector(&["1"]))).await;
    let mut asked = metric(server.url(), "up");
    change(&mut asked);
    let sample = provider().sample(&asked, at(), EmptyAnswer::Keep).await;
    (sample, server.seen())
}

fn basic(user: &str, password: &str) -> Authentication {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let basic_auth = Some(BasicAuth { username: text(user), password: text(password) });
    Authentication { basic_auth, ..Authentication::default() }
}

#[tokio::test]
async fn headers_are_sent_and_those_of_the_connection_are_not() {
    let header = |key: &str, value: &str| Header { key: key.into(), value: value.into() };
    let given = vec![header("X-Scope-OrgID", "team"), header("Host", "evil"), header("x-scope-orgid", "last")];
    let (sample, seen) = sent_with(|metric| metric.headers = given).await;
    assert_eq!(seen[0].header("x-scope-orgid"), Some("last"));
    assert!(seen[0].header("host").is_some_and(|host| host.starts_with("127.0.0.1")));
    let notes =
        [Note::warning("provider.prometheus.headers[1].key is host, which belongs to the connection and is not sent")];
    assert_eq!(sample.notes, notes);
}

#[tokio::test]
async fn user_and_password_are_sent_together_or_not_at_all() {
    let (_, seen) = sent_with(|metric| metric.authentication = Some(basic("Aladdin", "open sesame"))).await;
    assert_eq!(seen[0].header("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    let (_, seen) = sent_with(|metric| metric.authentication = Some(basic("", ""))).await;
    assert_eq!(seen[0].header("authorization"), None);
    let missing = "missing mandatory parameter in metric for basic auth setup:";
    for (user, password, what) in [("", "x", "username"), ("x", "", "password")] {
        let (sample, seen) = sent_with(|metric| metric.authentication = Some(basic(user, password))).await;
        assert_eq!((told(&sample), seen.len()), (format!("! {missing} {what}"), 0));
    }
    let own = Header { key: "Authorization".into(), value: "Bearer mine".into() };
    let (_, seen) = sent_with(|metric| {
        metric.authentication = Some(basic("a", "b"));
        metric.headers = vec![own];
    })
    .await;
    assert_eq!(seen[0].header("authorization"), Some("Bearer mine"));
}

fn oauth2(url: &str, secret: &str, scopes: &[&str]) -> Authentication {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let client_secret = (!secret.is_empty()).then(|| secret.to_owned());
    let oauth2 = Some(OAuth2 { token_url: Some(url.into()), client_id: Some("id".into()), client_secret, scopes });
    Authentication { oauth2, ..Authentication::default() }
}

#[tokio::test]
async fn a_token_is_got_once_and_used_until_shortly_before_it_ends() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/token" => Reply::json("{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":60}"),
        _ => Reply::json(vector(&["1"])),
    })
    .await;
    let provider = provider();
    let authentication = Some(oauth2(&format!("{}/token", server.url()), "s:t", &["read", "write"]));
    let asked = PrometheusMetric { authentication, ..metric(server.url(), "up") };
    for seconds in [0, 10, 49, 51] {
        let at = at() + jiff::SignedDuration::from_secs(seconds);
        assert_eq!(told(&provider.sample(&asked, at, EmptyAnswer::Keep).await), "[1]");
    }
    let seen = server.seen();
    let targets: Vec<&str> = seen.iter().map(|seen| seen.target.as_str()).collect();
    let query = "/api/v1/query";
    assert_eq!(targets, ["/token", query, query, query, "/token", query]);
    // `id:s%3At`
    assert_eq!(seen[0].header("authorization"), Some("Basic aWQ6cyUzQXQ="));
    assert_eq!(seen[0].field("grant_type").as_deref(), Some("client_credentials"));
    assert_eq!(seen[0].field("scope").as_deref(), Some("read write"));
    assert_eq!(seen[1].header("authorization"), Some("Bearer abc"));
}

#[tokio::test]
async fn a_token_that_is_turned_away_is_not_used_again() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/token" => Reply::json("{\"access_token\":\"abc\",\"expires_in\":\"3600\"}"),
        _ => Reply::status(401, ""),
    })
    .await;
    let provider = provider();
    let authentication = Some(oauth2(&format!("{}/token", server.url()), "s", &[]));
    let asked = PrometheusMetric { authentication, ..metric(server.url(), "up") };
    for _ in 0..2 {
        let sample = provider.sample(&asked, at(), EmptyAnswer::Keep).await;
        assert!(told(&sample).contains("401"), "{}", told(&sample));
    }
    assert_eq!(server.seen().iter().filter(|seen| seen.target == "/token").count(), 2);
}

#[tokio::test]
async fn a_server_that_wants_the_client_in_the_form_gets_it_there() {
    let server = Server::start(|seen| match (seen.target.as_str(), seen.field("client_id")) {
        ("/token", None) => Reply::status(401, "{\"error\":\"invalid_client\"}"),
        ("/token", Some(_)) => Reply::json("{\"access_token\":\"abc\"}"),
        _ => Reply::json(vector(&["1"])),
    })
    .await;
    let authentication = Some(oauth2(&format!("{}/token", server.url()), "s", &[]));
    let asked = PrometheusMetric { authentication, ..metric(server.url(), "up") };
    assert_eq!(told(&provider().sample(&asked, at(), EmptyAnswer::Keep).await), "[1]");
    assert_eq!(server.seen()[1].field("client_secret").as_deref(), Some("s"));
}

#[tokio::test]
async fn tokens_that_cannot_be_got_are_told_without_the_secret() {
    let cases = [
        (
            Reply::status(400, "{\"error\":\"invalid_client\",\"error_description\":\"who are you\"}"),
            "answered 400 Bad Request invalid_client who are you",
        ),
        (Reply::status(500, "oops"), "answered 500 Internal Server Error"),
        (Reply::json("<html>"), "answered something else than a token"),
        (Reply::json("{\"access_token\":\"a\\nb\"}"), "the token can't be sent in a header"),
        (Reply::json(vec![b' '; 2 * 1024 * 1024]), "is larger than"),
    ];
    for (reply, expect) in cases {
        let server = Server::start(move |_| reply.clone()).await;
        let authentication = Some(oauth2(&format!("{}/token", server.url()), "hunter2", &[]));
        let asked = PrometheusMetric { authentication, ..metric(server.url(), "up") };
        let text = told(&provider().sample(&asked, at(), EmptyAnswer::Keep).await);
        assert!(text.contains(expect) && !text.contains("hunter2"), "{text}");
    }
    let missing = Some(oauth2("http://127.0.0.1:1", "", &[]));
    let asked = PrometheusMetric { authentication: missing, ..metric("http://127.0.0.1:1", "up") };
    check_setup(&asked, None, "missing mandatory parameter in metric for OAuth2 setup").await;
}
