//! The picture of a release: what a live view shows.

use serin_sim::scenario::{Metric, Picture, Version};

use crate::terminal::{Line, Tone};

/// How wide the weight bars are, in characters.
const BAR: usize = 30;

/// Draws a picture, some ten lines.
pub fn draw(picture: &Picture, since_start: &str) -> Vec<Line> {
    let (phase, message) = &picture.phase;
    let mut lines = vec![Line::new().and(Tone::Strong, "shop").and(Tone::Quiet, format!("  {since_start}"))];
    let mut add = |label: &str, line: Line| {
        lines.push(Line::new().and(Tone::Quiet, format!("  {label:<8} ")).join(line));
    };
    add("phase", phase_of(phase));
    add("reason", Line::new().and(Tone::Plain, message));
    let (index, steps) = picture.step;
    let doing = if picture.doing.is_empty() { "all done" } else { &picture.doing };
    add("step", Line::new().and(Tone::Plain, format!("{}/{steps}  {doing}", index.max(0))));
    let weight = picture.weight.unwrap_or(0).clamp(0, 100);
    let updating = picture.stable.hash != picture.canary.hash;
    add("stable", side(&picture.stable, 100 - weight, Tone::Good));
    let none = Version::default();
    add("canary", side(if updating { &picture.canary } else { &none }, weight, Tone::Busy));
    for metric in picture.metrics.iter().filter(|_| updating) {
        add("metric", measured(metric));
    }
    lines
}

fn phase_of(phase: &str) -> Line {
    let (icon, tone) = match phase {
        "Healthy" => ("✔", Tone::Good),
        "Degraded" => ("✖", Tone::Bad),
        "Paused" => ("॥", Tone::Busy),
        _ => ("◌", Tone::Busy),
    };
    Line::new().and(tone, format!("{icon} {phase}"))
}

fn side(version: &Version, weight: i64, tone: Tone) -> Line {
    let filled = usize::try_from(weight).unwrap_or(0) * BAR / 100;
    let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled));
    let name = if version.image.is_empty() { "-" } else { &version.image };
    Line::new()
        .and(tone, bar)
        .and(Tone::Plain, format!(" {weight:>3} %  {name:<10} "))
        .and(Tone::Quiet, format!("{}/{} pods", version.available, version.wanted))
}

fn measured(metric: &Metric) -> Line {
    let value = if metric.value.is_empty() { "not measured yet" } else { &metric.value };
    let left = match metric.failures_left() {
        Some(left) => format!("{left} of {} failures left", metric.limit.max(0)),
        None => "no failure limit".to_owned(),
    };
    let tone = match metric.phase.as_str() {
        "Successful" => Tone::Good,
        "Failed" | "Error" => Tone::Bad,
        _ if metric.failed > 0 => Tone::Bad,
        _ => Tone::Strong,
    };
    let line = Line::new().and(Tone::Plain, format!("{} = ", metric.name)).and(tone, value);
    line.and(Tone::Plain, format!("  (wanted: {})  {left}", metric.condition))
}

#[cfg(test)]
mod tests {
    use super::draw;
    use serin_sim::scenario::{Metric, Picture, Version};

    fn picture() -> Picture {
        let version = |image: &str, hash: &str, pods| Version {
            hash: hash.into(),
            image: image.into(),
            wanted: pods,
            available: pods,
        };
        Picture {
            phase: ("Progressing".into(), "more replicas need to be updated".into()),
            step: (1, 5),
            doing: "analysis".into(),
            weight: Some(20),
            stable: version("shop:v1", "aaa", 10),
            canary: version("shop:v2", "bbb", 2),
            metrics: vec![Metric {
                name: "error-rate".into(),
                value: "[0.07]".into(),
                condition: "result[0] < 0.05".into(),
                failed: 1,
                limit: 3,
                ..Metric::default()
            }],
        }
    }

    fn drawn(picture: &Picture) -> String {
        draw(picture, "00:01:20").iter().map(|line| line.render(false) + "\n").collect()
    }

    #[test]
    fn a_picture_shows_phase_step_weights_and_what_is_left_of_each_metric() {
        let drawn = drawn(&picture());
        for part in [
            "◌ Progressing",
            "1/5  analysis",
            " 80 %  shop:v1",
            " 20 %  shop:v2",
            "error-rate = [0.07]  (wanted: result[0] < 0.05)  2 of 3 failures left",
        ] {
            assert!(drawn.contains(part), "{part:?} is missing in\n{drawn}");
        }
    }

    #[test]
    fn without_an_update_there_is_no_canary_to_show() {
        let mut picture = picture();
        picture.canary = picture.stable.clone();
        picture.weight = Some(0);
        let drawn = drawn(&picture);
        assert!(drawn.contains("100 %  shop:v1") && !drawn.contains("error-rate"));
    }
}
