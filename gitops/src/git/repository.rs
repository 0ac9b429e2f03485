//! A branch as it was fetched, and the commits that are made on top of it.

use std::collections::BTreeMap;

use serin_crds::names::TRAILER_ROLLBACK;

use super::program::{Given, Session};
use super::{Change, GitError, Landed, Place, Target};
use crate::edit::{Edited, LARGEST, take_back};

/// How many commits of the branch are fetched at first.
const DEPTH: usize = 50;
/// How many commits are looked at where the first ones do not reach back to the abort.
const DEEPEST: usize = 10_000;
/// How much older a commit may be than the abort, by the clock of another machine, in seconds.
const SKEW: i64 = 600;
/// Name under which the branch is kept.
const BASE: &str = "refs/serin/base";

/// A file in the tree that is being made.
#[derive(Clone, Debug)]
struct Blob {
    mode: String,
    text: String,
}

/// A branch, with the commits on top of it.
pub(super) struct Repository<'a> {
    session: &'a Session,
    target: &'a Target,
    tip: String,
    /// When the oldest commit that was fetched was made, if there may be older ones; in seconds since 1970.
    oldest: Option<i64>,
    /// Commits of ours in the branch, by the rollback.
    ours: BTreeMap<String, String>,
    /// Files that were read or changed since the branch was fetched.
    files: BTreeMap<String, Blob>,
}

/// Why a file can't be used.
enum Unusable {
    Git(GitError),
    File(String),
}

impl From<GitError> for Unusable {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

impl<'a> Repository<'a> {
    /// Fetches the branch: its last commits, and of the files only those that are asked for later.
    pub async fn fetch(session: &'a Session, target: &'a Target) -> Result<Self, GitError> {
        let folder = session.repository();
        let folder = folder.to_string_lossy();
        let init = ["init", "--quiet", "--bare", "--template=", "--", &folder];
        session.run(&init, Given::default()).await?;
        // Blobs that are missing are asked of where the rest came from.
        for (name, value) in [
            ("core.repositoryFormatVersion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.url", target.url.as_str()),
            ("remote.origin.promisor", "true"),
            ("remote.origin.partialCloneFilter", "blob:none"),
        ] {
            session.run(&["config", name, value], Given::default()).await?;
        }
        let (ours, files) = (BTreeMap::new(), BTreeMap::new());
        let mut repository = Self { session, target, tip: String::new(), oldest: None, ours, files };
        repository.renew().await?;
        Ok(repository)
    }

    /// Fetches the branch anew, and forgets what was made on top of the old one.
    pub async fn renew(&mut self) -> Result<(), GitError> {
        self.fetch_back(&format!("--depth={DEPTH}")).await?;
        self.files.clear();
        self.look(DEPTH).await
    }

    async fn fetch_back(&self, how_far: &str) -> Result<(), GitError> {
        let branch = format!("+refs/heads/{}:{BASE}", self.target.branch);
        let options =
            ["--quiet", "--no-tags", "--no-recurse-submodules", "--filter=blob:none", "--no-write-fetch-head"];
        let fetch = [&["fetch"], options.as_slice(), &[how_far, "origin", &branch]].concat();
        self.session.run(&fetch, Given::default()).await.map(drop)
    }

    /// Looks at the last commits for our own.
    async fn look(&mut self, most: usize) -> Result<(), GitError> {
        let most_text = most.to_string();
        let log = ["log", "--format=%H %ct%n%B%x00", "-n", &most_text, BASE];
        let log = self.session.run(&log, Given::default()).await?;
        let log = String::from_utf8_lossy(&log).into_owned();
        self.ours.clear();
        let (mut number, mut oldest) = (0, None);
        for commit in log.split('\0').map(str::trim_start).filter(|commit| !commit.is_empty()) {
            let (head, message) = commit.split_once('\n').unwrap_or((commit, ""));
            let (sha, made) = head.split_once(' ').unwrap_or((head, ""));
            if number == 0 {
                sha.clone_into(&mut self.tip);
            }
            (number, oldest) = (number + 1, made.parse().ok());
            let trailer = |line: &str| Some(line.strip_prefix(TRAILER_ROLLBACK)?.strip_prefix(':')?.trim().to_owned());
            for id in message.lines().filter_map(trailer) {
                self.ours.insert(id, sha.to_owned());
            }
        }
        self.oldest = oldest.filter(|_| number >= most);
        Ok(())
    }

    /// Looks at the whole history since a moment, if what was fetched does not reach back so far.
    async fn look_back(&mut self, since: i64) -> Result<(), GitError> {
        let since = since.saturating_sub(SKEW);
        if self.oldest.is_none_or(|oldest| oldest <= since) {
            return Ok(());
        }
        let tip = self.tip.clone();
        self.fetch_back(&format!("--shallow-since={since}")).await?;
        self.look(DEEPEST).await?;
        // What was made on top meanwhile stays; a branch that has moved is noticed when it is pushed to.
        self.tip = tip;
        Ok(())
    }

    /// The last commit.
    pub fn tip(&self) -> &str {
        &self.tip
    }

