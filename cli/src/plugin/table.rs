//! Tables as kubectl prints them, and ages.

use jiff::Timestamp;

use crate::terminal::{Line, Tone};

/// Spaces between two columns.
const GAP: usize = 2;

/// Puts the cells of rows below each other; the last cell of a row is not filled up.
pub(super) fn aligned(rows: Vec<Vec<Line>>) -> Vec<Line> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| column + 1 < row.len()).filter_map(|row| row.get(column));
        cells.map(Line::columns).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: Vec<Line>| {
        let (mut line, mut end) = (Line::new(), 0);
        let last = row.len().saturating_sub(1);
        for (at, (cell, width)) in row.into_iter().zip(&widths).enumerate() {
            line = line.join(cell);
            end += width + GAP;
            line = if at < last { line.pad(end) } else { line };
        }
        line
    };
    rows.into_iter().map(line).collect()
}

/// A cell of ordinary text.
pub(super) fn cell(text: impl AsRef<str>) -> Line {
    Line::new().and(Tone::Plain, text)
}

/// How long ago something was, as kubectl writes it; nothing of what has no time.
pub(super) fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    since.map_or_else(|| "<unknown>".to_owned(), |since| span(now.duration_since(since).as_secs()))
}

/// A span of time in two units at most: the larger it is, the less precise.
pub(super) fn span(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |large: i64, unit: char, small: i64, below: char| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{below}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        _ if seconds < 120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        _ if hours < 48 => format!("{hours}h"),
        _ if days < 8 => two(days, 'd', hours % 24, 'h'),
        _ if days < 2 * 365 => format!("{days}d"),
        _ if days < 8 * 365 => two(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_those_of_kubectl() {
        let check = |seconds: i64, expect: &str| assert_eq!(span(seconds), expect, "{seconds} s");
        check(-2, "<invalid>");
        check(-1, "0s");
        check(0, "0s");
        check(119, "119s");
        check(120, "2m");
        check(121, "2m1s");
        check(599, "9m59s");
        check(600, "10m");
        check(3 * 3600 - 1, "179m");
        check(3 * 3600, "3h");
        check(3 * 3600 + 60, "3h1m");
        check(8 * 3600, "8h");
        check(48 * 3600 - 1, "47h");
        check(48 * 3600, "2d");
        check(49 * 3600, "2d1h");
        check(8 * 86400, "8d");
        check(330 * 86400, "330d");
        check(730 * 86400, "2y");
        check(731 * 86400, "2y1d");
        check(8 * 365 * 86400, "8y");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            vec![cell("NAME"), cell("STATUS"), cell("INFO")],
            vec![cell("⟳ shop"), cell("✔ Healthy"), cell("")],
            vec![cell("x"), cell(""), cell("a long one that does not count")],
        ];
        let lines: Vec<_> = aligned(rows).iter().map(|line| line.render(false)).collect();
        assert_eq!(
            lines,
            ["NAME    STATUS     INFO", "⟳ shop  ✔ Healthy  ", "x                  a long one that does not count"]
        );
    }
}
