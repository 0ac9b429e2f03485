//! What is wrong with a RollbackPolicy.

use std::collections::BTreeSet;

use super::{Fault, Faults};
use crate::analysis::SecretKeyRef;
use crate::duration;
use crate::names::{AbortCause, NoticeMoment, Ruling, WriteMode};
use crate::rollback::template::{self, FILE_PLACES, MESSAGE_PLACES};
use crate::rollback::{
    CommitAuthor, HelmEdit, ImageEdit, OpaGate, RollbackGate, RollbackGit, RollbackNotice, RollbackPolicySpec,
    RollbackSelector, SlackNotice, WebhookNotice, path,
};

/// Longest time-out of one call, in seconds.
const LONGEST_CALL: i64 = 600;
/// Longest time that a proof may take, in seconds.
const LONGEST_PROOF: i64 = 30 * 24 * 3600;

/// Every fault in the spec of a RollbackPolicy, in the order of its fields; none if it can be carried out.
pub fn rollback_policy(spec: &RollbackPolicySpec) -> Vec<Fault> {
    let mut faults = Faults::default();
    let RollbackPolicySpec { selector, on, suspend: _, gate, git, notices, proof } = spec;
    self::selector(selector, &mut faults);
    words(on, "spec.on", AbortCause::KNOWN, AbortCause::as_str, &mut faults);
    if let Some(RollbackGate { opa }) = gate {
        match opa {
            Some(opa) => self::opa(opa, &mut faults),
            None => faults.missing("spec.gate.opa", "say who is asked, or leave spec.gate out"),
        }
    }
    self::git(git, &mut faults);
    let mut names = BTreeSet::new();
    for (index, given) in notices.iter().enumerate() {
        let at = format!("spec.notices[{index}]");
        if !names.insert(&given.name) && !given.name.is_empty() {
            faults.wrong(&format!("{at}.name"), &given.name, "another notice has that name already");
        }
        notice(given, &at, &mut faults);
    }
    if let Some(timeout) = proof.as_ref().and_then(|proof| proof.timeout.as_deref()) {
        span(timeout, "spec.proof.timeout", LONGEST_PROOF, &mut faults);
    }
    faults.into_vec()
}

fn selector(selector: &RollbackSelector, faults: &mut Faults) {
    let RollbackSelector { names, match_labels } = selector;
    if names.is_empty() && match_labels.is_empty() {
        faults.missing("spec.selector", "give names, matchLabels or both");
    }
    for (index, name) in names.iter().enumerate().filter(|(_, name)| name.trim().is_empty()) {
        faults.wrong(&format!("spec.selector.names[{index}]"), name, "give the name of a Rollout");
    }
}

/// Words of which all must be known.
fn words<W>(given: &[W], at: &str, known: &[&str], word: fn(&W) -> &str, faults: &mut Faults) {
    for (index, given) in given.iter().enumerate() {
        if !known.contains(&word(given)) {
            faults.wrong(&format!("{at}[{index}]"), word(given), &format!("it must be one of {}", known.join(", ")));
        }
    }
}

fn opa(opa: &OpaGate, faults: &mut Faults) {
    let OpaGate { url, path, token, timeout, undefined, unreachable } = opa;
    let at = "spec.gate.opa";
    http_address(url, &format!("{at}.url"), faults);
    let sound = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    let steps = |part: &str| matches!(part, "." | "..");
    if path.is_empty() {
        faults.missing(&format!("{at}.path"), "give the path of the decision, such as serin/rollback");
    } else if !path.split('/').all(sound) || path.split('/').any(steps) {
        faults.wrong(&format!("{at}.path"), path, "it must be names with / between, as below /v1/data");
    }
    key_of(token.as_ref(), &format!("{at}.token"), faults);
    if let Some(timeout) = timeout {
        span(timeout, &format!("{at}.timeout"), LONGEST_CALL, faults);
    }
    for (field, ruling) in [("undefined", undefined), ("unreachable", unreachable)] {
        if let Some(Ruling::Other(word)) = ruling {
            faults.wrong(&format!("{at}.{field}"), word, "it must be Allow, Deny or Hold");
        }
    }
}

