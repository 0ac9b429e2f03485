//! Sessions: temporary credentials for a role.

use http::{HeaderMap, Method};
use jiff::Timestamp;
use reqwest::Url;

use super::sign::{self, Signature};
use super::{AwsCredentials, WebIdentity, profiles};
use crate::provider::exchange::{Exchange, form};
use crate::provider::quote::quote;
use crate::sample::SampleError;

/// What sessions are called in AWS' records, unless told otherwise.
pub(super) const SESSION: &str = "serin";

/// The region that signs for everybody.
pub(super) const GLOBAL: &str = "us-east-1";

const VERSION: &str = "2011-06-15";

/// A role that somebody takes on.
pub(super) struct Role<'a> {
    /// The role.
    pub arn: &'a str,
    /// The region that is asked.
    pub region: &'a str,
    /// Who takes it on.
    pub credentials: &'a AwsCredentials,
}

/// Where sessions are given.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub(super) fn address(given: Option<&str>, region: Option<&str>) -> Result<Url, String> {
    let region = region.unwrap_or(GLOBAL);
    let plain = region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let usual = format!("https://sts.{region}.{domain}/");
    match given {
        None if !plain => Err(format!(".region is {region:?}, which is no region")),
        given => Url::parse(given.unwrap_or(&usual)).map_err(|_| ": AWS_ENDPOINT_URL_STS is no URL".to_owned()),
    }
}

/// Gets a session for a token of the cluster.
pub(super) async fn with_web_identity(
    identity: &WebIdentity,
    sts: &Url,
    exchange: &mut Exchange<'_>,
) -> Result<(AwsCredentials, Timestamp), SampleError> {
    let WebIdentity { token_file, role_arn, session_name } = identity;
    let token = profiles::content(Some(token_file))
        .await
        .ok_or_else(|| SampleError::Query(format!("could not read the token for AWS in {}", token_file.display())))?;
    let form = form(&[
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", VERSION),
        ("RoleArn", role_arn),
        ("RoleSessionName", session_name),
        ("WebIdentityToken", token.trim()),
    ]);
    ask(role_arn, sts, HeaderMap::new(), form, exchange).await
}

/// Gets a session for a role.
pub(super) async fn assume_role(
    role: &Role<'_>,
    sts: &Url,
    exchange: &mut Exchange<'_>,
) -> Result<(AwsCredentials, Timestamp), SampleError> {
    let form =
        form(&[("Action", "AssumeRole"), ("Version", VERSION), ("RoleArn", role.arn), ("RoleSessionName", SESSION)]);
    let mut headers = HeaderMap::new();
    let what = Signature { region: role.region, service: "sts", at: exchange.at() };
    sign::sign_headers(role.credentials, &what, (&Method::POST, sts, form.as_bytes()), &mut headers)
        .map_err(SampleError::Query)?;
    ask(role.arn, sts, headers, form, exchange).await
}

async fn ask(
    role: &str,
    sts: &Url,
    headers: HeaderMap,
    form: String,
    exchange: &mut Exchange<'_>,
) -> Result<(AwsCredentials, Timestamp), SampleError> {
    let failed = |why: &str| SampleError::Query(format!("could not take on the AWS role {role}: {why}"));
    let response = exchange.post(sts.clone(), headers, form).await?;
    let text = String::from_utf8_lossy(&response.body);
    if !response.status.is_success() {
        let said = [element(&text, "Code"), element(&text, "Message")].map(Option::unwrap_or_default).join(" ");
        return Err(failed(format!("{} {}", response.status, quote(&said)).trim_end()));
    }
    let session = || {
        let credentials = AwsCredentials {
            access_key: element(&text, "AccessKeyId")?.to_owned(),
            secret_key: element(&text, "SecretAccessKey")?.to_owned(),
            session_token: Some(element(&text, "SessionToken")?.to_owned()),
        };
        Some((credentials, element(&text, "Expiration")?.parse().ok()?))
    };
    session().ok_or_else(|| failed("the answer holds no credentials"))
}

/// The text of the first element of this name. The elements that are read hold keys and times, never other elements.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    after.split_once(&format!("</{name}>")).map(|(text, _)| text.trim())
}
