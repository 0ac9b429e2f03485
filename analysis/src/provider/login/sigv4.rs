//! AWS' request signature, for Amazon's managed Prometheus.
//!
//! # Source
//! AWS, "Create a signed AWS API request" (Signature Version 4).

use std::fmt::{self, Write as _};

use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use reqwest::Url;
use ring::{digest, hmac};
use serin_crds::analysis::Sigv4;

/// The service that Amazon's managed Prometheus is.
const SERVICE: &str = "aps";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Credentials of AWS, as the controller was given them.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    /// The key's id.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
    /// The token of a session, where the key is a temporary one.
    pub session_token: Option<String>,
    /// The region for metrics that name none.
    pub region: Option<String>,
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials")
            .field("access_key", &self.access_key)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Signs the requests of one metric.
pub(in crate::provider) struct Signer<'a> {
    credentials: &'a AwsCredentials,
    region: &'a str,
}

impl<'a> Signer<'a> {
    /// The signer for a metric.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn of(sigv4: &'a Sigv4, path: &str, credentials: Option<&'a AwsCredentials>) -> Result<Self, String> {
        let path = format!("{path}.authentication.sigv4");
        let given = |text: &'a Option<String>| text.as_deref().filter(|text| !text.is_empty());
        if given(&sigv4.profile).is_some() {
            return Err(format!(
                "{path}.profile is not supported; give the controller its credentials in the environment"
            ));
        }
        if given(&sigv4.role_arn).is_some() {
            return Err(format!("{path}.roleArn is not supported; give the controller credentials of that role"));
        }
        let credentials = credentials.ok_or_else(|| {
            format!("{path} needs AWS credentials; give the controller AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        })?;
        let region = given(&sigv4.region).or(credentials.region.as_deref());
        let region = region.ok_or_else(|| format!("{path}.region is empty; give it the region of the workspace"))?;
        Ok(Self { credentials, region })
    }

    /// Adds the signature and what it needs to the headers of a request.
    pub fn sign(
        &self,
        method: &Method,
        url: &Url,
        headers: &mut HeaderMap,
        body: &[u8],
        at: Timestamp,
    ) -> Result<(), String> {
        let signature =
            sign(self.credentials, &Signature { region: self.region, service: SERVICE, at }, (method, url, body));
        let unusable = || "the AWS credentials can't be sent in a header".to_owned();
        let mut put = |name: &'static str, value: &str| {
            let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
            Ok::<_, String>(())
        };
        put("x-amz-date", &stamp(at))?;
        put("x-amz-content-sha256", &hex(digest::digest(&digest::SHA256, body).as_ref()))?;
        if let Some(token) = &self.credentials.session_token {
            put("x-amz-security-token", token)?;
        }
        put("authorization", &signature)
    }
}

/// What a signature is for.
#[derive(Clone, Copy, Debug)]
pub(in crate::provider) struct Signature<'a> {
    /// The region of the service.
    pub region: &'a str,
    /// The service.
    pub service: &'a str,
    /// When the request is sent.
    pub at: Timestamp,
}

/// The value of the authorization header for a request (method, URL, body) with the headers `host`, `x-amz-date`,
/// `x-amz-content-sha256` and, with temporary credentials, `x-amz-security-token`.
pub(in crate::provider) fn sign(
    credentials: &AwsCredentials,
    what: &Signature<'_>,
    request: (&Method, &Url, &[u8]),
) -> String {
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
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