fn git(git: &RollbackGit, faults: &mut Faults) {
    let RollbackGit { url, branch, credentials, edits, mode, author, signing, message, timeout } = git;
    if let Some(rule) = repository_fault(url) {
        // What is wrong may be a password, and is not told.
        faults.say("spec.git.url", rule);
    }
    if !is_branch(branch) {
        faults.wrong("spec.git.branch", branch, "it must be the name of a branch, such as main");
    }
    for (field, secret) in [("credentials", credentials), ("signing", signing)] {
        if secret.as_ref().is_some_and(|secret| secret.name.is_empty()) {
            faults.missing(&format!("spec.git.{field}.name"), "give the name of a Secret");
        }
    }
    if edits.is_empty() {
        faults.missing("spec.git.edits", "say in which file the image stands");
    }
    for (index, given) in edits.iter().enumerate() {
        edit(given, &format!("spec.git.edits[{index}]"), faults);
    }
    match mode {
        None | Some(WriteMode::Push) => {}
        Some(WriteMode::PullRequest) => {
            faults.wrong("spec.git.mode", "PullRequest", "that is not built yet; write Push, or leave mode out");
        }
        Some(WriteMode::Other(word)) => faults.wrong("spec.git.mode", word, "it must be Push"),
    }
    if let Some(CommitAuthor { name, email }) = author {
        for (field, text) in [("name", name), ("email", email)] {
            if text.trim().is_empty() || text.contains(['<', '>', '\n', '\r', '\0']) {
                let rule = "it must be on one line, without < and >";
                faults.wrong(&format!("spec.git.author.{field}"), text, rule);
            }
        }
    }
    if let Some(fault) = message.as_deref().and_then(|text| template::fault(text, MESSAGE_PLACES, false)) {
        faults.say("spec.git.message", &fault);
    }
    if let Some(timeout) = timeout {
        span(timeout, "spec.git.timeout", LONGEST_CALL, faults);
    }
}

/// What is wrong with the address of a repository, as far as its text tells.
fn repository_fault(url: &str) -> Option<&'static str> {
    if url.is_empty() {
        return Some("is missing; give the repository, such as https://git.example/team/config.git");
    }
    if url.starts_with('-') || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("must not have spaces or begin with -");
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        let (host, path) = url.split_once(':').unwrap_or_default();
        let sound = !host.is_empty() && !path.is_empty() && !host.contains('/') && !path.starts_with([':', '-']);
        return (!sound).then_some("must begin with https:// or ssh://, or be of the form git@host:path");
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    match (scheme, user) {
        ("https" | "http", Some(_)) => Some("must not hold a user name or a password; put them into a Secret"),
        ("ssh", Some(user)) if user.contains(':') => Some("must not hold a password; put a key into a Secret"),
        ("https" | "http" | "ssh", _) if authority.is_empty() || authority.starts_with('-') => Some("names no host"),
        ("https" | "http" | "ssh" | "file", _) => None,
        _ => Some("must begin with https:// or ssh://, or be of the form git@host:path"),
    }
}

fn is_branch(branch: &str) -> bool {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
    !branch.contains(wrong)
        && !branch.contains("..")
        && !branch.contains("@{")
        && !branch.starts_with(['-', '@'])
        && !branch.starts_with("refs/")
        && !branch.ends_with('.')
        && branch.split('/').all(part)
}

fn edit(edit: &ImageEdit, at: &str, faults: &mut Faults) {
    let ImageEdit { file, container: _, yaml, kustomize, helm } = edit;
    if let Some(fault) = template::fault(file, FILE_PLACES, true) {
        faults.say(&format!("{at}.file"), &fault);
    } else if !is_file(file) {
        faults.wrong(
            &format!("{at}.file"),
            file,
            "it must be a path from the root of the repository, without . and ..",
        );
    }
    if usize::from(yaml.is_some()) + usize::from(kustomize.is_some()) + usize::from(helm.is_some()) != 1 {
        faults.say(at, "must have exactly one of yaml, kustomize and helm");
    }
    if let Some(yaml) = yaml {
        place(&yaml.path, &format!("{at}.yaml.path"), faults);
    }
    if kustomize.as_ref().is_some_and(|kustomize| kustomize.image.is_empty()) {
        faults.missing(&format!("{at}.kustomize.image"), "give the name of the entry of images");
    }
    if let Some(HelmEdit { tag, repository, digest }) = helm {
        if tag.is_none() && digest.is_none() {
            faults.say(&format!("{at}.helm"), "must have tag, digest or both");
        }
        for (field, given) in [("tag", tag), ("repository", repository), ("digest", digest)] {
            if let Some(given) = given {
                place(given, &format!("{at}.helm.{field}"), faults);
            }
        }
    }
}

