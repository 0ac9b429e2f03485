//! A scenario as real parts play it, and what has to be the same on both worlds.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Map, Value};
use serin_sim::scenario::{Action, Scenario, Span};
use serin_sim::transcript::{Kind, Line};

/// Nothing takes longer on real parts; who waits longer waits in vain.
const PATIENCE: Span = Span::seconds(150);

/// How long old pods are kept when the Rollout doesn't say.
///
/// # Source
/// Argo Rollouts, `scaleDownDelaySeconds` and `abortScaleDownDelaySeconds`: 30 seconds.
const USUAL_DELAY: Span = Span::seconds(30);

/// How many requests may be lost with a pod whose process dies: those on their way to it, and those that Envoy sends there before
/// it notices. In the simulator it notices at once, and none is lost.
const LOST_WITH_A_POD: u64 = 3;

/// What stands before the words of a metrics server in a measurement's message.
const PROVIDER_SAID: &str = "\"Error Message: ";

/// The scenario with its durations shortened, those included that it leaves to their defaults.
pub(super) fn in_real_time(scenario: &Scenario) -> Scenario {
    let scale = scenario.scale;
    let mut shorter = scenario.shortened();
    for rollout in shorter.manifests.iter_mut().filter_map(|manifest| manifest.object.as_mut()) {
        if let Some(canary) = steered(rollout) {
            let delay = scale.shorten(USUAL_DELAY).duration().as_secs();
            // With dynamicStableScale the usual delay is none.
            let dynamic = canary.get("dynamicStableScale").and_then(Value::as_bool).unwrap_or_default();
            let usual = ["scaleDownDelaySeconds", "abortScaleDownDelaySeconds"].into_iter().filter(|_| !dynamic);
            for name in usual {
                canary.entry(name).or_insert_with(|| delay.into());
            }
        }
    }
    for entry in shorter.timeline.iter_mut().filter(|entry| entry.when.is_some()) {
        entry.within = Some(entry.limit().min(PATIENCE));
    }
    shorter.expect.within = shorter.expect.within.min(PATIENCE);
    shorter.expect.felt.foreign_5xx += killed(&shorter) * LOST_WITH_A_POD;
    // In less time, users ask less often.
    shorter.expect.felt.requests /= u64::from(scale.factor.max(1));
    shorter
}

/// How many pods are killed in a scenario.
fn killed(scenario: &Scenario) -> u64 {
    let actions = scenario.timeline.iter().flat_map(|entry| &entry.actions);
    let pods = |action: &Action| if let Action::KillPods(kill) = action { u64::from(kill.count) } else { 0 };
    actions.map(pods).sum()
}

/// The canary strategy of a Rollout that steers traffic.
fn steered(object: &mut Value) -> Option<&mut Map<String, Value>> {
    if object.get("kind").and_then(Value::as_str) != Some("Rollout") {
        return None;
    }
    let canary = object.pointer_mut("/spec/strategy/canary")?.as_object_mut()?;
    canary.get("trafficRouting").is_some_and(Value::is_object).then_some(canary)
}

/// Every image that may run in a scenario.
pub(super) fn images(scenario: &Scenario) -> BTreeSet<String> {
    let image = |object: &Value| Some(object.pointer("/spec/template/spec/containers/0/image")?.as_str()?.to_owned());
    let first = scenario.objects().filter_map(image);
    let released = scenario.timeline.iter().flat_map(|entry| &entry.actions).filter_map(|action| match action {
        Action::Release(release) => Some(release.image.clone()),
        _ => None,
    });
    scenario.images.keys().cloned().chain(first).chain(released).collect()
}

/// What happens on real parts within this time has no order that counts, if the story has it at other moments.
const TOGETHER: SignedDuration = SignedDuration::from_secs(1);

/// What stands between the weights of a move.
const ARROW: &str = " -> ";

