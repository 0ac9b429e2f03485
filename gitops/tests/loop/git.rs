//! Git, with real repositories: what moves, what is hostile, what refuses, and that no credential is told.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serin_analysis::secret::{Secret, SecretKeys};
use serin_crds::rollback::{ImageEdit, YamlEdit};
use serin_gitops::git::{Access, Change, GitError, Landed, Place, Program, Target, land};

use crate::common::repository::{Folder, Repository, git};

const WEB: &str = "image: web:v2 # keep\n";

fn change(id: &str, file: &str) -> Change {
    let yaml = Some(YamlEdit { path: "image".into(), ..YamlEdit::default() });
    let edit = ImageEdit { file: file.into(), yaml, ..ImageEdit::default() };
    Change {
        id: id.into(),
        edits: vec![Place { edit, from: "web:v2".into(), to: "web:v1".into() }],
        message: format!("back in {file}\n\nSerin-Rollback: {id}\n"),
        author: ("Serin".into(), "serin@example.org".into()),
        since: 1_700_000_000,
        overtaken: None,
    }
}

fn program(work: &Folder, protocols: &str) -> Program {
    let variable = |name: &str| std::env::var(name).ok();
    Program::of(variable, PathBuf::from("git"), work.0.clone(), protocols.into())
}

fn target(url: String) -> Target {
    Target { url, branch: "main".into(), access: Access::open(), timeout: Duration::from_secs(20) }
}

async fn landed(repository: &Repository, changes: &[Change]) -> BTreeMap<String, Landed> {
    let work = Folder::new();
    land(&program(&work, "file"), &target(repository.url()), changes, &|| true).await.unwrap()
}

fn sentence(landed: &Landed) -> &str {
    match landed {
        Landed::Committed(sha) => sha,
        Landed::Overtaken(why) | Landed::Impossible(why) => why,
    }
}

#[tokio::test]
async fn a_commit_is_made_once_and_changes_one_file() {
    let repository = Repository::with(&[("a/web.yaml", WEB), ("b.yaml", "b: 1\n")]);
    let first = landed(&repository, &[change("r1", "a/web.yaml")]).await;
    let again = landed(&repository, &[change("r1", "a/web.yaml")]).await;
    assert!(matches!(first["r1"], Landed::Committed(_)), "{first:?}");
    assert_eq!(first, again, "the commit that was made is found again");
    assert_eq!(repository.changed(), ["a/web.yaml"]);
    assert_eq!(repository.file("a/web.yaml"), "image: web:v1 # keep\n");
    let author = git(&repository.path(), &["log", "-1", "--format=%an <%ae> %cn", "main"]);
    assert_eq!(author.trim(), "Serin <serin@example.org> Serin");
    // Somebody tries the version once more: our commit is found, and not made a second time.
    repository.commit("again v2", &[("a/web.yaml", WEB)]);
    assert_eq!(landed(&repository, &[change("r1", "a/web.yaml")]).await, first);
    assert_eq!(repository.subjects().len(), 3);
}