/// Whether a path stays inside the repository, and out of what belongs to git.
pub fn is_file(file: &str) -> bool {
    let sound = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
    !file.contains(|c: char| c.is_control() || c == '\\') && file.split('/').all(sound)
}

fn place(text: &str, at: &str, faults: &mut Faults) {
    if let Err(why) = path::parse(text) {
        faults.say(at, &why);
    }
}

fn notice(notice: &RollbackNotice, at: &str, faults: &mut Faults) {
    let RollbackNotice { name, on, slack, webhook } = notice;
    if name.is_empty() {
        faults.missing(&format!("{at}.name"), "give a name by which the status knows the notice");
    } else if !name.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter)) {
        faults.wrong(&format!("{at}.name"), name, "it must be letters, digits, -, _ and .");
    }
    words(on, &format!("{at}.on"), NoticeMoment::KNOWN, NoticeMoment::as_str, faults);
    match (slack, webhook) {
        (Some(slack), None) => self::slack(slack, &format!("{at}.slack"), faults),
        (None, Some(WebhookNotice { url, token })) => {
            http_address(url, &format!("{at}.webhook.url"), faults);
            key_of(token.as_ref(), &format!("{at}.webhook.token"), faults);
        }
        _ => faults.say(at, "must have exactly one of slack and webhook"),
    }
}

fn slack(slack: &SlackNotice, at: &str, faults: &mut Faults) {
    let SlackNotice { channel, token, webhook, url } = slack;
    match (token, webhook) {
        (Some(_), None) if channel.is_none() => {
            faults.missing(&format!("{at}.channel"), "give the id of the channel, such as C0123456789");
        }
        (Some(_), None) | (None, Some(_)) => {}
        _ => faults.say(at, "must have either token and channel, or webhook"),
    }
    key_of(token.as_ref(), &format!("{at}.token"), faults);
    key_of(webhook.as_ref(), &format!("{at}.webhook"), faults);
    if let Some(url) = url {
        http_address(url, &format!("{at}.url"), faults);
    }
}

fn http_address(url: &str, at: &str, faults: &mut Faults) {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if url.is_empty() {
        faults.missing(at, "give an address such as https://host/path");
    } else if authority.is_none_or(str::is_empty) || url.contains(char::is_whitespace) {
        faults.say(at, "must be an address that begins with https:// or http://");
    } else if authority.is_some_and(|authority| authority.contains('@')) {
        faults.say(at, "must not hold a user name or a password; put a token into a Secret");
    }
}

fn key_of(reference: Option<&SecretKeyRef>, at: &str, faults: &mut Faults) {
    let Some(SecretKeyRef { name, key }) = reference else { return };
    for (field, text) in [("name", name), ("key", key)] {
        if text.is_empty() {
            faults.missing(&format!("{at}.{field}"), "name a Secret and a key in it");
        }
    }
}

