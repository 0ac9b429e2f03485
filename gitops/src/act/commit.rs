//! Commits: of all rollbacks of a policy that are due, by one push.

use std::collections::BTreeMap;
use std::time::Duration;

use serin_crds::duration;
use serin_crds::rollback::{ImageChange, ImageEdit, Rollback, template};
use serin_crds::validate::is_file;

use super::{GIT_TIMEOUT, find};
use crate::cluster::CallError;
use crate::core::observed::{Observed, RolloutSeen};
use crate::core::record::Outcome;
use crate::core::words;
use crate::git::{Access, Change, Landed, Place, Target, land};
use crate::world::World;

/// Author of commits where the policy names none.
const AUTHOR: (&str, &str) = ("Serin", "serin@localhost");

/// Pushes the commits of these rollbacks; those with a sentence were overtaken, and are only looked for.
pub(super) async fn push(
    world: &World,
    observed: &Observed,
    due: &[(&str, Option<String>)],
) -> Result<Vec<Outcome>, CallError> {
    let all = |why: &str| due.iter().map(|(id, _)| Outcome::Waits((*id).to_owned(), why.to_owned())).collect();
    let target = match target(world, observed).await? {
        Ok(target) => target,
        Err(why) => return Ok(all(&why)),
    };
    let (mut changes, mut outcomes) = (Vec::new(), Vec::new());
    for (id, overtaken) in due {
        let Some(rollback) = find(observed, id) else { continue };
        match change(observed, rollback, overtaken.clone()) {
            Ok(change) => changes.push(change),
            Err(why) => outcomes.push(Outcome::Impossible((*id).to_owned(), why)),
        }
    }
    let gate = world.gate.clone();
    let _alone = world.git.alone(&target.url, &target.branch).await;
    let landed = match land(&world.git.program, &target, &changes, &move || gate.check().is_ok()).await {
        Ok(landed) => landed,
        Err(error) => {
            outcomes.extend(changes.iter().map(|change| Outcome::Waits(change.id.clone(), error.to_string())));
            return Ok(outcomes);
        }
    };
    outcomes.extend(landed.into_iter().map(|(id, landed)| match landed {
        Landed::Committed(sha) => Outcome::Committed(id, sha),
        Landed::Overtaken(why) => Outcome::Overtaken(id, why),
        Landed::Impossible(why) => Outcome::Impossible(id, why),
    }));
    Ok(outcomes)
}

/// Where to push to, and how git is let in; the inner error says what is in the way.
async fn target(world: &World, observed: &Observed) -> Result<Result<Target, String>, CallError> {
    let (policy, git) = (&observed.policy, &observed.policy.spec.git);
    if let Err(why) = world.git.admit(&git.url).await {
        return Ok(Err(why));
    }
    let access = match &git.credentials {
        None => Ok(Access::open()),
        Some(secret) => match world.cluster.secret(&policy.namespace, &secret.name).await? {
            Ok(keys) => Access::of(&git.url, &secret.name, &keys),
            Err(why) => Err(why),
        },
    };
    let access = match (access, &git.signing) {
        (Ok(access), Some(secret)) => match world.cluster.secret(&policy.namespace, &secret.name).await? {
            Ok(keys) => access.signing(&secret.name, &keys),
            Err(why) => Err(why),
        },
        (access, _) => access,
    };
    let given = git.timeout.as_deref().and_then(|text| duration::parse(text).ok());
    let timeout = given.and_then(|span| Duration::try_from(span).ok()).unwrap_or(GIT_TIMEOUT);
    let (url, branch) = (git.url.clone(), git.branch.clone());
    Ok(access.map(|access| Target { url, branch, access, timeout }))
}

/// Makes the change of a rollback.
///
/// # Errors
/// The policy does not say enough for this one.
fn change(observed: &Observed, rollback: &Rollback, overtaken: Option<String>) -> Result<Change, String> {
    let (policy, git) = (&observed.policy, &observed.policy.spec.git);
    let rollout = observed.rollouts.get(&rollback.rollout);
    let mut edits = Vec::new();
    // One that was overtaken is only looked for.
    for (index, edit) in git.edits.iter().enumerate().filter(|_| overtaken.is_none()) {
        let at = format!("spec.git.edits[{index}]");
        let change = image_of(edit, &rollback.images).map_err(|why| format!("{at} {why}"))?;
        let file = template::fill(&edit.file, |place| fill(policy.namespace.as_str(), rollback, rollout, place));
        let file = file.map_err(|why| format!("{at}.file {why}"))?;
        if !is_file(&file) {
            return Err(format!("{at}.file leads out of the repository"));
        }
        if let Some(change) = change {
            let edit = ImageEdit { file, ..edit.clone() };
            edits.push(Place { edit, from: change.from.clone(), to: change.to.clone() });
        }
    }
    if edits.is_empty() && overtaken.is_none() {
        return Err("spec.git.edits names no container whose image differs".to_owned());
    }
    let author =
        git.author.as_ref().map_or((AUTHOR.0, AUTHOR.1), |author| (author.name.as_str(), author.email.as_str()));
    Ok(Change {
        id: rollback.id.clone(),
        edits,
        message: words::commit(policy, rollback, rollout.and_then(|rollout| rollout.ticket.as_deref()))?,
        author: (author.0.to_owned(), author.1.to_owned()),
        since: rollback.times.aborted.map_or(0, jiff::Timestamp::as_second),
        overtaken,
    })
}

/// The image that an edit is about; `None` when that container's image is the same in both versions.
fn image_of<'a>(edit: &ImageEdit, images: &'a [ImageChange]) -> Result<Option<&'a ImageChange>, String> {
    match (&edit.container, images) {
        (Some(container), _) => Ok(images.iter().find(|change| change.container == *container)),
        (None, [one]) => Ok(Some(one)),
        (None, several) => {
            let distinct: BTreeMap<_, _> = several.iter().map(|change| ((&change.from, &change.to), change)).collect();
            let mut distinct = distinct.into_values();
            // Containers of one image may share a place.
            if let (Some(one), None) = (distinct.next(), distinct.next()) {
                return Ok(Some(one));
            }
            let names = several.iter().map(|change| change.container.as_str()).collect::<Vec<_>>().join(", ");
            Err(format!("must name its container: the images of {names} differ"))
        }
    }
}

fn fill(namespace: &str, rollback: &Rollback, rollout: Option<&RolloutSeen>, place: &str) -> Option<String> {
    match place {
        "rollout" => Some(rollback.rollout.clone()),
        "namespace" => Some(namespace.to_owned()),
        _ => rollout?.labels.get(place.strip_prefix("labels.")?).cloned(),
    }
}
