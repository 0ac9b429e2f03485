//! Charts for a terminal: the weight as columns, the measurements of a metric as marks under the same axis of time.

use jiff::Timestamp;

use super::samples::{Measured, Samples};
use crate::terminal::{Line, Tone};
use crate::view::Icon;

/// How many rows the weight takes.
const ROWS: i64 = 5;

/// How many columns stand before the axis.
const MARGIN: usize = 7;

/// Blocks that are 0 to 8 eighths high.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The axis of time: where in so many columns an instant stands.
struct Axis {
    from: Timestamp,
    seconds: f64,
    columns: usize,
}

impl Axis {
    /// The column of an instant, counted from 0.
    fn column(&self, at: Timestamp) -> usize {
        let part = at.duration_since(self.from).as_secs_f64() / self.seconds;
        let columns = f64::from(u32::try_from(self.columns).unwrap_or(u32::MAX));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and the columns")]
        let column = (part.clamp(0.0, 1.0) * columns) as usize;
        column.min(self.columns.saturating_sub(1))
    }
}

/// The weight, and every metric below it, in so many columns.
pub(super) fn draw(samples: &Samples, columns: usize) -> Vec<Line> {
    let Some((from, to)) = samples.span() else { return Vec::new() };
    let columns = columns.saturating_sub(MARGIN + 1).clamp(20, 100);
    let axis = Axis { from, seconds: to.duration_since(from).as_secs_f64().max(1.0), columns };
    let mut lines = weight(samples, &axis);
    for metric in samples.metrics() {
        lines.extend(marks(&metric, &axis));
    }
    lines
}

fn weight(samples: &Samples, axis: &Axis) -> Vec<Line> {
    // The largest weight of each column, so that no short step is lost.
    let mut heights = vec![0_i64; axis.columns];
    for (at, weight) in samples.weights.iter().enumerate() {
        let end = samples.weights.get(at + 1).map_or(axis.columns - 1, |next| axis.column(next.at));
        let column = axis.column(weight.at);
        for height in heights.iter_mut().take(end + 1).skip(column) {
            *height = weight.percent.max(if end == column { *height } else { 0 });
        }
    }
    let row = |row: i64| {
        let floor = row * 100 / ROWS;
        let eighths =
            |percent: &i64| usize::try_from(((percent - floor) * 8 * ROWS / 100).clamp(0, 8)).unwrap_or_default();
        let blocks: String =
            heights.iter().map(|percent| BLOCKS.get(eighths(percent)).copied().unwrap_or(' ')).collect();
        let label = if row == ROWS - 1 {
            "100 %"
        } else if row == 0 {
            "0 %"
        } else {
            ""
        };
        Line::new().and(Tone::Quiet, format!("{label:>5} │")).and(Tone::Busy, blocks.trim_end())
    };
    let mut lines: Vec<_> = (0..ROWS).rev().map(row).collect();
    lines.push(Line::new().and(Tone::Quiet, format!("{:>5} └{}", "", "─".repeat(axis.columns))));
    lines.push(Line::new().and(Tone::Quiet, format!("{:MARGIN$}{}", "", times(axis))));
    lines
}

/// Times below the axis: its begin, its middle and its end.
fn times(axis: &Axis) -> String {
    let shown = |part: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a simulation is shorter than a year"
        )]
        let seconds = (axis.seconds * part) as u64;
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, seconds) => format!("{seconds}s"),
            (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
            (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
        }
    };
    let (middle, end) = (shown(0.5), shown(1.0));
    let half = axis.columns / 2;
    format!("{:<half$}{middle:<rest$}{end}", "0s", rest = (axis.columns - half).saturating_sub(end.len()))
}

/// The measurements of a metric; where several share a column, the worst is seen.
fn marks(metric: &Measured, axis: &Axis) -> Vec<Line> {
    let mut worst: Vec<Option<Icon>> = vec![None; axis.columns];
    for one in &metric.measurements {
        let Some(seen) = one.at.and_then(|at| worst.get_mut(axis.column(at))) else { continue };
        if seen.is_none_or(|seen| seen == Icon::Ok) {
            *seen = Some(one.state.icon);
        }
    }
    let marks = worst.iter().fold(Line::new().and(Tone::Plain, " ".repeat(MARGIN)), |line, icon| match icon {
        Some(icon) => line.and(icon.tone(), icon.text()),
        None => line.and(Tone::Plain, " "),
    });
    let mut title = Line::new().and(Tone::Strong, &metric.name);
    if !metric.condition.is_empty() {
        title = title.and(Tone::Quiet, format!("  has to be {}", metric.condition));
    }
    if let Some(last) = metric.measurements.last().filter(|last| !last.value.is_empty()) {
        title = title.and(Tone::Plain, format!("; the last one was {}", last.value));
    }
    vec![title.hanging(MARGIN), marks]
}
