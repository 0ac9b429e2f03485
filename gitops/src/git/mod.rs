//! Git: takes images back in a branch, by the git program.
//!
//! Nothing is ever checked out: the few files that matter are read as objects, and a tree is made of the old one and the
//! new objects. So links, filters, submodules and hooks of a repository have nothing to work on.

mod credentials;
mod program;
mod repository;

use std::collections::BTreeMap;
use std::time::Duration;

use serin_crds::rollback::ImageEdit;

pub use self::credentials::Access;
pub use self::program::Program;
use self::program::Session;
use self::repository::Repository;

/// How often a change is made again, because the branch moved meanwhile.
const ATTEMPTS: usize = 5;

/// Why git did not do it. All may pass: a server comes back, a token is renewed, a branch is opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// Something in the way.
    #[error("{0}")]
    Passing(String),
    /// Git said no.
    #[error("git {what} failed: {}", said(.out, .err))]
    Complaint {
        /// The command.
        what: String,
        /// What it wrote.
        out: String,
        /// What it complained.
        err: String,
    },
    /// The branch moved each time.
    #[error("the branch {0} moved {ATTEMPTS} times while the change was made")]
    Moved(String),
}

fn said<'a>(out: &'a str, err: &'a str) -> &'a str {
    match (err, out) {
        ("", "") => "it said nothing",
        ("", out) => out,
        (err, _) => err,
    }
}

/// Where to push to.
#[derive(Clone)]
pub struct Target {
    /// The repository.
    pub url: String,
    /// The branch.
    pub branch: String,
    /// How git is let in.
    pub access: Access,
    /// How long one call may take.
    pub timeout: Duration,
}

/// One rollback, as a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The rollback; it stands in the commit, and is how the commit is found again.
    pub id: String,
    /// The places.
    pub edits: Vec<Place>,
    /// The whole message, with its trailers.
    pub message: String,
    /// Name and address of the author.
    pub author: (String, String),
    /// No commit of ours can be older than this, in seconds since 1970.
    pub since: i64,
    /// Why no commit may be made any more; then it is only looked whether one was made before.
    pub overtaken: Option<String>,
}

/// A place where an image stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The file and how it is edited; the path is filled in.
    pub edit: ImageEdit,
    /// The image that was aborted.
    pub from: String,
    /// The image that was stable.
    pub to: String,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landed {
    /// The commit is in the branch: now, or since an attempt before.
    Committed(String),
    /// Nothing was to be done, because of somebody else; the sentence says why.
    Overtaken(String),
    /// It can't be done, whoever tries again; the sentence says why.
    Impossible(String),
}

/// Lands changes in one branch, each as a commit of its own, all by one push.
///
/// # Guarantees
/// For one id there is at most one commit, whoever tries how often: the history since the abort is looked at before another
/// one is made. The branch only moves forward. `may_push` is asked before each push.
///
/// # Errors
/// What is in the way; nothing was pushed, or it will be found by the next attempt.
pub async fn land(
    program: &Program,
    target: &Target,
    changes: &[Change],
    may_push: &(dyn Fn() -> bool + Send + Sync),
) -> Result<BTreeMap<String, Landed>, GitError> {
    let session = Session::begin(program, target.access.clone(), target.timeout)?;
    let mut repository = Repository::fetch(&session, target).await?;
    for _ in 0..ATTEMPTS {
        let mut landed = BTreeMap::new();
        let tip = repository.tip().to_owned();
        for change in changes {
            landed.insert(change.id.clone(), repository.commit(change).await?);
        }
        if repository.tip() == tip {
            return Ok(landed);
        }
        if !may_push() {
            return Err(GitError::Passing("another one leads now".to_owned()));
        }
        if repository.push().await? {
            return Ok(landed);
        }
        repository.renew().await?;
    }
    Err(GitError::Moved(target.branch.clone()))
}
