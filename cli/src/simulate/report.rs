//! What is printed of a simulation.

use serde_json::{Value, json};

use super::{Ended, Simulated, chart};
use crate::demo::told;
use crate::terminal::{Line, Size, Tone};

/// The report, for people.
pub(super) fn lines(simulated: &Simulated) -> Vec<Line> {
    let Simulated { told: about, scenario, samples, played } = simulated;
    let release = &scenario.timeline.iter().flat_map(|entry| &entry.actions).find_map(released).unwrap_or_default();
    let rate = scenario.load.requests_per_second;
    let title = format!("A release of {}: {} -> {release}, at {rate} requests a second", about.rollout, about.image);
    let mut lines = vec![Line::new().and(Tone::Strong, title)];
    let list = |what: &str, names: &[String]| {
        (!names.is_empty()).then(|| Line::new().and(Tone::Quiet, format!("{what}: {}", names.join(", "))).hanging(2))
    };
    lines.extend(list("Filled in", &about.filled));
    lines.extend(list("Not simulated", &about.left_out));
    lines.push(Line::new());
    lines.push(Line::new().and(Tone::Strong, format!("Share of the requests that {release} gets")));
    lines.extend(chart::draw(samples, Size::of_terminal().columns));
    lines.push(Line::new());
    lines.extend(played.transcript.lines().iter().map(|event| told(&played.transcript, event)));
    lines.push(Line::new());
    lines.extend(outcome(simulated, release));
    lines
}

fn released(action: &serin_sim::scenario::Action) -> Option<String> {
    match action {
        serin_sim::scenario::Action::Release(release) => Some(release.image.clone()),
        _ => None,
    }
}

fn outcome(simulated: &Simulated, release: &str) -> Vec<Line> {
    let Simulated { samples, played, .. } = simulated;
    let summary = &samples.view.summary;
    let (tone, sentence) = match samples.ended() {
        Ended::Promoted => (Tone::Good, format!("{release} is promoted.")),
        Ended::Refused => (Tone::Bad, format!("{release} is not promoted: {}", summary.message)),
        _ if summary.state.word == "Paused" => {
            let place = summary.strategy.canary().map(super::super::view::Canary::place).unwrap_or_default();
            let hint = "a person decides; --promote-after 5m goes on as one who promotes";
            (Tone::Busy, format!("{release} waits at step {place} ({}): {hint}.", summary.message))
        }
        _ => (Tone::Busy, format!("{release} is under way still: {} {}", summary.state.word, summary.message)),
    };
    let felt = &played.felt;
    let users = format!(
        "Users sent {} requests: {} got an error from the application, {} got one from anything else.",
        felt.requests,
        felt.application_5xx,
        felt.foreign()
    );
    let mut lines = vec![Line::new().and(tone, sentence), Line::new().and(Tone::Plain, users)];
    let wrong = played.report();
    lines.extend(wrong.lines().map(|line| Line::new().and(Tone::Bad, line)));
    lines
}

/// The report, for programs. Times are RFC 3339; weights are percent.
pub(super) fn json(simulated: &Simulated) -> Value {
    let Simulated { told: about, samples, played, .. } = simulated;
    let weights = samples.weights.iter().map(|one| json!({"at": one.at.to_string(), "percent": one.percent}));
    let metrics = samples.metrics().into_iter().map(|metric| {
        let measurements = metric
            .measurements
            .iter()
            .map(|one| json!({"at": one.at.map(|at| at.to_string()), "value": one.value, "phase": one.state.word}));
        json!({
            "name": metric.name,
            "condition": metric.condition,
            "measurements": measurements.collect::<Vec<_>>(),
        })
    });
    let events = played.transcript.lines();
    let events = events.iter().map(|one| json!({"at": one.at.to_string(), "subject": one.subject, "text": one.text}));
    let outcome = match samples.ended() {
        Ended::Promoted => "promoted",
        Ended::Refused => "refused",
        _ => "open",
    };
    json!({
        "rollout": about.rollout,
        "outcome": outcome,
        "phase": samples.view.summary.state.word,
        "message": samples.view.summary.message,
        "filledIn": about.filled,
        "notSimulated": about.left_out,
        "weights": weights.collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "events": events.collect::<Vec<_>>(),
        "requests": {
            "all": played.felt.requests,
            "applicationErrors": played.felt.application_5xx,
            "otherErrors": played.felt.foreign(),
        },
        "wrong": played.report().lines().collect::<Vec<_>>(),
    })
}
