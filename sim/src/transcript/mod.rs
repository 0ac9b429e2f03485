//! A transcript: one line an event, in words that don't change, to be read from top to bottom and compared as a whole.
//!
//! Nothing in a line depends on how fast pods start or in which order concurrent writes arrive, so that the simulator and
//! real parts give the same text but for the times.

mod order;
mod recorder;

use std::fmt;

use jiff::Timestamp;

/// A line, beside other things that are called lines.
pub use self::Line as Event;
pub use self::recorder::Recorder;

/// What kind of event a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody ordered, edited or broke something.
    Deed,
    /// A revision begins.
    Begins,
    /// An analysis begins.
    Asks,
    /// An analysis has come to its verdict.
    Verdict,
    /// The canary's weight was lowered.
    Lowered,
    /// The canary's weight was raised.
    Raised,
    /// The release was aborted.
    Aborted,
    /// A Service or a subset leads elsewhere.
    Leads,
    /// A `ReplicaSet` got another size.
    Sized,
    /// A step, a pause, a promotion, a phase.
    Progress,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// Who, or about whom.
    pub subject: String,
    /// What kind of event.
    pub kind: Kind,
    /// What happened.
    pub text: String,
}

/// All events of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    start: Timestamp,
    lines: Vec<Line>,
}

/// The width of the column that names the subject.
const SUBJECT: usize = 10;

impl Transcript {
    /// Begins an empty transcript; times are counted from `start`.
    pub const fn new(start: Timestamp) -> Self {
        Self { start, lines: Vec::new() }
    }

    /// Adds an event. The lines are brought into their normal order when they are read.
    pub fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// An instant as the transcript tells it: hours, minutes and seconds since its start.
    pub fn clock(&self, at: Timestamp) -> String {
        let seconds = at.duration_since(self.start).as_secs().max(0);
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// The events in normal order.
    pub fn lines(&self) -> Vec<Line> {
        order::normal(&self.lines)
    }

    /// The text without times: what has to be the same on every world.
    pub fn without_times(&self) -> String {
        without_times(&self.lines())
    }
}

/// Lines as text, without their times.
pub fn without_times(lines: &[Line]) -> String {
    let line = |line: &Line| format!("{:<SUBJECT$}  {}\n", line.subject, line.text);
    lines.iter().map(line).collect()
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            writeln!(f, "{}  {:<SUBJECT$}  {}", self.clock(line.at), line.subject, line.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