/// What real parts told, with lines in the order of the story that fell together where time is shortened.
///
/// Two lines change places only if the story has them at different moments, a second apart or more, and real parts within
/// [`TOGETHER`]. What belongs to one moment keeps its order.
pub(super) fn aligned(simulated: &[Line], real: &[Line]) -> Vec<Line> {
    let mut real = joined(simulated, real);
    for (at, expect) in simulated.iter().enumerate() {
        let Some(found) = real.iter().skip(at).position(|line| same(line, expect)).map(|found| at + found) else {
            break;
        };
        let later = simulated.get(at + 1..).unwrap_or_default();
        let gives_way = |line: &Line, moved: &Line| {
            let other =
                later.iter().find(|other| same(other, line)).is_some_and(|other| apart(other, expect) >= TOGETHER);
            other && apart(line, moved) <= TOGETHER
        };
        let Some((moved, passed)) = real.get(at..=found).and_then(<[Line]>::split_last) else { break };
        if !passed.iter().all(|line| gives_way(line, moved)) {
            break;
        }
        if let Some(part) = real.get_mut(at..=found) {
            part.rotate_right(1);
        }
    }
    real
}

/// The lines with lowerings joined that followed each other, each within [`TOGETHER`], where the story has one: real pods
/// come back one by one, and weight goes back to stable as they can take it.
fn joined(simulated: &[Line], real: &[Line]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::with_capacity(real.len());
    let mut rest = real;
    while let [first, others @ ..] = rest {
        let (line, taken) = whole(simulated, first, others).unwrap_or_else(|| (first.clone(), 0));
        lines.push(line);
        rest = others.get(taken..).unwrap_or_default();
    }
    lines
}

/// The one lowering of the story that a line and the next ones are parts of, and how many of the next ones; as many as can be.
fn whole(simulated: &[Line], first: &Line, others: &[Line]) -> Option<(Line, usize)> {
    let told = |line: &Line| simulated.iter().any(|one| one.kind == Kind::Lowered && same(one, line));
    let mut sum = first.clone();
    let mut found = None;
    for (at, other) in others.iter().enumerate() {
        let Some(longer) = together(&sum, other) else { break };
        sum = longer;
        if told(&sum) {
            found = Some((sum.clone(), at + 1));
        }
    }
    found
}

/// Two lowerings as one, if the second goes on where the first has ended.
fn together(first: &Line, second: &Line) -> Option<Line> {
    let lowered = |line: &Line| line.kind == Kind::Lowered;
    if !(lowered(first) && lowered(second) && first.subject == second.subject && apart(first, second) <= TOGETHER) {
        return None;
    }
    let ((from, half), (other, to)) = (first.text.split_once(ARROW)?, second.text.split_once(ARROW)?);
    let (what, _) = from.rsplit_once(' ')?;
    (other == format!("{what} {half}")).then(|| Line { text: format!("{from}{ARROW}{to}"), ..second.clone() })
}

/// Says whether two lines tell the same.
fn same(a: &Line, b: &Line) -> bool {
    a.subject == b.subject && comparable(&a.text) == comparable(&b.text)
}

fn apart(a: &Line, b: &Line) -> SignedDuration {
    a.at.duration_since(b.at).abs()
}

/// Says that both worlds told the same; else shows where they differ.
pub(super) fn compare(simulated: &str, real: &str) -> Result<(), String> {
    let (simulated, real) = (comparable(simulated), comparable(real));
    if simulated == real {
        return Ok(());
    }
    let (expect, seen): (Vec<_>, Vec<_>) = (simulated.lines().collect(), real.lines().collect());
    let start = expect.iter().zip(&seen).take_while(|(a, b)| a == b).count();
    let end = expect.iter().skip(start).rev().zip(seen.iter().skip(start).rev()).take_while(|(a, b)| a == b).count();
    let middle = |lines: &[&str], sign: &str| {
        let lines = lines.get(start..lines.len() - end).unwrap_or_default();
        lines.iter().fold(String::new(), |text, line| text + "  " + sign + " " + line + "\n")
    };
    Err(format!(
        "the transcripts differ after line {start}; - stands for the simulator, + for real parts\n{}{}",
        middle(&expect, "-"),
        middle(&seen, "+")
    ))
}

