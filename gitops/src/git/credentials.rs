//! What git is let in with: from a Secret, through the environment or a file that only we can read; never an argument.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serin_analysis::secret::{Redactor, Secret, SecretKeys};

use super::GitError;

const KEY_FILE: &str = "key";
const HOSTS_FILE: &str = "known_hosts";
const ROOTS_FILE: &str = "ca.crt";
const SIGNING_FILE: &str = "signing";
const USER: &str = "SERIN_GIT_USERNAME";
const PASSWORD: &str = "SERIN_GIT_PASSWORD";
/// Reads what it says out of its environment: no secret is part of it.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$SERIN_GIT_USERNAME" "$SERIN_GIT_PASSWORD"; }; f"#;

/// How git is let in.
#[derive(Clone, Default)]
pub struct Access {
    login: Option<(Secret, Secret)>,
    key: Option<(Secret, Secret)>,
    roots: Option<Secret>,
    signing: Option<Secret>,
}

impl Access {
    /// Nothing: for repositories that let everybody in.
    pub fn open() -> Self {
        Self::default()
    }

    /// Takes what a repository at this address needs out of the keys of a Secret.
    ///
    /// # Errors
    /// Which keys are missing.
    pub fn of(url: &str, name: &str, keys: &SecretKeys) -> Result<Self, String> {
        let key = |names: &[&str]| names.iter().find_map(|name| keys.get(*name)).cloned();
        let roots = key(&["ca.crt"]);
        if url.starts_with("https://") || url.starts_with("http://") {
            let password = key(&["password", "token"]);
            let password = password.ok_or_else(|| format!("the Secret {name} has neither password nor token"))?;
            let user = key(&["username"]).unwrap_or_else(|| Secret::new("git"));
            if [&user, &password].iter().any(|secret| secret.expose().trim_end().contains(['\n', '\r', '\0'])) {
                return Err(format!("username or password in the Secret {name} has several lines"));
            }
            let trimmed = |secret: Secret| Secret::new(secret.expose().trim_end());
            return Ok(Self { login: Some((trimmed(user), trimmed(password))), key: None, roots, signing: None });
        }
        let private = key(&["ssh-privatekey", "sshPrivateKey", "identity"]);
        let private = private.ok_or_else(|| format!("the Secret {name} has no ssh-privatekey"))?;
        let hosts = key(&["known_hosts"]);
        let hosts =
            hosts.ok_or_else(|| format!("the Secret {name} has no known_hosts, without which no host is trusted"))?;
        Ok(Self { login: None, key: Some((private, hosts)), roots: None, signing: None })
    }

    /// Signs commits with the key in a Secret.
    ///
    /// # Errors
    /// The Secret has none.
    pub fn signing(mut self, name: &str, keys: &SecretKeys) -> Result<Self, String> {
        let key = keys.get("ssh-privatekey").cloned();
        self.signing = Some(key.ok_or_else(|| format!("the Secret {name} has no ssh-privatekey to sign with"))?);
        Ok(self)
    }

    /// Whether commits are signed.
    pub(super) fn signs(&self) -> bool {
        self.signing.is_some()
    }

    /// Takes secrets out of texts.
    pub fn redactor(&self) -> Redactor {
        let login = self.login.iter().map(|(_, password)| password);
        // The lines of a key are told as little as the whole.
        let lines: Vec<Secret> = self
            .key
            .iter()
            .map(|(key, _)| key)
            .chain(&self.signing)
            .flat_map(|key| key.expose().lines().map(Secret::new))
            .collect();
        Redactor::new(login.chain(&lines))
    }

    /// Puts into the folder what git reads from files.
    pub(super) fn lay_out(&self, folder: &Path) -> Result<(), GitError> {
        let mut files: BTreeMap<&str, String> = BTreeMap::new();
        if let Some((key, hosts)) = &self.key {
            // Without a line end, ssh takes it for broken.
            files.insert(KEY_FILE, format!("{}\n", key.expose().trim_end()));
            files.insert(HOSTS_FILE, hosts.expose().to_owned());
        }
        if let Some(key) = &self.signing {
            files.insert(SIGNING_FILE, format!("{}\n", key.expose().trim_end()));
        }
        if let Some(roots) = &self.roots {
            files.insert(ROOTS_FILE, roots.expose().to_owned());
        }
        for (name, text) in files {
            use std::io::Write as _;
            let mut options = std::fs::OpenOptions::new();
            let opened = options.write(true).create_new(true).mode(0o600).open(folder.join(name));
            let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| GitError::Passing(format!("cannot write a file for git: {error}")))?;
        }
        Ok(())
    }

    /// Settings of git.
    pub(super) fn settings(&self, folder: &Path) -> Vec<(String, String)> {
        let mut settings = vec![("credential.helper".to_owned(), String::new())];
        if self.login.is_some() {
            settings.push(("credential.helper".to_owned(), HELPER.to_owned()));
        }
        if self.signing.is_some() {
            settings.push(("gpg.format".to_owned(), "ssh".to_owned()));
            settings.push(("user.signingKey".to_owned(), folder.join(SIGNING_FILE).to_string_lossy().into_owned()));
        }
        if self.roots.is_some() {
            settings.push(("http.sslCAInfo".to_owned(), folder.join(ROOTS_FILE).to_string_lossy().into_owned()));
        }
        settings
    }

    /// Variables of git's environment.
    pub(super) fn environment(&self, folder: &Path) -> Vec<(&'static str, String)> {
        let mut variables = Vec::new();
        if let Some((user, password)) = &self.login {
            variables.extend([(USER, user.expose().to_owned()), (PASSWORD, password.expose().to_owned())]);
        }
        // A shell takes the command apart.
        let at = |name: &str| format!("'{}'", folder.join(name).to_string_lossy().replace('\'', r"'\''"));
        let (identity, hosts) = if self.key.is_some() {
            (at(KEY_FILE), at(HOSTS_FILE))
        } else {
            ("none".to_owned(), "/dev/null".to_owned())
        };
        let ssh = format!(
            "ssh -F /dev/null -i {identity} -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
             -o StrictHostKeyChecking=yes -o UserKnownHostsFile={hosts} -o GlobalKnownHostsFile=/dev/null \
             -o ConnectTimeout=15 -o ServerAliveInterval=10 -o ServerAliveCountMax=3"
        );
        variables.push(("GIT_SSH_COMMAND", ssh));
        variables
    }
}