fn span(text: &str, at: &str, longest: i64, faults: &mut Faults) {
    match duration::parse(text) {
        Err(error) => faults.wrong(at, text, &error.to_string()),
        Ok(span) if span.is_zero() || span.is_negative() || span.as_secs() > longest => {
            faults.wrong(at, text, &format!("it must be more than nothing and at most {longest}s"));
        }
        Ok(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode::salvage;

    fn faults(spec: serde_json::Value) -> Vec<String> {
        let (spec, _): (RollbackPolicySpec, _) = salvage(spec);
        rollback_policy(&spec).into_iter().map(|fault| fault.message).collect()
    }

    fn sound() -> serde_json::Value {
        json!({
            "selector": {"names": ["my-app"]},
            "gate": {"opa": {"url": "http://opa.policy:8181", "path": "serin/rollback", "timeout": "2s"}},
            "git": {
                "url": "https://git.example/shop.git", "branch": "main", "credentials": {"name": "git"},
                "edits": [{"file": "apps/{{rollout}}/kustomization.yaml", "kustomize": {"image": "my-app"}}],
                "message": "back to {{to}}",
            },
            "notices": [{"name": "team", "slack": {"channel": "C1", "token": {"name": "slack", "key": "token"}}}],
            "proof": {"timeout": "10m"},
        })
    }

    #[test]
    fn a_sound_policy_has_no_fault() {
        assert_eq!(faults(sound()), Vec::<String>::new());
        for url in ["git@git.example:shop.git", "ssh://git@git.example:2222/shop.git", "file:///srv/shop.git"] {
            let mut spec = sound();
            spec["git"]["url"] = url.into();
            assert_eq!(faults(spec), Vec::<String>::new(), "{url}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_path() {
        let told = faults(json!({
            "on": ["Analysis", "Moon"],
            "gate": {"opa": {"url": "opa:8181", "path": "a/../b", "token": {"name": "t"}, "timeout": "2", "undefined": "Maybe"}},
            "git": {
                "url": "https://me:secret@git.example/x", "branch": "-f", "mode": "PullRequest",
                "edits": [{"file": "../x", "yaml": {"path": "a..b"}, "helm": {}}, {"file": "a/{{b}}", "kustomize": {}}],
                "author": {"name": "a<b", "email": ""}, "message": "{{who}}", "timeout": "0s",
            },
            "notices": [{"name": "a"}, {"name": "a b", "webhook": {"url": "http://x"}}, {"name": "a", "slack": {"token": {"name": "t", "key": "k"}}},
                {"webhook": {"url": "https://u:p@x/"}}],
            "proof": {"timeout": "-1s"},
        }));
        let expect = [
            "spec.selector is missing; give names, matchLabels or both",
            "spec.on[1] is Moon; it must be one of Analysis, Deadline, Person",
            "spec.gate.opa.url must be an address that begins with https:// or http://",
            "spec.gate.opa.path is a/../b; it must be names with / between, as below /v1/data",
            "spec.gate.opa.token.key is missing; name a Secret and a key in it",
            "spec.gate.opa.timeout is 2; \"2\" has a number without a unit; add s, m or h",
            "spec.gate.opa.undefined is Maybe; it must be Allow, Deny or Hold",
            "spec.git.url must not hold a user name or a password; put them into a Secret",
            "spec.git.branch is -f; it must be the name of a branch, such as main",
            "spec.git.edits[0].file is ../x; it must be a path from the root of the repository, without . and ..",
            "spec.git.edits[0] must have exactly one of yaml, kustomize and helm",
            "spec.git.edits[0].yaml.path has a dot without a key; quote keys with dots like [\"a.key\"]",
            "spec.git.edits[0].helm must have tag, digest or both",
            "spec.git.edits[1].file has {{b}}, which nobody knows; the places are rollout, namespace, labels.NAME",
            "spec.git.edits[1].kustomize.image is missing; give the name of the entry of images",
            "spec.git.mode is PullRequest; that is not built yet; write Push, or leave mode out",
            "spec.git.author.name is a<b; it must be on one line, without < and >",
            "spec.git.author.email is empty; it must be on one line, without < and >",
            "spec.git.message has {{who}}, which nobody knows; the places are rollout, namespace, revision, from, to, images, \
             cause, reason, run, metric, value, condition, duration, decision, policy, ticket",
            "spec.git.timeout is 0s; it must be more than nothing and at most 600s",
            "spec.notices[0] must have exactly one of slack and webhook",
            "spec.notices[1].name is a b; it must be letters, digits, -, _ and .",
            "spec.notices[2].name is a; another notice has that name already",
            "spec.notices[2].slack.channel is missing; give the id of the channel, such as C0123456789",
            "spec.notices[3].name is missing; give a name by which the status knows the notice",
            "spec.notices[3].webhook.url must not hold a user name or a password; put a token into a Secret",
            "spec.proof.timeout is -1s; it must be more than nothing and at most 2592000s",
        ];
        assert_eq!(told, expect);
    }

    #[test]
    fn addresses_that_are_commands_are_refused() {
        for url in ["ext::sh -c id", "--upload-pack=id", "ssh://-oProxyCommand=id/x", "/etc", "ftp://x/y", "x", "a:b\n"]
        {
            assert!(repository_fault(url).is_some(), "{url}");
        }
        for branch in ["", "a b", "a..b", "refs/heads/a", "a/", "/a", "a.lock", "a/.b", "@", "a@{1}", "-a", "a:b"] {
            assert!(!is_branch(branch), "{branch}");
        }
        for file in ["", "/a", "a//b", "a/../b", ".git/config", "a/.GIT/x", "a\\b", "a\n", "a/"] {
            assert!(!is_file(file), "{file}");
        }
        assert!(is_branch("release/1.x") && is_file("a b/ü.yaml"));
    }
}
