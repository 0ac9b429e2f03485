//! Credentials of AWS, and requests signed with them.
//!
//! They are found as AWS' own tools find them: the keys in the environment, a token of the cluster for a role (IRSA), a
//! profile in the files of AWS. AWS' libraries for Rust would add a hundred crates and need a newer compiler.
//!
//! # Source
//! AWS SDKs and Tools Reference Guide, "Standardized credential providers"; STS API Reference.

mod profiles;
mod sign;
mod sts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serin_crds::analysis::Sigv4;

use super::super::exchange::Exchange;
use crate::sample::SampleError;
use profiles::{Base, Profiles, Source};
use sign::Signature;
use sts::Role;

/// Temporary credentials are renewed this long before they end.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// How many sessions are remembered.
const REMEMBERED: usize = 256;

/// Credentials of AWS.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    /// The key's id.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
    /// The token of a session, where the key is a temporary one.
    pub session_token: Option<String>,
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// A token that stands for a role, as a cluster gives it to a service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// Where the token is; it is replaced there before it ends.
    pub token_file: PathBuf,
    /// The role.
    pub role_arn: String,
    /// What the session is called in AWS' records.
    pub session_name: String,
}

/// What the controller was told about AWS when it was started. The default knows nothing.
#[derive(Clone, Debug, Default)]
pub struct AwsEnvironment {
    /// Keys.
    pub keys: Option<AwsCredentials>,
    /// The region for metrics that name none.
    pub region: Option<String>,
    /// The profile for metrics that name none.
    pub profile: Option<String>,
    /// The file of credentials.
    pub credentials_file: Option<PathBuf>,
    /// The file of profiles.
    pub config_file: Option<PathBuf>,
    /// A token of the cluster.
    pub web_identity: Option<WebIdentity>,
    /// Where sessions are given, instead of the region's own address.
    pub sts: Option<String>,
}

impl AwsEnvironment {
    /// Reads the variables that AWS' own tools read; `variable` looks one up.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = given("HOME").map(|home| PathBuf::from(home).join(".aws"));
        let file = |name: &str, usual: &str| {
            given(name).map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(usual)))
        };
        let keys = given("AWS_ACCESS_KEY_ID").zip(given("AWS_SECRET_ACCESS_KEY"));
        let identity = given("AWS_WEB_IDENTITY_TOKEN_FILE").zip(given("AWS_ROLE_ARN"));
        Self {
            keys: keys.map(|(access_key, secret_key)| AwsCredentials {
                access_key,
                secret_key,
                session_token: given("AWS_SESSION_TOKEN"),
            }),
            region: given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION")),
            profile: given("AWS_PROFILE"),
            credentials_file: file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config_file: file("AWS_CONFIG_FILE", "config"),
            web_identity: identity.map(|(token_file, role_arn)| WebIdentity {
                token_file: token_file.into(),
                role_arn,
                session_name: given("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| sts::SESSION.to_owned()),
            }),
            sts: given("AWS_ENDPOINT_URL_STS"),
        }
    }
}

/// Signs the requests of one metric.
pub(in crate::provider) struct Signer<'a> {
    settings: Option<&'a Sigv4>,
    service: String,
    host_region: Option<String>,
    path: &'static str,
}

impl<'a> Signer<'a> {
    /// The signer for a metric at an address; none where the address is none of AWS'.
    ///
    /// Settings without any value are those of a metric that says nothing.
    pub fn of(settings: Option<&'a Sigv4>, path: &'static str, address: &str) -> Option<Self> {
        let settings = settings.filter(|settings| **settings != Sigv4::default());
        let host = Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let inside = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"));
        let named = inside.and_then(|inside| {
            let (rest, region) = inside.rsplit_once('.')?;
            Some((rest.rsplit('.').next().unwrap_or(rest).to_owned(), region.to_owned()))
        });
        let (service, host_region) = match named {
            Some((service, region)) if service == "aps-workspaces" => ("aps".to_owned(), Some(region)),
            // Only who asks for it signs for another service.
            Some((service, region)) if settings.is_some() => (service, Some(region)),
            _ if address.contains("aps-workspaces") => ("aps".to_owned(), None),
            _ => return None,
        };
        Some(Self { settings, service, host_region, path })
    }

