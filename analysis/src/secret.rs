//! Values that must not be seen: what is read from Secrets, and how it is kept out of everything that is written.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serin_crds::analysis::{Argument, SecretKeyRef};

/// What URLs encode in a value: everything but letters, digits and `-._~`.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What stands in the place of a secret, as in Argo Rollouts.
const MASK: &str = "*****";

/// A value that cannot be formatted, compared or serialised by accident.
///
/// ```compile_fail
/// println!("{:?}", serin_analysis::secret::Secret::new("hunter2"));
/// ```
///
/// ```compile_fail
/// println!("{}", serin_analysis::secret::Secret::new("hunter2"));
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes a value in.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Hands the value to whoever has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The keys of one Secret.
pub type SecretKeys = BTreeMap<String, Secret>;

/// Where the values of `secretKeyRef` arguments are looked up.
pub trait SecretLookup {
    /// Finds one value.
    ///
    /// # Errors
    /// Why there is none, in words for a user.
    fn find(&self, reference: &SecretKeyRef) -> Result<Secret, String>;
}

/// Secrets that were read for one round of measurements: by name, what was read or why nothing could be.
#[derive(Clone, Default)]
pub struct SecretSet {
    secrets: BTreeMap<String, Result<SecretKeys, String>>,
}

impl SecretSet {
    /// A set without any Secret.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what came of reading one Secret.
    pub fn insert(&mut self, name: impl Into<String>, read: Result<SecretKeys, String>) {
        self.secrets.insert(name.into(), read);
    }
}

impl SecretLookup for SecretSet {
    fn find(&self, reference: &SecretKeyRef) -> Result<Secret, String> {
        let SecretKeyRef { name, key } = reference;
        match self.secrets.get(name) {
            None => Err(format!("secrets \"{name}\" not found")),
            Some(Err(why)) => Err(why.clone()),
            Some(Ok(keys)) => {
                keys.get(key).cloned().ok_or_else(|| format!("key '{key}' does not exist in secret '{name}'"))
            }
        }
    }
}

/// Names the Secrets that arguments refer to.
pub fn needed(args: &[Argument]) -> BTreeSet<&str> {
    args.iter().filter_map(reference).map(|reference| reference.name.as_str()).collect()
}

/// The Secret that an argument takes its value from, if it does.
pub(crate) fn reference(arg: &Argument) -> Option<&SecretKeyRef> {
    arg.value_from.as_ref()?.secret_key_ref.as_ref()
}

/// Takes secret values out of texts before they are stored, logged or shown.
#[derive(Clone, Default)]
pub struct Redactor {
    patterns: Vec<String>,
}

impl Redactor {
    /// Makes a redactor for these values, in the forms in which they turn up: plain, in JSON, in a URL.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            let plain = secret.expose();
            if plain.is_empty() {
                continue;
            }
            patterns.insert(plain.to_owned());
            patterns.insert(plain.trim().to_owned());
            patterns.insert(quoted(plain));
            patterns.insert(utf8_percent_encode(plain, &UNRESERVED).to_string());
        }
        patterns.remove("");
        let mut patterns: Vec<String> = patterns.into_iter().collect();
        // The longest first: one secret may hold another.
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.len()));
        Self { patterns }
    }

    /// The text without secrets.
    pub fn clean(&self, text: &str) -> String {
        self.patterns.iter().fold(text.to_owned(), |text, pattern| {
            if text.contains(pattern.as_str()) { text.replace(pattern.as_str(), MASK) } else { text }
        })
    }

    /// Whether there is nothing to take out.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secret: &str, text: &str, expect: &str) {
        assert_eq!(Redactor::new([&Secret::new(secret)]).clean(text), expect);
    }

    #[test]
    fn secrets_are_taken_out_in_every_form() {
        check("hunter2", "401 for hunter2 (hunter2)", "401 for ***** (*****)");
        check("a\"b", r#"{"token":"a\"b"}"#, r#"{"token":"*****"}"#);
        check("a/b c", "GET /?t=a%2Fb%20c", "GET /?t=*****");
        check("hunter2\n", "bearer hunter2", "bearer *****");
        check("", "nothing to hide", "nothing to hide");
        check("  ", "a  b", "a*****b");
    }

    #[test]
    fn a_secret_inside_another_leaves_no_rest() {
        let secrets = [Secret::new("abc"), Secret::new("abcdef")];
        assert_eq!(Redactor::new(&secrets).clean("xabcdefy"), "x*****y");
    }

    #[test]
    fn a_missing_secret_and_a_missing_key_are_told_apart() {
        let mut set = SecretSet::new();
        set.insert("prom", Ok(SecretKeys::from([("token".to_owned(), Secret::new("x"))])));
        set.insert("denied", Err("secrets \"denied\" is forbidden".to_owned()));
        let find = |name: &str, key: &str| {
            let reference = SecretKeyRef { name: name.into(), key: key.into() };
            set.find(&reference).map(|secret| secret.expose().to_owned())
        };
        assert_eq!(find("prom", "token"), Ok("x".to_owned()));
        assert_eq!(find("prom", "nope"), Err("key 'nope' does not exist in secret 'prom'".to_owned()));
        assert_eq!(find("other", "token"), Err("secrets \"other\" not found".to_owned()));
        assert_eq!(find("denied", "token"), Err("secrets \"denied\" is forbidden".to_owned()));
    }
}
