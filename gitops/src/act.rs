//! Act: does what a plan says, outside the cluster: asks the gate, pushes, tells people. Writes nothing into the cluster.

mod commit;

use std::time::Duration;

use serde_json::json;
use serin_crds::names::NoticeState;
use serin_crds::rollback::{Rollback, RollbackNotice};

use crate::cluster::CallError;
use crate::core::observed::{NoticeKey, Observed};
use crate::core::record::Outcome;
use crate::core::{Effect, NOTICE_PATIENCE, Plan, words};
use crate::gate::{self, Answer};
use crate::notices::{self, Message, Recipient, Unsent};
use crate::world::World;

/// Where Slack's interface is.
const SLACK: &str = "https://slack.com/api";
/// How many are asked or told at once.
const AT_ONCE: usize = 8;

/// Carries out a plan. What fails is an outcome too, so that nothing that came off beside it is forgotten.
pub async fn act(world: &World, observed: &Observed, plan: &Plan) -> Vec<Outcome> {
    use futures::stream::{StreamExt as _, iter};
    let commits: Vec<_> = plan
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Commit { id, overtaken } => Some((id.as_str(), overtaken.clone())),
            _ => None,
        })
        .collect();
    if !commits.is_empty() {
        let all = |error: CallError| {
            commits.iter().map(|(id, _)| Outcome::Waits((*id).to_owned(), error.to_string())).collect()
        };
        return commit::push(world, observed, &commits).await.unwrap_or_else(all);
    }
    let done = iter(plan.effects.clone()).map(|effect| async move {
        match effect {
            Effect::Record(step) => Some(Outcome::Stepped(step)),
            Effect::Ask(id) => {
                let asked = ask(world, observed, &id).await;
                asked.unwrap_or_else(|error| Some(Outcome::Waits(id, error.to_string())))
            }
            Effect::Send { key, doubtful } => {
                let sent = send(world, observed, key.clone(), doubtful).await;
                Some(sent.unwrap_or_else(|error| Outcome::Unsent(key, error.to_string())))
            }
            Effect::Commit { .. } => None,
        }
    });
    let done: Vec<_> = done.buffered(AT_ONCE).collect().await;
    done.into_iter().flatten().collect()
}

/// The record of a rollback.
fn find<'a>(observed: &'a Observed, id: &str) -> Option<&'a Rollback> {
    observed.policy.status.rollbacks.iter().find(|rollback| rollback.id == id)
}

async fn ask(world: &World, observed: &Observed, id: &str) -> Result<Option<Outcome>, CallError> {
    let policy = &observed.policy;
    let opa = policy.spec.gate.as_ref().and_then(|gate| gate.opa.as_ref());
    let rollback = find(observed, id);
    let rollout = rollback.and_then(|rollback| observed.rollouts.get(&rollback.rollout));
    let (Some(opa), Some(rollback), Some(rollout)) = (opa, rollback, rollout) else { return Ok(None) };
    let mut token = None;
    if let Some(reference) = &opa.token {
        match world.cluster.secret_key(&policy.namespace, reference).await? {
            Ok(found) => token = Some(found),
            Err(why) => return Ok(Some(Outcome::Waits(id.to_owned(), format!("the gate can't be asked: {why}")))),
        }
    }
    let input = gate::input::document(policy, rollout, rollback, observed.now);
    Ok(Some(match gate::ask(world.fetch.as_ref(), opa, token.as_ref(), &input).await {
        Answer::Decided(decision) => Outcome::Decided(id.to_owned(), decision),
        Answer::Holds(why) => Outcome::Waits(id.to_owned(), why),
    }))
}

async fn send(world: &World, observed: &Observed, key: NoticeKey, doubtful: bool) -> Result<Outcome, CallError> {
    let policy = &observed.policy;
    let rollback = find(observed, &key.id);
    let fits = |record: &&serin_crds::rollback::NoticeRecord| record.name == key.name && record.moment == key.moment;
    let record = rollback.and_then(|rollback| rollback.notices.iter().find(fits));
    let notice = policy.spec.notices.iter().find(|notice| notice.name == key.name);
    let (Some(rollback), Some(record), Some(notice)) = (rollback, record, notice) else {
        return Ok(Outcome::Refused(key, "the policy does not name it any more".to_owned()));
    };
    if observed.now.duration_since(record.since) > NOTICE_PATIENCE {
        let why = record.message.as_deref().unwrap_or("no answer");
        let why = format!("it was not taken for {}h: {why}", NOTICE_PATIENCE.as_hours());
        return Ok(Outcome::Refused(key, why));
    }
    let to = match recipient(world, &policy.namespace, notice).await? {
        Ok(to) => to,
        Err(why) => return Ok(Outcome::Unsent(key, why)),
    };
    // The first message that was taken is that of the thread.
    let sent =
        |record: &&serin_crds::rollback::NoticeRecord| record.name == key.name && record.state == NoticeState::Sent;
    let thread = rollback.notices.iter().filter(sent).find_map(|record| record.reference.clone());
    let message = Message {
        id: format!("{}/{}/{}", key.id, key.moment, key.name),
        text: words::notice(policy, rollback, &key.moment),
        thread,
        doubtful_since: doubtful.then_some(record.since),
        facts: json!({
            "id": rollback.id, "moment": key.moment.as_str(), "namespace": policy.namespace, "policy": policy.name,
            "rollout": rollback.rollout, "revision": rollback.revision, "from": rollback.from, "to": rollback.to,
            "stage": rollback.stage.as_str(), "commit": rollback.commit, "verdict": rollback.verdict,
        }),
    };
    Ok(match notices::send(world.fetch.as_ref(), &to, &message).await {
        Ok(reference) => Outcome::Sent(key, reference),
        Err(Unsent::Passing(why)) => Outcome::Unsent(key, why),
        Err(Unsent::Refused(why)) => Outcome::Refused(key, why),
    })
}

/// Who is told, with the secrets that it takes; the inner error says which of them is missing.
async fn recipient(
    world: &World,
    namespace: &str,
    notice: &RollbackNotice,
) -> Result<Result<Recipient, String>, CallError> {
    macro_rules! secret {
        ($reference:expr) => {
            match world.cluster.secret_key(namespace, $reference).await? {
                Ok(secret) => secret,
                Err(why) => return Ok(Err(why)),
            }
        };
    }
    if let Some(slack) = &notice.slack {
        if let Some(reference) = &slack.webhook {
            return Ok(Ok(Recipient::SlackWebhook(secret!(reference))));
        }
        let Some(reference) = &slack.token else { return Ok(Err("the notice has no token".to_owned())) };
        let url = slack.url.clone().unwrap_or_else(|| SLACK.to_owned());
        let channel = slack.channel.clone().unwrap_or_default();
        return Ok(Ok(Recipient::SlackBot { url, channel, token: secret!(reference) }));
    }
    let Some(webhook) = &notice.webhook else { return Ok(Err("the notice names nobody".to_owned())) };
    let token = match &webhook.token {
        Some(reference) => Some(secret!(reference)),
        None => None,
    };
    Ok(Ok(Recipient::Webhook { url: webhook.url.clone(), token }))
}

/// How long one call of git may take where the policy does not say.
const GIT_TIMEOUT: Duration = Duration::from_secs(60);
