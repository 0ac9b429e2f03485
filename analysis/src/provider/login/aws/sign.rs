//! AWS' request signature.
//!
//! # Source
//! AWS, "Create a signed AWS API request" (Signature Version 4).

use std::fmt::Write as _;

use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use ring::{digest, hmac};

use super::AwsCredentials;

/// What AWS encodes: everything but letters, digits and `-._~`.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Adds the signature of a request, and what it needs, to its headers.
///
/// # Errors
/// If the credentials cannot be sent.
pub(super) fn sign_headers(
    credentials: &AwsCredentials,
    what: &Signature<'_>,
    request: (&Method, &Url, &[u8]),
    headers: &mut HeaderMap,
) -> Result<(), String> {
    let signature = sign(credentials, what, request);
    let unusable = || "the AWS credentials can't be sent in a header".to_owned();
    let mut put = |name: &'static str, value: &str| {
        let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
        Ok::<_, String>(())
    };
    put("x-amz-date", &stamp(what.at))?;
    put("x-amz-content-sha256", &hex(digest::digest(&digest::SHA256, request.2).as_ref()))?;
    if let Some(token) = &credentials.session_token {
        put("x-amz-security-token", token)?;
    }
    put("authorization", &signature)
}

/// What a signature is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature<'a> {
    /// The region of the service.
    pub region: &'a str,
    /// The service.
    pub service: &'a str,
    /// When the request is sent.
    pub at: Timestamp,
}

/// The value of the authorization header for a request (method, URL, body) with the headers `host`, `x-amz-date`,
/// `x-amz-content-sha256` and, with temporary credentials, `x-amz-security-token`.
fn sign(credentials: &AwsCredentials, what: &Signature<'_>, request: (&Method, &Url, &[u8])) -> String {
    let (method, url, body) = request;
    let body_hash = hex(digest::digest(&digest::SHA256, body).as_ref());
    let date_time = stamp(what.at);
    let date = date_time.get(..8).unwrap_or_default();
    let mut signed =
        vec![("host", host(url)), ("x-amz-content-sha256", body_hash.clone()), ("x-amz-date", date_time.clone())];
    if let Some(token) = &credentials.session_token {
        signed.push(("x-amz-security-token", token.trim().to_owned()));
    }
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect::<Vec<_>>().concat();
    let canonical = format!("{method}\n{}\n{}\n{lines}\n{names}\n{body_hash}", path(url), query(url));
    let scope = format!("{date}/{}/{}/aws4_request", what.region, what.service);
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("{ALGORITHM}\n{date_time}\n{scope}\n{hash}");
    let mut key = format!("AWS4{}", credentials.secret_key).into_bytes();
    for part in [date, what.region, what.service, "aws4_request"] {
        key = mac(&key, part);
    }
    let signature = hex(&mac(&key, &to_sign));
    format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", credentials.access_key)
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The host as it is sent: with the port unless it is the scheme's own.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The path, encoded once more as AWS wants it for all services but S3.
fn path(url: &Url) -> String {
    if url.path().is_empty() {
        return "/".into();
    }
    url.path().split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// The query string with its pairs encoded and sorted.
fn query(url: &Url) -> String {
    let mut pairs: Vec<(String, String)> =
        url.query_pairs().map(|(name, value)| (encode(&name), encode(&value))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// AWS' own percent encoding: everything but letters, digits and `-._~`.
fn encode(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_published_algorithm() {
        // Computed with a separate implementation (Python's hmac and hashlib) for the same request.
        let credentials = AwsCredentials {
            access_key: "AKIDEXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        let cases = [
            (
                "POST",
                "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1/api/v1/query",
                "query=up&time=1",
                "39abd5a186607a2f58bb1ae415622d716f939743aa32316bdc47d398f1776b08",
            ),
            (
                "GET",
                "https://aps-workspaces.us-east-1.amazonaws.com:8443/a%20b/api?query=up%7Ba%3D%22b%22%7D&a=1",
                "",
                "2adacdf00fe002b5cd2b76f828d1f04286a4fa02b710947f1720a6fa5c7431eb",
            ),
        ];
        for (method, url, body, expect) in cases {
            let at = "2026-01-02T03:04:05Z".parse().expect("time");
            let what = Signature { region: "us-east-1", service: "aps", at };
            let url = Url::parse(url).expect("url");
            let got = sign(&credentials, &what, (&method.parse().expect("method"), &url, body.as_bytes()));
            assert_eq!(got.rsplit_once("Signature=").map(|(_, signature)| signature), Some(expect));
        }
    }
}
