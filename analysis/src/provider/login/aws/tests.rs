use std::sync::{Arc, Mutex as StdMutex};

use http::StatusCode;
use serde_json::{Value, json};
use serin_crds::analysis::PrometheusMetric;

use super::*;
use crate::provider::prometheus::{EmptyAnswer, PrometheusOptions};
use crate::provider::{Fetch, FetchError, FetchRequest, FetchResponse, Prometheus};

const WORKSPACE: &str = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1";

/// A network in which Prometheus answers 1, and STS gives sessions that last an hour.
#[derive(Clone, Default)]
struct Network(Arc<StdMutex<Vec<FetchRequest>>>);

impl Fetch for Network {
    fn fetch(&self, request: FetchRequest) -> futures::future::BoxFuture<'static, Result<FetchResponse, FetchError>> {
        let body = if request.url.host_str().unwrap().contains("sts") {
            let form: BTreeMap<_, _> = url::form_urlencoded::parse(&request.body).into_owned().collect();
            let name = form["RoleArn"].rsplit('/').next().unwrap();
            format!(
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>KEY-{name}</AccessKeyId>\
                 <SecretAccessKey>s</SecretAccessKey><SessionToken>token-{name}</SessionToken>\
                 <Expiration>2026-01-02T04:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
            )
        } else {
            json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}).to_string()
        };
        self.0.lock().unwrap().push(request);
        let status = StatusCode::OK;
        let elapsed = std::time::Duration::ZERO;
        Box::pin(async move { Ok(FetchResponse { status, headers: HeaderMap::new(), body: body.into(), elapsed }) })
    }
}

