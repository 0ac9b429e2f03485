//! The time between two events on real parts, held against the time between them in virtual time.
//!
//! What is shortened for real parts is never longer than it is written, and never shorter than its part of that. Everything
//! beyond is the work of real servers, and bounded.

use std::time::Duration;

use jiff::SignedDuration;
use serin_sim::transcript::{Kind, Line};

/// How long an abort may take on real parts: from the order, or from the first of what says so, until the weight is
/// lowered and the abort is recorded. Four worlds share the machine meanwhile; `make bench` has the figure alone.
const ABORT: Duration = Duration::from_secs(1);

/// How much longer, or sooner, anything else may come: pods are processes that start, and many things are looked at once
/// in a second.
const SLACK: Duration = Duration::from_secs(6);

/// Says that every event came in its time; else names those that did not. Both transcripts have the same lines; the durations
/// of the real one were divided by `factor`.
///
/// An abort, and whatever follows at once in the story, is held against the line before it. What comes after a wait may have
/// waited since any line before, because a transcript tells several chains of causes side by side, each with its own time.
pub(super) fn kept(simulated: &[Line], real: &[Line], factor: u32) -> Result<(), String> {
    let told: Vec<_> = simulated.iter().zip(real).collect();
    let late = |at: usize| {
        let (before, line) = (told.get(..at)?, *told.get(at)?);
        let last = before.last()?;
        let waits = line.0.at.duration_since(last.0.at).abs() >= SignedDuration::from_secs(1);
        let causes = if aborts(line.1) || !waits { std::slice::from_ref(last) } else { before };
        let mut late: Option<String> = None;
        for cause in causes.iter().rev() {
            late = late.or(Some(step(*cause, line, factor)?));
        }
        late
    };
    let late: String = (1..told.len()).filter_map(late).collect();
    if late.is_empty() { Ok(()) } else { Err(format!("on real parts events do not keep their time\n{late}")) }
}

/// What is wrong with the time between two lines, each as it is written and as it was seen.
fn step(before: (&Line, &Line), line: (&Line, &Line), factor: u32) -> Option<String> {
    let (written, seen) = (line.0.at.duration_since(before.0.at), line.1.at.duration_since(before.1.at));
    let slack = SignedDuration::try_from(if aborts(line.1) { ABORT } else { SLACK }).ok()?;
    let shorter = written / i32::try_from(factor.max(1)).ok()?;
    // Lines that changed places are told against their time.
    let least = written.min(shorter) - slack;
    let most = written.max(shorter) + slack;
    if (least..=most).contains(&seen) {
        return None;
    }
    let seconds = |span: SignedDuration| span.as_secs_f64();
    Some(format!(
        "  {:.2} s instead of {:.2} to {:.2} s from {:?} to {:?}\n",
        seconds(seen),
        seconds(least),
        seconds(most),
        before.1.text,
        line.1.text
    ))
}

const fn aborts(line: &Line) -> bool {
    matches!(line.kind, Kind::Lowered | Kind::Aborted)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn check(written: &[(i64, Kind)], seen: &[(i64, Kind)], late: usize) {
        let lines = |told: &[(i64, Kind)]| -> Vec<Line> {
            let line = |(milliseconds, kind): &(i64, Kind)| Line {
                at: Timestamp::from_millisecond(*milliseconds).unwrap(),
                subject: "shop".to_owned(),
                kind: *kind,
                text: format!("{kind:?}"),
            };
            told.iter().map(line).collect()
        };
        let said = kept(&lines(written), &lines(seen), 20).err().unwrap_or_default();
        assert_eq!(said.lines().skip(1).count(), late, "{said}");
    }

    #[test]
    fn an_abort_that_dawdles_is_late() {
        let written = [(0, Kind::Deed), (0, Kind::Lowered), (0, Kind::Aborted)];
        check(&written, &[(0, Kind::Deed), (900, Kind::Lowered), (1000, Kind::Aborted)], 0);
        check(&written, &[(0, Kind::Deed), (100_000, Kind::Lowered), (100_010, Kind::Aborted)], 1);
        check(&written, &[(0, Kind::Deed), (10, Kind::Lowered), (100_000, Kind::Aborted)], 1);
    }

    #[test]
    fn lines_that_changed_places_are_close_to_each_other() {
        let written = [(0, Kind::Verdict), (0, Kind::Lowered)];
        check(&written, &[(50, Kind::Verdict), (10, Kind::Lowered)], 0);
        check(&written, &[(60_000, Kind::Verdict), (10, Kind::Lowered)], 1);
        let written = [(60_000, Kind::Lowered), (0, Kind::Aborted)];
        check(&written, &[(9_000, Kind::Lowered), (0, Kind::Aborted)], 0);
        check(&written, &[(0, Kind::Lowered), (0, Kind::Aborted)], 1);
    }

    #[test]
    fn a_pause_lasts_its_part_of_what_is_written_at_least_and_no_more_than_that() {
        let written = [(0, Kind::Progress), (240_000, Kind::Progress)];
        check(&written, &[(0, Kind::Progress), (12_000, Kind::Progress)], 0);
        check(&written, &[(0, Kind::Progress), (500, Kind::Progress)], 1);
        check(&written, &[(0, Kind::Progress), (250_000, Kind::Progress)], 1);
    }

    #[test]
    fn chains_beside_each_other_have_times_of_their_own() {
        // A pause of 30 s beside an analysis that measured late.
        let written = [(0, Kind::Progress), (60_000, Kind::Verdict), (300_000, Kind::Progress)];
        check(&written, &[(0, Kind::Progress), (9_000, Kind::Verdict), (14_500, Kind::Progress)], 0);
        check(&written, &[(0, Kind::Progress), (2_000, Kind::Verdict), (2_500, Kind::Progress)], 1);
    }

    #[test]
    fn what_follows_at_once_follows_the_line_before() {
        let written = [(0, Kind::Progress), (300_000, Kind::Progress), (300_100, Kind::Sized)];
        check(&written, &[(0, Kind::Progress), (15_000, Kind::Progress), (20_000, Kind::Sized)], 0);
        check(&written, &[(0, Kind::Progress), (15_000, Kind::Progress), (30_000, Kind::Sized)], 1);
    }
}
