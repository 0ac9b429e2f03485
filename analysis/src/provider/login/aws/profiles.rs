//! Profiles in the files of AWS.

use std::collections::BTreeMap;
use std::path::Path;

use super::{AwsCredentials, AwsEnvironment, WebIdentity, sts};

/// How many profiles may take on a role for each other.
const DEEPEST: usize = 5;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Who begins.
    pub base: Base,
    /// The roles that are then taken on, one after the other.
    pub roles: Vec<String>,
}

/// Who has credentials of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Who has keys.
    Keys(AwsCredentials),
    /// Who has a token of the cluster.
    WebIdentity(WebIdentity),
}

impl From<Base> for Source {
    fn from(base: Base) -> Self {
        Self { base, roles: Vec::new() }
    }
}

type Settings = BTreeMap<String, String>;

/// The profiles of both files.
#[derive(Debug, Default)]
pub(super) struct Profiles(BTreeMap<String, Settings>);

impl Profiles {
    /// Reads both files; one that is not there holds nothing.
    pub async fn read(environment: &AwsEnvironment) -> Self {
        let mut profiles = Self::default();
        if let Some(text) = content(environment.config_file.as_deref()).await {
            profiles.add(&text, |name| match name {
                "default" => Some(name),
                name => name.strip_prefix("profile").map(str::trim_start),
            });
        }
        if let Some(text) = content(environment.credentials_file.as_deref()).await {
            profiles.add(&text, |name| Some(name));
        }
        profiles
    }

    /// Adds what a file says; `profile` gives the name of the profile that a section is about.
    fn add(&mut self, text: &str, profile: impl Fn(&str) -> Option<&str>) {
        let mut settings: Option<&mut Settings> = None;
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
            if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                settings = profile(section.0.trim()).map(|name| self.0.entry(name.to_owned()).or_default());
            } else if let (Some(settings), Some((key, value))) = (settings.as_mut(), line.split_once('=')) {
                settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
            }
        }
    }

    /// The region of a profile.
    pub fn region(&self, name: Option<&str>) -> Option<&str> {
        self.0.get(name.unwrap_or("default"))?.get("region").map(String::as_str)
    }

    /// Where the credentials of a profile come from.
    ///
    /// # Errors
    /// What is missing, as a clause.
    pub fn source(&self, name: &str, environment: &AwsEnvironment) -> Result<Source, String> {
        self.find(name, environment, DEEPEST)
    }

    fn find(&self, name: &str, environment: &AwsEnvironment, depth: usize) -> Result<Source, String> {
        let missing = || format!("AWS' files have no profile {name:?}");
        let settings = self.0.get(name).ok_or_else(missing)?;
        let given = |key: &str| settings.get(key).filter(|value| !value.is_empty()).cloned();
        let keys = given("aws_access_key_id").zip(given("aws_secret_access_key"));
        let keys = keys.map(|(access_key, secret_key)| {
            Source::from(Base::Keys(AwsCredentials {
                access_key,
                secret_key,
                session_token: given("aws_session_token"),
            }))
        });
        let Some(role_arn) = given("role_arn") else {
            return keys.ok_or_else(|| format!("the profile {name:?} has neither keys nor a role_arn"));
        };
        if let Some(token_file) = given("web_identity_token_file") {
            let session_name = given("role_session_name").unwrap_or_else(|| sts::SESSION.to_owned());
            let token_file = token_file.into();
            return Ok(Base::WebIdentity(WebIdentity { token_file, role_arn, session_name }).into());
        }
        let of_environment = || environment.keys.clone().map(|keys| Base::Keys(keys).into());
        let source = match (given("source_profile"), given("credential_source").as_deref(), keys) {
            (Some(source), _, keys) if source == name => keys,
            (Some(_), ..) if depth == 0 => return Err("profiles take on roles for each other in a circle".to_owned()),
            (Some(source), ..) => Some(self.find(&source, environment, depth - 1)?),
            (None, Some("Environment"), _) => of_environment(),
            (None, Some(other), _) => return Err(format!("credential_source {other:?} is not supported")),
            (None, None, keys) => keys,
        };
        let mut source = source.ok_or_else(|| format!("nobody can take on the role of the profile {name:?}"))?;
        source.roles.push(role_arn);
        Ok(source)
    }
}

/// The text of a file, if it is there and of a reasonable size.
pub(super) async fn content(path: Option<&Path>) -> Option<String> {
    let path = path?;
    let size = tokio::fs::metadata(path).await.ok()?.len();
    if size > LARGEST { None } else { tokio::fs::read_to_string(path).await.ok() }
}