/// The text without what a server or the network said in its own words, which are others on each world, and without how
/// long a fault of the world lasts, which is shorter where time is real.
fn comparable(transcript: &str) -> String {
    let line = |line: &str| match (line.split_once(PROVIDER_SAID), line.rsplit_once(" for ")) {
        (Some((before, _)), _) => format!("{before}{PROVIDER_SAID}\n"),
        (None, Some((before, _))) if line.starts_with("world ") => format!("{before}\n"),
        _ => format!("{line}\n"),
    };
    transcript.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(simulated: &str, real: &str, expect: &str) {
        assert_eq!(compare(simulated, real).err().unwrap_or_default(), expect);
    }

    #[test]
    fn a_difference_is_shown_without_what_is_the_same_around_it() {
        check("a\nb\n", "a\nb\n", "");
        let head = "the transcripts differ after line 1; - stands for the simulator, + for real parts\n";
        check("a\nb\nc\n", "a\nx\ny\nc\n", &format!("{head}  - b\n  + x\n  + y\n"));
        check("a\na\n", "a\n", &format!("{head}  - a\n"));
        check("is Error: \"Error Message: refused\"\n", "is Error: \"Error Message: os error 111\"\n", "");
        check("world       all hangs for 10m\n", "world       all hangs for 30s\n", "");
        let kept = head.replace("line 1", "line 0") + "  - shop        for 1m\n  + shop        for 2m\n";
        check("shop        for 1m\n", "shop        for 2m\n", &kept);
    }

    fn lines(told: &[(i64, &str)]) -> Vec<Line> {
        let line = |(seconds, text): &(i64, &str)| Line {
            at: jiff::Timestamp::from_millisecond(seconds * 100).unwrap(),
            subject: "shop".to_owned(),
            kind: serin_sim::transcript::Kind::Progress,
            text: (*text).to_owned(),
        };
        told.iter().map(line).collect()
    }

    fn align(simulated: &[(i64, &str)], real: &[(i64, &str)], expect: &[&str]) {
        let aligned = aligned(&lines(simulated), &lines(real));
        assert_eq!(aligned.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn only_moments_that_fell_together_change_places() {
        // In tenths of a second.
        let story = [(0, "pods go"), (600, "analysis begins"), (600, "step done")];
        align(
            &story,
            &[(50, "analysis begins"), (52, "step done"), (55, "pods go")],
            &["pods go", "analysis begins", "step done"],
        );
        let far = [(50, "analysis begins"), (52, "step done"), (65, "pods go")];
        align(&story, &far, &["analysis begins", "step done", "pods go"]);
        let one_moment = [(0, "pods go"), (50, "step done"), (51, "analysis begins")];
        align(&story, &one_moment, &["pods go", "step done", "analysis begins"]);
        align(&story, &[(0, "pods go"), (50, "other"), (51, "step done")], &["pods go", "other", "step done"]);
    }

    #[test]
    fn parts_of_a_lowering_that_fell_together_are_one() {
        let line = |milliseconds: i64, kind: Kind, text: &str| Line {
            at: jiff::Timestamp::from_millisecond(milliseconds).unwrap(),
            subject: "shop".to_owned(),
            kind,
            text: text.to_owned(),
        };
        let told = |story: &str, apart: i64, parts: &[&str]| -> Vec<String> {
            let story = [line(0, Kind::Lowered, story)];
            let real: Vec<_> = (0..).zip(parts).map(|(at, part)| line(at * apart, Kind::Lowered, part)).collect();
            joined(&story, &real).into_iter().map(|line| line.text).collect()
        };
        let halves = ["weight 40 -> 30", "weight 30 -> 0"];
        assert_eq!(told("weight 40 -> 0", 900, &halves), ["weight 40 -> 0"]);
        assert_eq!(told("weight 40 -> 0", 1100, &halves), halves, "too far apart");
        assert_eq!(told("weight 40 -> 30", 900, &halves), halves, "the story has both");
        let others = ["weight 40 -> 30", "weight 20 -> 0"];
        assert_eq!(told("weight 40 -> 0", 900, &others), others, "they don't meet");
        let many = ["weight 70 -> 60", "weight 60 -> 50", "weight 50 -> 0", "weight 9 -> 0"];
        assert_eq!(told("weight 70 -> 0", 900, &many), ["weight 70 -> 0", "weight 9 -> 0"]);
    }

    #[test]
    fn delays_that_a_rollout_leaves_out_are_shortened_too() {
        let scenario = serin_sim::scenario::shipped("good-release").unwrap();
        let shorter = in_real_time(&scenario);
        let delay =
            shorter.rollout().and_then(|rollout| rollout.pointer("/spec/strategy/canary/scaleDownDelaySeconds"));
        assert_eq!(delay, Some(&Value::from(3)));
        assert_eq!(images(&scenario).into_iter().collect::<Vec<_>>(), ["shop:v1", "shop:v2"]);
    }
}
