//! The live view: one picture of a release, drawn with plain terminal codes.

use std::fmt::Write as _;

use serin_sim::scenario::{Frame, Metric, Version};

/// How wide the weight bars are, in characters.
const BAR: usize = 40;

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    colour: bool,
}

impl Paint {
    /// With colours, or without.
    pub fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Good news.
    pub fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Bad news.
    pub fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// What goes on.
    pub fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// What matters.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What can be passed over.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn phase(self, phase: &str) -> String {
        match phase {
            "Healthy" => self.green("✔ Healthy"),
            "Degraded" => self.red("✖ Degraded"),
            "Paused" => self.yellow("॥ Paused"),
            other => self.yellow(&format!("◌ {other}")),
        }
    }
}

/// Draws one picture, some twelve lines.
pub fn draw(frame: &Frame, since_start: &str, paint: Paint) -> String {
    let mut out = String::new();
    let (phase, message) = &frame.phase;
    let line = |out: &mut String, label: &str, text: &str| {
        let _ = writeln!(out, "  {} {text}", paint.dim(&format!("{label:<9}")));
    };
    let _ = writeln!(out, "{}  {}", paint.bold("shop"), paint.dim(since_start));
    line(&mut out, "phase", &paint.phase(phase));
    line(&mut out, "reason", &clip(message, 110));
    let (index, steps) = frame.step;
    let doing = if frame.doing.is_empty() { "all done".to_owned() } else { frame.doing.clone() };
    line(&mut out, "step", &format!("{}/{steps}  {doing}", index.max(0)));
    let weight = frame.weight.unwrap_or(0).clamp(0, 100);
    let updating = frame.stable.hash != frame.canary.hash;
    line(&mut out, "stable", &side(&frame.stable, 100 - weight, paint, Paint::green));
    let quiet = Version::default();
    let canary = if updating { &frame.canary } else { &quiet };
    line(&mut out, "canary", &side(canary, weight, paint, Paint::yellow));
    for metric in frame.metrics.iter().filter(|_| updating) {
        line(&mut out, "metric", &measured(metric, paint));
    }
    line(&mut out, "latest", &clip(&frame.latest, 110));
    out
}

fn side(version: &Version, weight: i64, paint: Paint, colour: fn(Paint, &str) -> String) -> String {
    let filled = usize::try_from(weight).unwrap_or(0) * BAR / 100;
    let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled));
    let name = if version.image.is_empty() { "-" } else { &version.image };
    let pods = format!("{}/{} pods", version.available, version.wanted);
    format!("{} {weight:>3} %  {name:<10} {}", colour(paint, &bar), paint.dim(&pods))
}

fn measured(metric: &Metric, paint: Paint) -> String {
    let value = if metric.value.is_empty() { "not measured yet" } else { &metric.value };
    let left = match metric.failures_left() {
        Some(left) => format!("{left} of {} failures left", metric.limit.max(0)),
        None => "no failure limit".to_owned(),
    };
    let value = match metric.phase.as_str() {
        "Successful" => paint.green(value),
        "Failed" | "Error" => paint.red(value),
        _ if metric.failed > 0 => paint.red(value),
        _ => paint.bold(value),
    };
    format!("{} = {value}  (wanted: {})  {left}", metric.name, metric.condition)
}

fn clip(text: &str, longest: usize) -> String {
    let text = text.replace('\n', " ");
    if text.chars().count() <= longest {
        text
    } else {
        format!("{}…", text.chars().take(longest - 1).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::{Paint, draw};
    use serin_sim::scenario::{Frame, Metric, Version};

    fn frame() -> Frame {
        let version = |image: &str, hash: &str, pods| Version {
            hash: hash.into(),
            image: image.into(),
            wanted: pods,
            available: pods,
        };
        Frame {
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
            latest: "weight 0 -> 20".into(),
            ..Frame::default()
        }
    }

    #[test]
    fn a_picture_shows_phase_step_weights_and_what_is_left_of_each_metric() {
        let picture = draw(&frame(), "+01:20", Paint::new(false));
        for part in [
            "◌ Progressing",
            "1/5  analysis",
            " 80 %  shop:v1",
            " 20 %  shop:v2",
            "error-rate = [0.07]  (wanted: result[0] < 0.05)  2 of 3 failures left",
        ] {
            assert!(picture.contains(part), "{part:?} is missing in\n{picture}");
        }
        assert!(!picture.contains('\x1b'), "no colours were asked for");
    }

    #[test]
    fn without_an_update_there_is_no_canary_to_show() {
        let mut frame = frame();
        frame.canary = frame.stable.clone();
        frame.weight = Some(0);
        let picture = draw(&frame, "", Paint::new(false));
        assert!(picture.contains("100 %  shop:v1") && !picture.contains("error-rate"));
    }
}