    /// Makes the commit of a change, unless there is one already or somebody else was faster.
    pub async fn commit(&mut self, change: &Change) -> Result<Landed, GitError> {
        if !self.ours.contains_key(&change.id) {
            self.look_back(change.since).await?;
        }
        if let Some(sha) = self.ours.get(&change.id) {
            return Ok(Landed::Committed(sha.clone()));
        }
        if let Some(why) = &change.overtaken {
            return Ok(Landed::Overtaken(why.clone()));
        }
        let edited = match self.edit(&change.edits).await {
            Ok(Ok(edited)) => edited,
            Ok(Err(why)) => return Ok(Landed::Overtaken(why)),
            Err(Unusable::File(why)) => return Ok(Landed::Impossible(why)),
            Err(Unusable::Git(error)) => return Err(error),
        };
        let tree = self.tree(&edited).await?;
        let (name, email) = (change.author.0.as_str(), change.author.1.as_str());
        let environment = [
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", email),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", email),
        ];
        let given = Given { input: Some(change.message.as_bytes()), environment: &environment };
        let mut commit = vec!["commit-tree", &tree, "-p", &self.tip, "-F", "-"];
        if self.session.signs() {
            commit.push("-S");
        }
        let sha = self.session.run(&commit, given).await?;
        self.tip = word(&sha);
        self.files.extend(edited);
        Ok(Landed::Committed(self.tip.clone()))
    }

    /// Edits the files of a change; the inner error says what somebody else has done.
    async fn edit(&mut self, places: &[Place]) -> Result<Result<BTreeMap<String, Blob>, String>, Unusable> {
        let mut edited: BTreeMap<String, Blob> = BTreeMap::new();
        let (mut there, mut to) = (Vec::new(), "");
        for Place { edit, from, to: stable } in places {
            let file = edit.file.as_str();
            let blob = match edited.get(file) {
                Some(blob) => blob.clone(),
                None => self.read(file).await?,
            };
            let taken = take_back(&blob.text, edit, from, stable);
            match taken.map_err(|why| Unusable::File(format!("{file} {why}")))? {
                Edited::Changed(text) => {
                    edited.insert(file.to_owned(), Blob { text, ..blob });
                }
                Edited::There => {
                    there.push(file);
                    to = stable;
                }
                Edited::Other(other) => {
                    let why = format!("{file} names {other}, not {from} that was aborted: somebody has changed it");
                    return Ok(Err(why));
                }
            }
        }
        if edited.is_empty() {
            let files = there.join(", ");
            return Ok(Err(format!("{files} names {to} already: somebody has taken the release back")));
        }
        Ok(Ok(edited))
    }

    /// Reads a file of the branch.
    async fn read(&mut self, file: &str) -> Result<Blob, Unusable> {
        if let Some(blob) = self.files.get(file) {
            return Ok(blob.clone());
        }
        let list = ["ls-tree", "-z", "--full-tree", &self.tip, "--", file];
        let list = self.session.run(&list, Given::default()).await?;
        let list = String::from_utf8_lossy(&list).into_owned();
        let entry = list.split('\0').find_map(|entry| {
            let (facts, name) = entry.split_once('\t')?;
            let mut facts = facts.split(' ');
            (name == file)
                .then(|| (facts.next().unwrap_or_default().to_owned(), facts.nth(1).unwrap_or_default().to_owned()))
        });
        let Some((mode, sha)) = entry else {
            return Err(Unusable::File(format!("{file} is not in the branch {}", self.target.branch)));
        };
        match mode.as_str() {
            "100644" | "100755" => {}
            "120000" => return Err(Unusable::File(format!("{file} is a link; name the file that it leads to"))),
            "160000" => return Err(Unusable::File(format!("{file} is a submodule; name its own repository"))),
            _ => return Err(Unusable::File(format!("{file} is no file"))),
        }
        let size = self.session.run(&["cat-file", "-s", &sha], Given::default()).await?;
        if word(&size).parse::<usize>().ok().is_none_or(|size| size > LARGEST) {
            return Err(Unusable::File(format!("{file} is larger than {LARGEST} bytes")));
        }
        let bytes = self.session.run(&["cat-file", "blob", &sha], Given::default()).await?;
        let text = String::from_utf8(bytes).map_err(|_| Unusable::File(format!("{file} is not UTF-8")))?;
        let blob = Blob { mode, text };
        self.files.insert(file.to_owned(), blob.clone());
        Ok(blob)
    }

    /// Makes the tree of the tip with other files in it.
    async fn tree(&self, edited: &BTreeMap<String, Blob>) -> Result<String, GitError> {
        let run = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
            async move {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                self.session.run(&arguments, Given::default()).await
            }
        };
        run(&["read-tree", &self.tip]).await?;
        for (file, Blob { mode, text }) in edited {
            // Without a path: no filter of the repository is asked.
            let given = Given { input: Some(text.as_bytes()), ..Given::default() };
            let sha = self.session.run(&["hash-object", "-w", "--stdin"], given).await?;
            run(&["update-index", "--add", "--cacheinfo", mode, &word(&sha), file]).await?;
        }
        // What was not fetched is not looked for.
        Ok(word(&run(&["write-tree", "--missing-ok"]).await?))
    }

    /// Pushes; false when the branch has moved.
    pub async fn push(&self) -> Result<bool, GitError> {
        let branch = format!("{}:refs/heads/{}", self.tip, self.target.branch);
        let push = ["push", "--porcelain", "--no-verify", "--recurse-submodules=no", "origin", &branch];
        match self.session.run(&push, Given::default()).await {
            Ok(_) => Ok(true),
            Err(GitError::Complaint { out, err, .. }) if moved(&out) || moved(&err) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether git says that the branch is not where it was.
fn moved(said: &str) -> bool {
    ["(fetch first)", "(non-fast-forward)", "cannot lock ref", "failed to update ref", "incorrect old value"]
        .iter()
        .any(|sign| said.contains(sign))
}

fn word(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
