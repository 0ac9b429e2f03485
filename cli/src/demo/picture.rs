//! The picture that the live view shows: one release at a glance.

use serde_json::Value;

use crate::{
    terminal::{Line, Size, Tone},
    view::{Canary, Icon, Metric, Pod, Role, Set, View},
};

/// Where texts begin, behind their label.
const INDENT: usize = 10;

/// How many rows a terminal has at least where a text may take two of them.
const ROOMY: usize = 12;

/// How many of the last measurements are shown.
const MEASUREMENTS: usize = 6;

/// Draws a picture for a terminal of this size; some ten lines. What is higher than the terminal loses its empty lines.
pub(super) fn draw(view: &View, clock: &str, size: Size) -> Vec<Line> {
    let summary = &view.summary;
    let mut lines = vec![headline(view, clock, size.columns)];
    lines.extend(text("reason", Line::new().and(Tone::Plain, &summary.message), size));
    if let Some(wait) = summary.wait.as_ref().filter(|wait| !same(&wait.message, &summary.message)) {
        lines.extend(text("now", Line::new().and(Tone::Plain, &wait.message), size));
    }
    if let Some(canary) = summary.strategy.canary().filter(|canary| !canary.steps.is_empty()) {
        lines.extend(text("steps", steps(canary), size));
    }
    lines.push(Line::new());
    let shown: Vec<&Set> = view.sets().filter(|set| !set.roles.is_empty() || set.sizes.current > 0).collect();
    let widest = shown.iter().map(|set| image(set).chars().count()).max().unwrap_or_default();
    lines.extend(shown.into_iter().map(|set| traffic(view, set, widest, size.columns)));
    let metrics = view.latest_run().map(|run| run.metrics.as_slice()).unwrap_or_default();
    lines.extend(metrics.iter().flat_map(|metric| measured(metric, size)));
    if lines.len() > size.rows {
        lines.retain(|line| line.columns() > 0);
    }
    lines
}

fn headline(view: &View, clock: &str, columns: usize) -> Line {
    let (name, state) = (&view.summary.meta.name, &view.summary.state);
    let line = Line::new().and(Tone::Strong, format!("{name:<8}  "));
    let line = line.and(state.icon.tone(), format!("{} {}", state.icon.text(), state.word));
    line.pad(columns.saturating_sub(clock.len())).and(Tone::Quiet, clock)
}

/// Says whether one of two messages contains what the other says behind its first word, as in `RolloutAborted: Rollout aborted`.
fn same(one: &str, other: &str) -> bool {
    let told = |message: &str, by: &str| {
        let rest = message.split_once(": ").filter(|(word, _)| !word.contains(' ')).map_or(message, |(_, rest)| rest);
        !rest.is_empty() && by.contains(rest)
    };
    told(one, other) || told(other, one)
}

fn labelled(label: &str, line: Line) -> Line {
    Line::new().and(Tone::Quiet, format!("  {label:<8}")).join(line).hanging(INDENT)
}

/// A text behind its label, in two lines at most.
fn text(label: &str, line: Line, size: Size) -> Vec<Line> {
    let mut lines = labelled(label, line).wrap(size.columns);
    let longest = if size.rows < ROOMY { 1 } else { 2 };
    if lines.len() > longest {
        lines.truncate(longest);
        let last = lines.pop().unwrap_or_default();
        lines.push(last.and(Tone::Plain, " …").cut(size.columns));
    }
    lines
}

/// The steps: those that are done, the current one, those to come.
fn steps(canary: &Canary) -> Line {
    let index = canary.index.unwrap_or_default();
    let mut line = Line::new();
    for (at, step) in canary.steps.iter().enumerate() {
        // Wrapped between steps, not within: no spaces that break.
        let step = step.replace(' ', "\u{a0}");
        line = match at.cmp(&index) {
            _ if canary.aborted => line.and(Tone::Quiet, format!("·\u{a0}{step}  ")),
            std::cmp::Ordering::Less => line.and(Tone::Good, format!("✔\u{a0}{step}  ")),
            std::cmp::Ordering::Equal => line.and(Tone::Busy, format!("▶\u{a0}{step}  ")),
            std::cmp::Ordering::Greater => line.and(Tone::Quiet, format!("·\u{a0}{step}  ")),
        };
    }
    line
}

/// One `ReplicaSet`: its part of the traffic, its revision, its pods.
fn traffic(view: &View, set: &Set, widest: usize, columns: usize) -> Line {
    let (label, tone) = match set.roles.first() {
        Some(Role::Stable | Role::Active) => ("stable", Tone::Good),
        Some(_) => ("canary", Tone::Busy),
        None => ("old", Tone::Quiet),
    };
    let percent = view.percent(set).clamp(0, 100);
    let length = columns.saturating_sub(66).clamp(8, 40);
    let filled = usize::try_from(percent).unwrap_or_default() * length / 100;
    let revision = view.revisions.iter().find(|revision| revision.sets.contains(set));
    let number = revision.map_or(0, |revision| revision.number);
    let line = Line::new()
        .and(tone, "█".repeat(filled) + &"░".repeat(length - filled))
        .and(Tone::Strong, format!(" {percent:>3} %"))
        .and(Tone::Plain, format!("  revision {number}  {:<widest$}", image(set)))
        .and(Tone::Plain, format!("  {:>2}/{} pods  ", set.sizes.available, set.sizes.desired));
    labelled(label, set.pods.iter().fold(line, |line, pod| line.and(pod.state.icon.tone(), dot(pod))))
}