impl Network {
    /// What was asked, as `host: key of the signature, field`.
    fn seen(&self) -> Vec<String> {
        let told = |request: FetchRequest| {
            let signed = request.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
            let credential = signed.as_deref().and_then(|signed| signed.split_once("Credential=")?.1.split_once(','));
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let identity = if body.contains("WebIdentityToken=jwt") { " jwt" } else { "" };
            format!("{}: {}{identity}", request.url.host_str().unwrap(), credential.map_or("unsigned", |(key, _)| key))
        };
        self.0.lock().unwrap().drain(..).map(told).collect()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A metric of a workspace with these settings.
fn metric(address: &str, sigv4: Option<Value>) -> PrometheusMetric {
    let authentication = sigv4.map(|sigv4| json!({"sigv4": sigv4})).unwrap_or_default();
    let metric = json!({"address": address, "query": "up", "authentication": authentication});
    serde_json::from_value(metric).unwrap()
}

fn provider(network: &Network, environment: AwsEnvironment) -> Prometheus {
    Prometheus::new(Arc::new(network.clone()), PrometheusOptions { default_address: None, aws: environment })
}

async fn sampled(environment: AwsEnvironment, metric: PrometheusMetric) -> Result<Vec<String>, String> {
    let network = Network::default();
    let provider = provider(&network, environment);
    let sample = provider.sample(&metric, at("2026-01-02T03:04:05Z"), EmptyAnswer::Keep).await;
    sample.result.map(|_| network.seen()).map_err(|error| error.to_string())
}

fn environment(variables: &[(&str, &str)]) -> AwsEnvironment {
    AwsEnvironment::of(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn keys() -> AwsEnvironment {
    environment(&[("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret")])
}

/// A file that is removed when it is no longer needed.
struct File(PathBuf);

impl File {
    fn of(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("serin-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const HOST: &str = "aps-workspaces.eu-west-1.amazonaws.com";

#[tokio::test]
async fn a_workspace_is_asked_with_the_keys_of_the_environment() {
    let signed = |region: &str| Ok(vec![format!("{HOST}: AKID/20260102/{region}/aps/aws4_request")]);
    assert_eq!(sampled(keys(), metric(WORKSPACE, Some(json!({"region": "us-east-2"})))).await, signed("us-east-2"));
    // The address says it too, and settings without any value are none.
    assert_eq!(sampled(keys(), metric(WORKSPACE, Some(json!({})))).await, signed("eu-west-1"));
    assert_eq!(sampled(keys(), metric(WORKSPACE, None)).await, signed("eu-west-1"));
    let region = AwsEnvironment { region: Some("eu-north-1".into()), ..keys() };
    assert_eq!(sampled(region, metric(WORKSPACE, None)).await, signed("eu-north-1"));
}

#[tokio::test]
async fn who_has_no_credentials_is_told_so_only_where_a_signature_is_asked_for() {
    let nobody = AwsEnvironment::default;
    for settings in [None, Some(json!({})), Some(json!({"region": ""}))] {
        let empty = metric(WORKSPACE, settings);
        assert!(matches!(&sampled(nobody(), empty).await.as_deref(), Ok([only]) if only.ends_with(": unsigned")));
    }
    assert_eq!(
        sampled(nobody(), metric(WORKSPACE, Some(json!({"region": "eu-west-1"})))).await.unwrap_err(),
        "provider.prometheus.authentication.sigv4 needs AWS credentials; give the controller AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, a role of its service account, or a profile"
    );
    let role = metric(WORKSPACE, Some(json!({"roleArn": "arn:aws:iam::1:role/reader"})));
    assert!(sampled(nobody(), role).await.unwrap_err().contains("sigv4.roleArn needs AWS credentials"));
}

#[tokio::test]
async fn nothing_is_signed_for_others_than_amazon() {
    let elsewhere = metric("http://prometheus:9090", Some(json!({"region": "eu-west-1", "profile": "nope"})));
    assert_eq!(sampled(keys(), elsewhere).await, Ok(vec!["prometheus: unsigned".to_owned()]));
}

#[tokio::test]
async fn a_token_of_the_cluster_becomes_a_session_that_is_used_until_shortly_before_its_end() {
    let token = File::of("token", "jwt\n");
    let irsa = environment(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.path()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/serin"),
        ("AWS_REGION", "eu-west-1"),
    ]);
    let network = Network::default();
    let provider = provider(&network, irsa);
    for time in ["03:04:05", "03:54:00", "03:56:00"] {
        let at = at(&format!("2026-01-02T{time}Z"));
        provider.sample(&metric(WORKSPACE, None), at, EmptyAnswer::Keep).await.result.unwrap();
    }
    let sts = "sts.eu-west-1.amazonaws.com: unsigned jwt".to_owned();
    let asked = format!("{HOST}: KEY-serin/20260102/eu-west-1/aps/aws4_request");
    assert_eq!(network.seen(), [sts.clone(), asked.clone(), asked.clone(), sts, asked]);
}

#[tokio::test]
async fn a_role_is_taken_on_by_whoever_has_credentials() {
    let role = json!({"region": "eu-west-1", "roleArn": "arn:aws:iam::1:role/reader"});
    assert_eq!(
        sampled(keys(), metric(WORKSPACE, Some(role))).await.unwrap(),
        [
            "sts.eu-west-1.amazonaws.com: AKID/20260102/eu-west-1/sts/aws4_request".to_owned(),
            format!("{HOST}: KEY-reader/20260102/eu-west-1/aps/aws4_request"),
        ]
    );
}

#[tokio::test]
async fn profiles_are_read_from_the_files_of_aws() {
    let credentials = File::of(
        "credentials",
        "# comment\n[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key=s\n[dev]\naws_access_key_id = AKDEV\n\
         aws_secret_access_key = a=b/c\\\n",
    );
    let config = File::of(
        "config",
        "[default]\nregion = eu-central-1\n[profile dev]\nregion = us-west-2\n[profile reader]\nrole_arn = arn:aws:iam::1:role/reader\n\
         source_profile = dev\nregion = us-west-2\n[profile loop]\nrole_arn = x\nsource_profile = pool\n[profile pool]\nrole_arn = x\n\
         source_profile = loop\n[profile ec2]\nrole_arn = x\ncredential_source = Ec2InstanceMetadata\n[sso-session x]\nregion = nope\n",
    );
    let files =
        || environment(&[("AWS_SHARED_CREDENTIALS_FILE", credentials.path()), ("AWS_CONFIG_FILE", config.path())]);
    let profile = |name: &str| metric(WORKSPACE, Some(json!({"profile": name})));
    let asked = |key: &str, region: &str| format!("{HOST}: {key}/20260102/{region}/aps/aws4_request");
    assert_eq!(sampled(files(), metric(WORKSPACE, None)).await.unwrap(), [asked("AKDEFAULT", "eu-central-1")]);
    assert_eq!(sampled(files(), profile("dev")).await.unwrap(), [asked("AKDEV", "us-west-2")]);
    assert_eq!(
        sampled(files(), profile("reader")).await.unwrap(),
        [
            "sts.us-west-2.amazonaws.com: AKDEV/20260102/us-west-2/sts/aws4_request".to_owned(),
            asked("KEY-reader", "us-west-2")
        ]
    );
    for (name, why) in [
        ("nope", "AWS' files have no profile \"nope\""),
        ("loop", "in a circle"),
        ("ec2", "credential_source \"Ec2InstanceMetadata\" is not supported"),
    ] {
        let told = sampled(files(), profile(name)).await.unwrap_err();
        assert!(told.starts_with("provider.prometheus.authentication.sigv4.profile: ") && told.contains(why), "{told}");
    }
}

#[test]
fn keys_are_shown_nowhere() {
    let environment = environment(&[
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "hunter2"),
    ]);
    assert!(!format!("{environment:?}").contains("hunter2"));
}
