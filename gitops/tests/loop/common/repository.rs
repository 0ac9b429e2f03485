//! A bare repository in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("serin-gitops-test-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A bare repository with the branch main.
pub struct Repository {
    pub folder: Folder,
}

impl Repository {
    /// Makes one with these files in its first commit.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let repository = Self { folder };
        git(&repository.folder.0, &["init", "-q", "--bare", "-b", "main", "shop.git"]);
        git(&repository.path(), &["config", "uploadpack.allowFilter", "true"]);
        git(&repository.path(), &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        repository.commit("first", files);
        repository
    }

    pub fn path(&self) -> PathBuf {
        self.folder.0.join("shop.git")
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Somebody commits and pushes these files.
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) {
        let work = Folder::new();
        let (url, here) = (self.url(), work.0.as_path());
        let cloned = try_git(&self.folder.0, &["clone", "-q", &url, &here.display().to_string()]);
        assert!(cloned.is_ok(), "{cloned:?}");
        git(here, &["checkout", "-q", "-B", "main"]);
        for (file, text) in files {
            let path = here.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(here, &["add", "-A", "-f"]);
        git(here, &["commit", "-q", "--allow-empty", "-m", message]);
        git(here, &["push", "-q", "origin", "main"]);
    }

    /// What a file says now.
    pub fn file(&self, file: &str) -> String {
        git(&self.path(), &["show", &format!("main:{file}")])
    }

    /// Subjects of the commits, newest first.
    pub fn subjects(&self) -> Vec<String> {
        git(&self.path(), &["log", "--format=%s", "main"]).lines().map(str::to_owned).collect()
    }

    /// The message of the newest commit.
    pub fn message(&self) -> String {
        git(&self.path(), &["log", "-1", "--format=%B", "main"]).trim().to_owned()
    }

    /// Files that the newest commit changes.
    pub fn changed(&self) -> Vec<String> {
        git(&self.path(), &["diff", "--name-only", "main~1", "main"]).lines().map(str::to_owned).collect()
    }
}

/// Runs git as a person does, with an author but without this machine's configuration.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    try_git(folder, arguments).unwrap_or_else(|why| panic!("git {arguments:?}: {why}"))
}

pub fn try_git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "person")
        .env("GIT_AUTHOR_EMAIL", "person@example.org")
        .env("GIT_COMMITTER_NAME", "person")
        .env("GIT_COMMITTER_EMAIL", "person@example.org")
        .env_remove("GIT_DIR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