#[tokio::test]
async fn a_commit_is_found_however_many_others_follow_it() {
    let repository = Repository::with(&[("web.yaml", WEB)]);
    let first = landed(&repository, &[change("r1", "web.yaml")]).await;
    let script: String =
        (0..120).map(|_| "commit refs/heads/main\ncommitter p <p@example.org> now\ndata 1\nx\n").collect();
    let script = script.replacen("commit refs", "reset refs/heads/main\nfrom refs/heads/main^0\n\ncommit refs", 1);
    let fed = std::process::Command::new("git")
        .args(["fast-import", "--quiet", "--date-format=now", "--force"])
        .current_dir(repository.path())
        .stdin(std::process::Stdio::piped())
        .spawn();
    let mut fed = fed.unwrap();
    std::io::Write::write_all(&mut fed.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(fed.wait().unwrap().success());
    repository.commit("again v2", &[("web.yaml", WEB)]);
    assert_eq!(repository.subjects().len(), 123);
    assert_eq!(landed(&repository, &[change("r1", "web.yaml")]).await, first);
    assert_eq!(repository.subjects().len(), 123);
    // Another rollback is made on top of what is there.
    let second = landed(&repository, &[change("r2", "web.yaml")]).await;
    assert!(matches!(second["r2"], Landed::Committed(_)), "{second:?}");
    assert_eq!(repository.subjects().len(), 124);
}

#[tokio::test]
async fn a_branch_that_moves_is_fetched_and_the_change_is_made_again() {
    let repository = Repository::with(&[("web.yaml", WEB)]);
    let (work, moves) = (Folder::new(), AtomicUsize::new(0));
    let moving = || {
        if moves.fetch_add(1, Ordering::SeqCst) < 2 {
            repository.commit("somebody else", &[(&format!("{}.yaml", moves.load(Ordering::SeqCst)), "x: 1\n")]);
        }
        true
    };
    let changes = [change("r1", "web.yaml")];
    let landed = land(&program(&work, "file"), &target(repository.url()), &changes, &moving).await.unwrap();
    assert!(matches!(landed["r1"], Landed::Committed(_)), "{landed:?}");
    assert_eq!(repository.subjects(), ["back in web.yaml", "somebody else", "somebody else", "first"]);
    assert_eq!(std::fs::read_dir(&work.0).unwrap().count(), 0, "nothing is left of the work");
}

#[tokio::test]
async fn a_branch_that_never_rests_is_given_up_for_now() {
    let repository = Repository::with(&[("web.yaml", WEB)]);
    let (work, number) = (Folder::new(), AtomicUsize::new(0));
    let moving = || {
        let text = format!("x: {}\n", number.fetch_add(1, Ordering::SeqCst));
        repository.commit("somebody else", &[("x.yaml", &text)]);
        true
    };
    let changes = [change("r1", "web.yaml")];
    let error = land(&program(&work, "file"), &target(repository.url()), &changes, &moving).await.unwrap_err();
    assert_eq!(error.to_string(), "the branch main moved 5 times while the change was made");
    assert_eq!(repository.file("web.yaml"), WEB);
}

#[tokio::test]
async fn whoever_was_faster_is_left_alone() {
    let repository = Repository::with(&[("web.yaml", "image: web:v3\n")]);
    let forward = landed(&repository, &[change("r1", "web.yaml")]).await;
    let expect = "web.yaml names web:v3, not web:v2 that was aborted: somebody has changed it";
    assert_eq!(forward["r1"], Landed::Overtaken(expect.into()));
    repository.commit("by hand", &[("web.yaml", "image: web:v1\n")]);
    let back = landed(&repository, &[change("r1", "web.yaml")]).await;
    let expect = "web.yaml names web:v1 already: somebody has taken the release back";
    assert_eq!(back["r1"], Landed::Overtaken(expect.into()));
    // Also one who comes between our look and our push.
    repository.commit("v2", &[("web.yaml", WEB)]);
    let (work, once) = (Folder::new(), AtomicBool::new(false));
    let faster = || {
        if !once.swap(true, Ordering::SeqCst) {
            repository.commit("v4", &[("web.yaml", "image: web:v4\n")]);
        }
        true
    };
    let changes = [change("r1", "web.yaml")];
    let landed = land(&program(&work, "file"), &target(repository.url()), &changes, &faster).await.unwrap();
    assert!(sentence(&landed["r1"]).contains("names web:v4"), "{landed:?}");
    assert_eq!(repository.subjects(), ["v4", "v2", "by hand", "first"]);
    let gone = Change { overtaken: Some("the Rollout is gone".into()), ..change("r2", "web.yaml") };
    assert_eq!(self::landed(&repository, &[gone]).await["r2"], Landed::Overtaken("the Rollout is gone".into()));
}

#[tokio::test]
async fn many_at_once_lose_none() {
    let files: Vec<String> = (0..12).map(|number| format!("apps/{number}/web.yaml")).collect();
    let with: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), WEB)).collect();
    let repository = Repository::with(&with);
    let change = |number: usize| change(&format!("r{number}"), &files[number]);
    let parts: Vec<Vec<Change>> = (0..3).map(|part| (0..4).map(|number| change(part * 4 + number)).collect()).collect();
    let (one, two, three) =
        tokio::join!(landed(&repository, &parts[0]), landed(&repository, &parts[1]), landed(&repository, &parts[2]));
    for landed in one.values().chain(two.values()).chain(three.values()) {
        assert!(matches!(landed, Landed::Committed(_)), "{landed:?}");
    }
    assert_eq!(repository.subjects().len(), 13);
    assert!(files.iter().all(|file| repository.file(file) == "image: web:v1 # keep\n"));
}

