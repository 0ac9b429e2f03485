//! Our kinds on a real API server: they are applied plainly, refuse what they say, and lose nothing.

#[path = "../../../crds/tests/refused/mod.rs"]
mod refused;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use serin_e2e::{
    runner::Fault,
    world::{Options, User, World, WorldError, parse, path_of},
};

use self::refused::{Case, Keeps, Table};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// Where a plain `kubectl apply` keeps a copy of what it was given.
const COPY: &str = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
/// The most that it may hold, with room for growth; the API server takes 262,144 bytes of annotations.
const COPY_LIMIT: usize = 200_000;

/// A control plane alone.
fn alone(kinds: bool) -> Options {
    Options { mesh: false, prometheus: false, pods: false, kinds, ..Options::default() }
}

/// The YAML files of a folder of the repository.
fn files(folder: &str) -> Result<Vec<PathBuf>, Fault> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        found.push(entry?.path());
    }
    found.retain(|file| file.extension().is_some_and(|kind| kind == "yaml"));
    found.sort();
    if found.is_empty() { Err(format!("{} holds no YAML", folder.display()).into()) } else { Ok(found) }
}

/// Nothing, or all faults at once.
fn none(faults: &[String]) -> Result<(), Fault> {
    if faults.is_empty() { Ok(()) } else { Err(format!("{} faults:\n{}", faults.len(), faults.join("\n")).into()) }
}

async fn apply(world: &World, file: &Path) -> Result<String, Fault> {
    let said = world.tool(User::Person, "kubectl", &["apply", "-f", &file.to_string_lossy()]).await?;
    // A warning is a fault too: users would see it with each installation.
    if said.succeeded() && said.err.is_empty() { Ok(said.out) } else { Err(said.to_string().into()) }
}

pub async fn crds_are_applied_plainly() -> Result<(), Fault> {
    let world = World::start(alone(false)).await?;
    let files = [files("crds/generated")?, files("crds/generated/gitops")?].concat();
    let mut faults = Vec::new();
    for file in &files {
        let plural = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let group =
            if file.parent().is_some_and(|folder| folder.ends_with("gitops")) { "serin.dev" } else { "argoproj.io" };
        let name = format!("{plural}.{group}");
        let title = format!("customresourcedefinition.apiextensions.k8s.io/{name}");
        for expect in ["created", "unchanged"] {
            let said = apply(&world, file).await?;
            if said.trim() != format!("{title} {expect}") {
                faults.push(format!("{name}: not {expect}, but {said}"));
            }
        }
        let wait = ["wait", "--for=condition=Established", "--timeout=20s", &title];
        let said = world.tool(User::Person, "kubectl", &wait).await?;
        if !said.succeeded() {
            faults.push(said.to_string());
        }
        let stored = world.get(&format!("{CRDS}/{name}")).await?;
        let conditions = stored.pointer("/status/conditions").and_then(Value::as_array);
        let unsound = |condition: &&Value| condition["type"] == "NonStructuralSchema" && condition["status"] == "True";
        faults.extend(conditions.into_iter().flatten().filter(unsound).map(|condition| format!("{name}: {condition}")));
        match stored.pointer(COPY).and_then(Value::as_str).map(str::len) {
            Some(length) if length < COPY_LIMIT => println!("{name}: {length} bytes"),
            length => faults.push(format!("{name}: the copy of what was applied has {length:?} bytes")),
        }
    }
    if files.len() != 6 {
        faults.push(format!("{} files instead of 6", files.len()));
    }
    none(&faults)
}

impl Case {
    /// Sends it; what is wrong with the answer.
    async fn play(&self, world: &World, object: &Value) -> Result<(), Fault> {
        let created = world.create_object(User::Person, object).await;
        let answered = match (&self.update, created) {
            (Some(change), created) => {
                created.map_err(|error| format!("it can't be created: {}", said(&error)))?;
                world.patch(User::Person, &path_of(object)?, change).await
            }
            (None, created) => created,
        };
        match (answered, &self.refused) {
            (Ok(_), Some(text)) => Err(format!("is accepted instead of refused with {text:?}").into()),
            (Err(error), Some(text)) if said(&error).contains(text) => Ok(()),
            (Err(error), Some(text)) => Err(format!("is refused without {text:?}: {}", said(&error)).into()),
            (Err(error), None) => Err(format!("is refused: {}", said(&error)).into()),
            (Ok(stored), None) => self.kept(&stored),
        }
    }

    fn kept(&self, stored: &Value) -> Result<(), Fault> {
        let Some(Keeps { path, value }) = &self.keeps else {
            return Ok(());
        };
        let have = stored.pointer(path);
        if have == Some(value) { Ok(()) } else { Err(format!("has {have:?} at {path} instead of {value}").into()) }
    }
}

/// What the API server says about a refusal; else what went wrong.
fn said(error: &WorldError) -> String {
    match error {
        WorldError::Kube { source, .. } => match source.as_ref() {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

pub async fn the_table_holds() -> Result<(), Fault> {
    let world = World::start(alone(true)).await?;
    let table = Table::read()?;
    let mut faults = Vec::new();
    for (number, case) in table.cases.iter().enumerate() {
        let mut object = case.object(&table.bases)?;
        // Each under a name of its own.
        json_patch::merge(&mut object, &json!({"metadata": {"name": format!("case-{number}")}}));
        if case.accepted == case.refused.is_some() {
            faults.push(format!("{}: says neither or both of accepted and refused", case.name));
        } else if let Err(fault) = case.play(&world, &object).await {
            faults.push(format!("{}: {fault}", case.name));
        }
    }
    println!("{} rows played", table.cases.len());
    none(&faults)
}

pub async fn examples_lose_nothing() -> Result<(), Fault> {
    let world = World::start(alone(true)).await?;
    let mut faults = Vec::new();
    let mut objects = 0;
    for file in [files("crds/examples")?, files("sim/scenarios/seed")?].concat() {
        let title = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Err(fault) = apply(&world, &file).await {
            faults.push(format!("{title}: {fault}"));
            continue;
        }
        for sent in parse(&fs::read_to_string(&file)?)? {
            let path = path_of(&sent)?;
            let stored = world.get(&path).await?;
            lost(&sent, &stored, &format!("{title}: {path}"), &mut faults);
            objects += 1;
        }
    }
    println!("{objects} objects applied");
    none(&faults)
}

/// Every leaf of what was sent that is not in what is stored.
fn lost(sent: &Value, stored: &Value, at: &str, faults: &mut Vec<String>) {
    match (sent, stored) {
        (Value::Object(sent), Value::Object(stored)) => {
            for (key, sent) in sent {
                lost(sent, stored.get(key).unwrap_or(&Value::Null), &format!("{at}/{key}"), faults);
            }
        }
        (Value::Array(sent), Value::Array(stored)) if sent.len() == stored.len() => {
            for (index, (sent, stored)) in sent.iter().zip(stored).enumerate() {
                lost(sent, stored, &format!("{at}/{index}"), faults);
            }
        }
        _ if sent == stored => {}
        _ => faults.push(format!("{at}: {sent} is stored as {stored}")),
    }
}