    /// Adds the signature of a request, and what it needs, to its headers.
    ///
    /// Without settings and without credentials a request goes unsigned.
    pub async fn sign(
        &self,
        exchange: &mut Exchange<'_>,
        aws: &Aws,
        request: (&Method, &Url, &[u8]),
        headers: &mut HeaderMap,
    ) -> Result<(), SampleError> {
        let path = format!("{}.authentication.sigv4", self.path);
        let setup = |why: &str| SampleError::Setup(format!("{path}{why}"));
        let settings = self.settings.cloned().unwrap_or_default();
        let by_keys = aws.environment.keys.is_some() || aws.environment.web_identity.is_some();
        let profiles = match text(settings.profile.as_ref()) {
            None if by_keys => Profiles::default(),
            _ => Profiles::read(&aws.environment).await,
        };
        let region = text(settings.region.as_ref())
            .or(aws.environment.region.as_deref())
            .or_else(|| profiles.region(text(settings.profile.as_ref()).or(aws.environment.profile.as_deref())))
            .or(self.host_region.as_deref());
        let region = region.map(str::to_owned);
        let wanted = Wanted { settings: &settings, region: region.as_deref(), profiles: &profiles };
        let Some(credentials) = aws.credentials(&wanted, exchange, &path).await? else {
            return match self.settings {
                None => Ok(()),
                Some(_) => Err(setup(
                    " needs AWS credentials; give the controller AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
                     a role of its service account, or a profile",
                )),
            };
        };
        let region = region.ok_or_else(|| setup(".region is empty; give it the region of the workspace"))?;
        let what = Signature { region: &region, service: &self.service, at: exchange.at() };
        sign::sign_headers(&credentials, &what, request, headers).map_err(SampleError::Query)
    }
}

/// What credentials are wanted for one metric.
struct Wanted<'a> {
    settings: &'a Sigv4,
    region: Option<&'a str>,
    profiles: &'a Profiles,
}

/// AWS as the controller knows it, with the sessions that are under way.
#[derive(Debug, Default)]
pub(in crate::provider) struct Aws {
    environment: AwsEnvironment,
    sessions: Mutex<BTreeMap<String, (AwsCredentials, Timestamp)>>,
}

impl Aws {
    /// AWS, as the environment tells of it.
    pub fn new(environment: AwsEnvironment) -> Self {
        Self { environment, sessions: Mutex::default() }
    }

    /// The credentials for a metric; none if there are none at all.
    async fn credentials(
        &self,
        wanted: &Wanted<'_>,
        exchange: &mut Exchange<'_>,
        path: &str,
    ) -> Result<Option<AwsCredentials>, SampleError> {
        let setup = |why: String| SampleError::Setup(format!("{path}{why}"));
        let (profile, environment) = (text(wanted.settings.profile.as_ref()), &self.environment);
        let mut source = match profile {
            Some(name) => {
                Some(wanted.profiles.source(name, environment).map_err(|why| setup(format!(".profile: {why}")))?)
            }
            None => match (&environment.keys, &environment.web_identity) {
                (Some(keys), _) => Some(Base::Keys(keys.clone()).into()),
                (None, Some(identity)) => Some(Base::WebIdentity(identity.clone()).into()),
                (None, None) => {
                    let name = environment.profile.as_deref().unwrap_or("default");
                    wanted.profiles.source(name, environment).ok()
                }
            },
        };
        match (&mut source, text(wanted.settings.role_arn.as_ref())) {
            (Some(source), Some(role)) => source.roles.push(role.to_owned()),
            (_, None) => {}
            (None, Some(_)) => {
                return Err(setup(".roleArn needs AWS credentials of somebody who may take on that role".into()));
            }
        }
        match source {
            Some(source) => self.session(&source, wanted.region, exchange, path).await.map(Some),
            None => Ok(None),
        }
    }

    /// The credentials that a source gives, and sessions where it takes some.
    async fn session(
        &self,
        source: &Source,
        region: Option<&str>,
        exchange: &mut Exchange<'_>,
        path: &str,
    ) -> Result<AwsCredentials, SampleError> {
        let Source { base, roles } = source;
        let sts = || {
            let address = sts::address(self.environment.sts.as_deref(), region);
            address.map_err(|why| SampleError::Setup(format!("{path}{why}")))
        };
        let (mut credentials, mut name) = match base {
            Base::Keys(keys) => (keys.clone(), keys.access_key.clone()),
            Base::WebIdentity(identity) => {
                let name = format!("{} {}", identity.token_file.display(), identity.role_arn);
                let credentials = match self.known(&name, exchange.at()) {
                    Some(credentials) => credentials,
                    None => self.keep(&name, sts::with_web_identity(identity, &sts()?, exchange).await?),
                };
                (credentials, name)
            }
        };
        for role in roles {
            name = format!("{name} > {role}");
            if let Some(known) = self.known(&name, exchange.at()) {
                credentials = known;
                continue;
            }
            let role = Role { arn: role, region: region.unwrap_or(sts::GLOBAL), credentials: &credentials };
            credentials = self.keep(&name, sts::assume_role(&role, &sts()?, exchange).await?);
        }
        Ok(credentials)
    }

    fn known(&self, name: &str, at: Timestamp) -> Option<AwsCredentials> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let (credentials, until) = sessions.get(name)?;
        (at.checked_add(MARGIN).ok()? < *until).then(|| credentials.clone())
    }

    fn keep(&self, name: &str, session: (AwsCredentials, Timestamp)) -> AwsCredentials {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= REMEMBERED {
            sessions.clear();
        }
        let credentials = session.0.clone();
        sessions.insert(name.to_owned(), session);
        credentials
    }
}

fn text(given: Option<&String>) -> Option<&str> {
    given.map(String::as_str).filter(|text| !text.is_empty())
}
