//! Ways to log in: user and password, client credentials of OAuth 2, AWS' signature.

mod aws;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use serin_crds::analysis::{Authentication, BasicAuth, OAuth2};
use url::form_urlencoded::byte_serialize;

use super::exchange::{Exchange, Terms, form};
use super::quote::quote;
use crate::sample::SampleError;

pub(in crate::provider) use aws::{Aws, Signer};
pub use aws::{AwsCredentials, AwsEnvironment, WebIdentity};

/// A token is renewed this long before it ends.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// How many tokens are remembered.
const REMEMBERED: usize = 1024;

/// What logins need and leave behind for the next ones.
#[derive(Debug, Default)]
pub(in crate::provider) struct Logins {
    /// Tokens that are still good.
    pub tokens: Tokens,
    /// AWS, as the controller knows it.
    pub aws: Aws,
}

/// How one metric logs in.
pub(in crate::provider) struct Login<'a> {
    /// The header for user and password.
    pub basic: Option<HeaderValue>,
    /// The client that gets a token.
    pub oauth2: Option<Client<'a>>,
    /// The signer for AWS.
    pub sigv4: Option<Signer<'a>>,
}

impl<'a> Login<'a> {
    /// Checks the authentication of a metric.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn of(terms: &'a Terms) -> Result<Self, String> {
        let Authentication { basic_auth, oauth2, sigv4 } = &terms.authentication;
        let basic = basic_auth.as_ref().map(basic).transpose()?;
        let oauth2 = oauth2.as_ref().map(Client::of).transpose()?;
        let sigv4 = Signer::of(sigv4.as_ref(), terms.path, &terms.address);
        Ok(Self { basic: basic.flatten(), oauth2: oauth2.flatten(), sigv4 })
    }
}

/// The provider whose settings stand at a path.
fn name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn text(given: Option<&String>) -> Option<&str> {
    given.map(String::as_str).filter(|text| !text.is_empty())
}

/// The header for user and password; none if neither is given.
fn basic(auth: &BasicAuth) -> Result<Option<HeaderValue>, String> {
    let missing = |what: &str| format!("missing mandatory parameter in metric for basic auth setup: {what}");
    match (text(auth.username.as_ref()), text(auth.password.as_ref())) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(missing("username")),
        (Some(_), None) => Err(missing("password")),
        (Some(user), Some(password)) => Ok(Some(basic_header(user, password))),
    }
}

fn basic_header(user: &str, password: &str) -> HeaderValue {
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    // Base64 holds nothing that a header may not.
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// A client of OAuth 2.
#[derive(Clone, Copy)]
pub(in crate::provider) struct Client<'a> {
    token_url: &'a str,
    id: &'a str,
    secret: &'a str,
    scopes: &'a [String],
}

/// What a token depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    token_url: String,
    id: String,
    secret: String,
    scopes: Vec<String>,
}

impl<'a> Client<'a> {
    /// The client of a metric; none where no token URL is given.
    fn of(oauth2: &'a OAuth2) -> Result<Option<Self>, String> {
        let Some(token_url) = text(oauth2.token_url.as_ref()) else {
            return Ok(None);
        };
        match (text(oauth2.client_id.as_ref()), text(oauth2.client_secret.as_ref())) {
            (Some(id), Some(secret)) => Ok(Some(Self { token_url, id, secret, scopes: &oauth2.scopes })),
            _ => Err("missing mandatory parameter in metric for OAuth2 setup".into()),
        }
    }

    fn key(&self) -> Key {
        let Self { token_url, id, secret, scopes } = *self;
        Key { token_url: token_url.into(), id: id.into(), secret: secret.into(), scopes: scopes.to_vec() }
    }

    /// Gets a token and remembers it.
    ///
    /// The client is named in a header first; servers that want it in the form get it there.
    pub async fn obtain(self, exchange: &mut Exchange<'_>, tokens: &Tokens) -> Result<HeaderValue, SampleError> {
        let path = exchange.path();
        let failed = |why: String| SampleError::Query(format!("could not get a token for {}: {why}", name(path)));
        let url = Url::parse(self.token_url)
            .map_err(|_| SampleError::Setup(format!("{path}.authentication.oauth2.tokenUrl is no URL")))?;
        let scopes = self.scopes.join(" ");
        let mut pairs = vec![("grant_type", "client_credentials")];
        if !scopes.is_empty() {
            pairs.push(("scope", &scopes));
        }
        let mut headers = HeaderMap::new();
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        headers.insert(AUTHORIZATION, basic_header(&encoded(self.id), &encoded(self.secret)));
        let mut response = exchange.post(url.clone(), headers, form(&pairs)).await?;
        if response.status.is_client_error() {
            pairs.extend([("client_id", self.id), ("client_secret", self.secret)]);
            response = exchange.post(url, HeaderMap::new(), form(&pairs)).await?;
        }
        if !response.status.is_success() {
            let refusal: Refusal = serde_json::from_slice(&response.body).unwrap_or_default();
            let said = format!("{} {}", refusal.error, refusal.error_description);
            return Err(failed(
                format!("the token endpoint answered {} {}", response.status, quote(&said)).trim_end().to_owned(),
            ));
        }
        let grant: Grant = serde_json::from_slice(&response.body)
            .map_err(|_| failed("the token endpoint answered something else than a token".into()))?;
        let (header, lifetime) = grant.header().ok_or_else(|| failed("the token can't be sent in a header".into()))?;
        tokens.keep(self.key(), header.clone(), lifetime.and_then(|lifetime| exchange.at().checked_add(lifetime).ok()));
        Ok(header)
    }
}

/// What a token endpoint gives.
#[derive(Deserialize)]
struct Grant {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Value,
}

/// What a token endpoint says instead.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
}

impl Grant {
    /// The header to send, and how long it is good for; none if it doesn't say, and then it is for one sample only.
    fn header(&self) -> Option<(HeaderValue, Option<SignedDuration>)> {
        let kind = match self.token_type.as_deref() {
            None | Some("") => "Bearer",
            Some(bearer) if bearer.eq_ignore_ascii_case("bearer") => "Bearer",
            Some(other) => other,
        };
        let mut header = HeaderValue::from_str(&format!("{kind} {}", self.access_token)).ok()?;
        header.set_sensitive(true);
        let seconds = match &self.expires_in {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        Some((header, seconds.filter(|seconds| *seconds > 0).map(SignedDuration::from_secs)))
    }
}

/// Tokens that are still good, so that not each sample asks for one.
#[derive(Default)]
pub(in crate::provider) struct Tokens(Mutex<HashMap<Key, (HeaderValue, Timestamp)>>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// The token of a client, if it is good at that instant.
    pub fn known(&self, client: Client<'_>, at: Timestamp) -> Option<HeaderValue> {
        let known = self.lock();
        let (header, until) = known.get(&client.key())?;
        (at.checked_add(MARGIN).ok()? < *until).then(|| header.clone())
    }

    fn keep(&self, key: Key, header: HeaderValue, until: Option<Timestamp>) {
        let Some(until) = until else {
            return;
        };
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, (header, until));
    }

    /// Forgets a token that was not taken.
    pub fn forget(&self, login: &Login<'_>) {
        if let Some(client) = login.oauth2 {
            self.lock().remove(&client.key());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, (HeaderValue, Timestamp)>> {
        // The map is whole after any panic: each change is a single insert, remove or clear.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
