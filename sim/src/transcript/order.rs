//! The normal order of lines: what happens at once has no order, so it gets one.

use jiff::SignedDuration;

use super::{Kind, Line};

/// Brings lines into normal order: sizes next to each other are told once per revision, and neighbours that may come in
/// either order come in the order of their kinds.
pub(super) fn normal(lines: &[Line]) -> Vec<Line> {
    let mut lines = join_sizes(lines);
    // Only neighbours change places, and each change lowers the number of pairs out of order: it ends.
    let mut moved = true;
    while moved {
        moved = false;
        for at in 1..lines.len() {
            let swap =
                matches!((lines.get(at - 1), lines.get(at)), (Some(a), Some(b)) if a.kind > b.kind && free(a, b));
            if swap {
                lines.swap(at - 1, at);
                moved = true;
            }
        }
    }
    lines
}

/// What is written within this time was written at once.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(1);

/// How lines end that follow from a verdict.
const FOLLOWS: [&str; 2] = [" done: analysis", "(InconclusiveAnalysisRun)"];

/// Says whether two events are written concurrently: taking traffic back, the verdict, and its record; the end of an analysis
/// that was stopped with it; and a verdict with the end of its step.
fn free(a: &Line, b: &Line) -> bool {
    let concurrent = |kind| matches!(kind, Kind::Verdict | Kind::Lowered | Kind::Aborted);
    let stopped = |line: &Line| line.kind == Kind::Verdict && line.text.ends_with("was stopped");
    let both = concurrent(a.kind) && concurrent(b.kind);
    // A verdict counts from the moment in which it is given; it is written beside what follows from it.
    let at_once = a.at.duration_since(b.at).abs() <= AT_ONCE;
    let follows = |line: &Line| FOLLOWS.iter().any(|end| line.text.ends_with(end));
    let verdict = |line: &Line| line.kind == Kind::Verdict;
    let followed = at_once && ((verdict(a) && follows(b)) || (follows(a) && verdict(b)));
    both || followed || (stopped(a) && b.kind == Kind::Leads) || (a.kind == Kind::Leads && stopped(b))
}

/// Joins sizes of one revision that stand next to each other: how many turns it took depends on how fast pods started.
fn join_sizes(lines: &[Line]) -> Vec<Line> {
    let mut joined: Vec<Line> = Vec::with_capacity(lines.len());
    for run in lines.chunk_by(|a, b| a.kind == Kind::Sized && b.kind == Kind::Sized) {
        let begin = joined.len();
        for line in run {
            match joined.iter_mut().skip(begin).find(|old| same_set(old, line)) {
                Some(old) => old.text = spliced(&old.text, &line.text),
                None => joined.push(line.clone()),
            }
        }
        if let Some(block) = joined.get_mut(begin..) {
            block.sort_by(|a, b| (a.kind, &a.text).cmp(&(b.kind, &b.text)));
        }
        let mut at = begin;
        joined.retain(|line| {
            let keep = at < begin || line.kind != Kind::Sized || !unchanged(&line.text);
            at += 1;
            keep
        });
    }
    joined
}

fn same_set(old: &Line, new: &Line) -> bool {
    let set = |line: &Line| line.text.split_once(": ").map(|(set, _)| set.to_owned());
    old.kind == Kind::Sized && new.kind == Kind::Sized && old.subject == new.subject && set(old) == set(new)
}

/// The text of a change of size; [`spliced`] and [`unchanged`] understand it.
pub(super) fn sized(set: &str, from: i64, to: i64) -> String {
    format!("{set}: {from} -> {to} pods")
}

fn sizes(text: &str) -> Option<(&str, &str, &str)> {
    let (set, rest) = text.split_once(": ")?;
    let (from, to) = rest.strip_suffix(" pods")?.split_once(" -> ")?;
    Some((set, from, to))
}

fn spliced(old: &str, new: &str) -> String {
    match (sizes(old), sizes(new)) {
        (Some((set, from, _)), Some((_, _, to))) => format!("{set}: {from} -> {to} pods"),
        _ => new.to_owned(),
    }
}

fn unchanged(text: &str) -> bool {
    sizes(text).is_some_and(|(_, from, to)| from == to)
}