#[tokio::test]
async fn hostile_content_does_nothing() {
    let huge = format!("image: web:v2\nx: {}\n", "y".repeat(2 * 1024 * 1024));
    let repository = Repository::with(&[
        ("apps/web.yaml", WEB),
        ("huge.yaml", &huge),
        (".gitattributes", "* filter=evil ident text eol=crlf\n"),
        (".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c touch% /tmp/owned\n"),
        ("bin.yaml", "image: web:v2\n"),
    ]);
    let work = Folder::new();
    git(&work.0, &["clone", "-q", &repository.url(), "x"]);
    let here = work.0.join("x");
    std::os::unix::fs::symlink("/etc/passwd", here.join("out.yaml")).unwrap();
    std::os::unix::fs::symlink("apps", here.join("inner")).unwrap();
    std::fs::write(here.join("bin.yaml"), b"image: \xff\n").unwrap();
    git(&here, &["add", "-A"]);
    let head = git(&here, &["rev-parse", "HEAD"]);
    git(&here, &["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", head.trim())]);
    git(&here, &["commit", "-q", "-m", "hostile"]);
    git(&here, &["push", "-q", "origin", "HEAD:main"]);
    for (file, expect) in [
        ("out.yaml", "is a link"),
        ("inner/web.yaml", "is not in the branch main"),
        ("sub", "is a submodule"),
        ("sub/x", "is not in the branch main"),
        ("apps", "is no file"),
        ("huge.yaml", "is larger than 1048576 bytes"),
        ("bin.yaml", "is not UTF-8"),
        ("*.yaml", "is not in the branch main"),
        ("none.yaml", "is not in the branch main"),
    ] {
        let landed = landed(&repository, &[change("r1", file)]).await;
        assert!(matches!(&landed["r1"], Landed::Impossible(why) if why.contains(expect)), "{file}: {landed:?}");
    }
    let sound = landed(&repository, &[change("r1", "apps/web.yaml")]).await;
    assert!(matches!(sound["r1"], Landed::Committed(_)), "{sound:?}");
    assert_eq!(repository.file("apps/web.yaml"), "image: web:v1 # keep\n", "no filter has touched it");
    assert_eq!(repository.changed(), ["apps/web.yaml"], "links and submodules are what they were");
}

#[tokio::test]
async fn a_protected_branch_is_a_wait_and_is_never_forced() {
    let repository = Repository::with(&[("web.yaml", WEB)]);
    let hook = repository.path().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho 'branch main is protected' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (work, changes) = (Folder::new(), [change("r1", "web.yaml")]);
    let attempt = || async { land(&program(&work, "file"), &target(repository.url()), &changes, &|| true).await };
    let error = attempt().await.unwrap_err();
    assert!(error.to_string().contains("protected"), "{error}");
    std::fs::remove_file(hook).unwrap();
    assert!(attempt().await.is_ok());
    assert_eq!(repository.subjects().len(), 2);
}

#[tokio::test]
async fn protocols_that_are_not_allowed_are_not_spoken() {
    let work = Folder::new();
    let marker = work.0.join("owned");
    let url = format!("ext::sh -c touch% {}", marker.display());
    for url in [url, "http://127.0.0.1:1/x.git".to_owned()] {
        let error = land(&program(&work, "file"), &target(url), &[], &|| true).await.unwrap_err();
        assert!(error.to_string().contains("not allowed"), "{error}");
    }
    assert!(!marker.exists());
}

#[tokio::test]
async fn a_server_that_hangs_is_left_in_time_with_all_that_was_started() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x.git", listener.local_addr().unwrap());
    let work = Folder::new();
    let target = Target { timeout: Duration::from_millis(500), ..target(url) };
    let began = Instant::now();
    let error = land(&program(&work, "http"), &target, &[], &|| true).await.unwrap_err();
    assert!(error.to_string().contains("took longer than"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// A server that asks for a login and refuses every one; answers what it was shown.
async fn refusing() -> (String, std::sync::Arc<Mutex<Vec<String>>>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x.git", listener.local_addr().unwrap());
    let shown = std::sync::Arc::new(Mutex::new(Vec::new()));
    let seen = shown.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 8192];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let login = request.lines().find_map(|line| line.strip_prefix("Authorization: Basic "));
            seen.lock().unwrap().extend(login.map(str::to_owned));
            let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, shown)
}

