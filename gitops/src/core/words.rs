//! What people read: the messages of commits and of notices.

use std::fmt::Write as _;

use jiff::Timestamp;
use serin_crds::names::{NoticeMoment, TRAILER_DECISION, TRAILER_REVISION, TRAILER_ROLLBACK, TRAILER_ROLLOUT};
use serin_crds::rollback::{Rollback, RollbackDecision, template};

use super::observed::PolicySeen;

/// Longest sentence that is taken over from elsewhere, in characters.
const LONGEST: usize = 500;

/// A text on one line, at a readable length: nothing in it can look like a trailer.
pub fn line(text: &str) -> String {
    let words =
        text.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// The time between two instants, in whole seconds.
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// What the gate said, where it denied the change.
pub fn denied(decision: &RollbackDecision) -> String {
    let reasons =
        if decision.reasons.is_empty() { "it gives no reason".to_owned() } else { decision.reasons.join("; ") };
    line(&format!("the gate denied the change: {reasons}"))
}

/// The measurement that failed, in words; empty where there is none.
fn measured(rollback: &Rollback) -> String {
    let verdict = &rollback.verdict;
    match (&verdict.metric, &verdict.value, &verdict.condition) {
        (Some(metric), Some(value), Some(condition)) => {
            line(&format!("{metric} {value}, which had to meet: {condition}"))
        }
        (Some(metric), Some(value), None) => line(&format!("{metric} {value}")),
        (Some(metric), None, _) => line(metric),
        (None, ..) => String::new(),
    }
}

/// How long users may have seen the version.
fn lasted(rollback: &Rollback) -> String {
    let times = &rollback.times;
    times.began.zip(times.aborted).map(|(began, aborted)| span(began, aborted)).unwrap_or_default()
}

/// The whole message of a commit: the template filled in, else the form that auditors look for; and the trailers.
///
/// # Errors
/// The template can't be filled.
pub fn commit(policy: &PolicySeen, rollback: &Rollback, ticket: Option<&str>) -> Result<String, String> {
    let said = match &policy.spec.git.message {
        Some(given) => template::fill(given, |place| place_of(policy, rollback, ticket, place))?,
        None => audit_form(policy, rollback, ticket),
    };
    let mut message = said.trim().replace('\0', "");
    let decision = rollback.decision.as_ref().and_then(|decision| decision.id.as_deref());
    message.push_str("\n\n");
    for (name, value) in [
        (TRAILER_ROLLOUT, format!("{}/{}", policy.namespace, rollback.rollout)),
        (TRAILER_REVISION, rollback.revision.clone().unwrap_or_default()),
        (TRAILER_ROLLBACK, rollback.id.clone()),
        (TRAILER_DECISION, decision.map(line).unwrap_or_default()),
    ] {
        if !value.is_empty() {
            let _ = writeln!(message, "{name}: {value}");
        }
    }
    Ok(message)
}

fn place_of(policy: &PolicySeen, rollback: &Rollback, ticket: Option<&str>, place: &str) -> Option<String> {
    let verdict = &rollback.verdict;
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let images = rollback.images.iter().map(|image| format!("{} -> {}", image.from, image.to));
    let value = match place {
        "rollout" => rollback.rollout.clone(),
        "namespace" => policy.namespace.clone(),
        "policy" => policy.name.clone(),
        "revision" => optional(&rollback.revision),
        "from" => rollback.from.clone(),
        "to" => rollback.to.clone(),
        "images" => images.collect::<Vec<_>>().join(", "),
        "cause" => verdict.cause.to_string(),
        "reason" => verdict.reason.clone(),
        "run" => optional(&verdict.run),
        "metric" => optional(&verdict.metric),
        "value" => optional(&verdict.value),
        "condition" => optional(&verdict.condition),
        "duration" => lasted(rollback),
        "decision" => rollback.decision.as_ref().and_then(|decision| decision.id.clone()).unwrap_or_default(),
        "ticket" => ticket.unwrap_or_default().to_owned(),
        _ => return None,
    };
    Some(line(&value))
}

/// A summary with scope and reason, then what was measured, how long it lasted, who did it, and a ticket.
fn audit_form(policy: &PolicySeen, rollback: &Rollback, ticket: Option<&str>) -> String {
    let Rollback { rollout, from, to, verdict, .. } = rollback;
    let why = verdict.metric.as_ref().map_or_else(|| verdict.cause.to_string(), |metric| format!("{metric} failed"));
    let revision = rollback.revision.as_deref().unwrap_or("?");
    let decision = rollback.decision.as_ref().and_then(|decision| decision.id.as_deref());
    let decision = decision.map(|id| format!(", decision {}", line(id))).unwrap_or_default();
    let mut text = format!("fix({rollout}): Auto-rollback to {to} ({})\n\n", line(&why));
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{from} of {}/{rollout}, revision {revision}, was rolled back automatically; this takes it back here too.\n\n",
        policy.namespace
    );
    for (name, value) in [
        ("Reason", line(&verdict.reason)),
        ("Measured", measured(rollback)),
        ("Duration", lasted(rollback)),
        ("Run", verdict.run.clone().unwrap_or_default()),
        ("By", format!("Serin, policy {}/{}{decision}", policy.namespace, policy.name)),
        ("Ticket", ticket.map(line).unwrap_or_default()),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "{name}: {value}");
        }
    }
    text
}

/// What people are told of a rollback at a moment.
pub fn notice(policy: &PolicySeen, rollback: &Rollback, moment: &NoticeMoment) -> String {
    let Rollback { rollout, from, to, verdict, message, times, .. } = rollback;
    let measured = measured(rollback);
    let why = if measured.is_empty() { line(&verdict.reason) } else { measured };
    let commit = rollback.commit.as_deref().map(|sha| sha.get(..10).unwrap_or(sha)).unwrap_or_default();
    let branch = &policy.spec.git.branch;
    let head = format!("{}/{rollout}: {from} rolled back to {to} automatically: {why}", policy.namespace);
    let after =
        |at: Option<Timestamp>| times.aborted.zip(at).map(|(aborted, at)| span(aborted, at)).unwrap_or_default();
    match moment {
        NoticeMoment::Committed => format!("{head}; commit {commit} on {branch} after {}", after(times.committed)),
        NoticeMoment::Proved => {
            format!("{}/{rollout}: healthy on {to}; proof after {}", policy.namespace, after(times.ended))
        }
        NoticeMoment::Late => {
            format!("{}/{rollout}: commit {commit} has not taken effect yet: {message}", policy.namespace)
        }
        NoticeMoment::Denied | NoticeMoment::Failed | NoticeMoment::Other(_) => {
            format!("{head}; Git is left as it is: {}", line(message))
        }
    }
}