/// The images without the registry in front of them.
fn image(set: &Set) -> String {
    let short = |image: &String| image.rsplit('/').next().unwrap_or_default().to_owned();
    set.images.iter().map(short).collect::<Vec<_>>().join(",")
}

fn dot(pod: &Pod) -> &'static str {
    match pod.state.icon {
        Icon::Ok if pod.is_ready() => "●",
        Icon::Bad | Icon::Warning => "✖",
        _ => "○",
    }
}

fn measured(metric: &Metric, size: Size) -> Vec<Line> {
    let mut line = Line::new().and(Tone::Plain, format!("{}  ", metric.name));
    let skipped = metric.measurements.len().saturating_sub(MEASUREMENTS);
    for one in metric.measurements.iter().skip(skipped) {
        line = line.and(one.state.icon.tone(), format!("{} {}  ", one.state.icon.text(), short(&one.value)));
    }
    if metric.measurements.is_empty() {
        line = line.and(Tone::Quiet, "not measured yet  ");
    }
    let left = match (metric.failures_left(), metric.failure_limit) {
        (Some(left), Some(limit)) => format!("{left} of {limit} failures left"),
        _ => "no failure limit".to_owned(),
    };
    let needs = if metric.condition.is_empty() { String::new() } else { format!("  (needs {})", metric.condition) };
    text("metric", line.and(Tone::Plain, left).and(Tone::Quiet, needs), size)
}

/// A value as short as it can be read: one number with three digits after the point at most, or the text as it is.
fn short(value: &str) -> String {
    let parsed = serde_json::from_str::<Value>(value).unwrap_or_default();
    let only = match parsed.as_array().map(Vec::as_slice) {
        Some([one]) => one.as_f64(),
        _ => parsed.as_f64(),
    };
    match only {
        Some(number) => {
            let text = format!("{number:.3}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::view::tests::{World, shop};

    fn drawn(world: &World, columns: usize, rows: usize) -> Vec<String> {
        draw(&world.view(), "00:01:31", Size { columns, rows }).iter().map(|line| line.render(false)).collect()
    }

    #[test]
    fn a_release_at_a_glance() {
        let lines = drawn(&shop(), 100, 24);
        let expect = [
            "shop      ◌ Progressing                                                                     00:01:31",
            "  reason  more replicas need to be updated",
            "  now     waits for the verdict of AnalysisRun shop-bbb-2-1",
            "  steps   ✔ setWeight 20 %  ▶ analysis error-rate  · setWeight 50 %  · pause 10m  · setWeight 100 %",
            "",
            "  canary  ██████░░░░░░░░░░░░░░░░░░░░░░░░░░░░  20 %  revision 2  shop:v2   2/2 pods  ●●",
            "  stable  ███████████████████████████░░░░░░░  80 %  revision 1  shop:v1  10/10 pods  ●●●●●●●●●●",
            "  metric  error-rate  ✔ 0.01  ✖ 0.267  1 of 2 failures left  (needs result[0] < 0.05)",
        ];
        assert_eq!(lines, expect);
    }

    #[test]
    fn what_is_waited_for_is_not_told_twice() {
        let mut world = shop();
        world.rollout["status"]["message"] = json!("RolloutAborted: aborted update");
        world.rollout["status"]["conditions"][0]["message"] = json!("the revision was aborted: aborted update; waits");
        assert!(!drawn(&world, 100, 24).iter().any(|line| line.starts_with("  now")));
        world.rollout["status"]["conditions"][0]["message"] = json!("aborting: aborted update");
        assert!(!drawn(&world, 100, 24).iter().any(|line| line.starts_with("  now")));
        world.rollout["status"]["message"] = json!("");
        assert!(drawn(&world, 100, 24).iter().any(|line| line.starts_with("  now")));
    }

    #[test]
    fn a_long_reason_takes_two_lines() {
        let mut world = shop();
        world.rollout["status"]["message"] = json!("because ".repeat(60));
        let lines = drawn(&world, 80, 24);
        assert!(lines[2].ends_with("because …") && lines[3].starts_with("  now"), "{lines:?}");
    }

    #[test]
    fn a_low_terminal_loses_the_empty_lines() {
        assert!(drawn(&shop(), 100, 7).iter().all(|line| !line.is_empty()));
    }

    #[test]
    fn values_are_short() {
        let check = |value: &str, expect: &str| assert_eq!(short(value), expect);
        check("[0.26666]", "0.267");
        check("0", "0");
        check("[100]", "100");
        check("1250.5", "1250.5");
        check("[1,2]", "[1,2]");
        check("", "");
        check("down", "down");
    }

    #[test]
    fn old_revisions_are_shown_as_long_as_they_have_pods() {
        let mut world = shop();
        world.rollout["status"]["stableRS"] = json!("bbb");
        assert!(drawn(&world, 100, 24).iter().any(|line| line.starts_with("  old")));
        world.sets[0]["status"]["replicas"] = json!(0);
        assert!(!drawn(&world, 100, 24).iter().any(|line| line.starts_with("  old")));
    }
}