#[tokio::test]
async fn a_login_is_shown_to_the_server_and_to_nobody_else() {
    use base64::Engine as _;
    let (url, shown) = refusing().await;
    let keys = SecretKeys::from([
        ("username".to_owned(), Secret::new("bot")),
        ("password".to_owned(), Secret::new("s3cr3t'$(id)\n")),
    ]);
    let work = Folder::new();
    let access = Access::of(&url, "git", &keys).unwrap();
    let target = Target { access, ..target(url.clone()) };
    let error = land(&program(&work, "http"), &target, &[change("r1", "web.yaml")], &|| true).await.unwrap_err();
    let login = base64::engine::general_purpose::STANDARD.encode("bot:s3cr3t'$(id)");
    assert!(shown.lock().unwrap().contains(&login), "{:?}", shown.lock().unwrap());
    assert!(
        matches!(&error, GitError::Complaint { .. }) && !format!("{error} {error:?}").contains("s3cr3t"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_commit_is_signed_where_a_key_is_given() {
    let repository = Repository::with(&[("web.yaml", WEB)]);
    let (keys, work) = (Folder::new(), Folder::new());
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "serin@example.org", "-f"])
        .arg(keys.0.join("key"))
        .status();
    assert!(made.unwrap().success());
    let read = |name: &str| std::fs::read_to_string(keys.0.join(name)).unwrap();
    let secret = SecretKeys::from([("ssh-privatekey".to_owned(), Secret::new(read("key").trim_end()))]);
    let target = Target { access: Access::open().signing("sign", &secret).unwrap(), ..target(repository.url()) };
    let changes = [change("r1", "web.yaml")];
    land(&program(&work, "file"), &target, &changes, &|| true).await.unwrap();
    std::fs::write(keys.0.join("signers"), format!("serin@example.org {}", read("key.pub"))).unwrap();
    let signers = format!("gpg.ssh.allowedSignersFile={}", keys.0.join("signers").display());
    let verdict = git(&repository.path(), &["-c", &signers, "log", "-1", "--format=%G? %GS", "main"]);
    assert_eq!(verdict.trim(), "G serin@example.org");
    assert!(Access::open().signing("sign", &SecretKeys::new()).is_err());
}

/// What ssh is given: its arguments, and the file with the key.
const SSH: &str = r#"#!/bin/sh
{ echo "arguments: $*"; for word in "$@"; do case "$word" in */key) cat "$word"; stat -c %a "$word";; esac; done; } > "OUT"
echo "Host key verification failed." >&2
exit 255
"#;

#[tokio::test]
async fn ssh_knows_its_hosts_and_gets_its_key_from_a_file_that_nobody_else_reads() {
    let (tools, work) = (Folder::new(), Folder::new());
    let (ssh, out) = (tools.0.join("ssh"), tools.0.join("out"));
    std::fs::write(&ssh, SSH.replace("OUT", &out.display().to_string())).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.0.display(), std::env::var("PATH").unwrap());
    let work = work.0.join("a b's");
    let program = Program::of(|name| (name == "PATH").then(|| path.clone()), "git".into(), work, "ssh".into());
    let keys = SecretKeys::from([
        ("ssh-privatekey".to_owned(), Secret::new("PRIVATE-LINE-1\nPRIVATE-LINE-2")),
        ("known_hosts".to_owned(), Secret::new("git.example ssh-ed25519 AAAA")),
    ]);
    let url = "git@git.example:shop.git".to_owned();
    let target = Target { access: Access::of(&url, "git", &keys).unwrap(), ..target(url) };
    let error = land(&program, &target, &[], &|| true).await.unwrap_err();
    assert!(error.to_string().contains("Host key verification failed"), "{error}");
    let given = std::fs::read_to_string(out).unwrap();
    let (arguments, file) = given.split_once('\n').unwrap();
    assert_eq!(file, "PRIVATE-LINE-1\nPRIVATE-LINE-2\n600\n");
    assert!(!arguments.contains("PRIVATE") && !error.to_string().contains("PRIVATE"), "{arguments}");
    for option in ["StrictHostKeyChecking=yes", "BatchMode=yes", "GlobalKnownHostsFile=/dev/null", "-F /dev/null"] {
        assert!(arguments.contains(option), "{arguments}");
    }
}

#[test]
fn a_secret_without_what_git_needs_is_told() {
    let keys = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), Secret::new("x"))).collect::<SecretKeys>();
    let check = |url: &str, names: &[&str], expect: &str| {
        let why = Access::of(url, "git", &keys(names)).err().unwrap_or_default();
        assert!(why.contains(expect), "{why}");
    };
    check("https://x/y", &["username"], "neither password nor token");
    check("git@x:y", &["ssh-privatekey"], "no known_hosts");
    check("ssh://x/y", &["known_hosts"], "no ssh-privatekey");
    assert!(Access::of("https://x/y", "git", &keys(&["token"])).is_ok());
    let several = SecretKeys::from([("password".to_owned(), Secret::new("a\nquit=1"))]);
    assert!(Access::of("https://x/y", "git", &several).is_err(), "a line would be another field of the helper");
}
