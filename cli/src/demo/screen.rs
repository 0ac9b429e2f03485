//! Where the demo is watched: a live view on a terminal, a line an event elsewhere.

use jiff::SignedDuration;
use serde_json::Value;
use serin_sim::scenario::Frame;
use serin_sim::transcript::{Event, Kind, Transcript};

use super::picture::draw;
use crate::terminal::{Line, Live, Output, Size, Tone};
use crate::view::{Objects, View};

/// How long an event is held back where it can't be corrected: another may still come before it.
const SETTLES: SignedDuration = SignedDuration::from_secs(2);

/// Where text goes on when an event is wrapped: behind time and subject.
const INDENT: usize = 22;

/// Where the demo is watched.
pub(super) struct Screen {
    output: Output,
    live: Option<Live>,
    /// What was to be seen last, and when.
    last: (String, View),
    /// How many events were printed.
    printed: usize,
}

impl Screen {
    pub(super) fn new(output: Output) -> Self {
        let live = output.live.then(|| Live::new(output.colour));
        Self { output, live, last: (String::new(), View::default()), printed: 0 }
    }

    /// Shows how the world looks now.
    pub(super) fn show(&mut self, frame: &Frame<'_>) {
        let events = frame.transcript.lines();
        let Some(live) = &mut self.live else {
            let settled = settled(frame, &events);
            self.print(frame.transcript, events.get(self.printed..settled).unwrap_or_default());
            return;
        };
        self.last = (frame.transcript.clock(frame.at), View::of(&objects(frame)));
        let (clock, view) = &self.last;
        live.draw(|size| {
            let events: Vec<_> = events.iter().map(|event| told(frame.transcript, event)).collect();
            filled(draw(view, clock, size), &events, size)
        });
    }

    /// Ends the live view, and prints its last picture and what was not printed yet.
    pub(super) fn end(&mut self, transcript: &Transcript) {
        if let Some(live) = self.live.take() {
            drop(live);
            let (clock, view) = &self.last;
            let size = Size { rows: usize::MAX, ..Size::of_terminal() };
            let picture = draw(view, clock, size);
            self.output.print(&picture.iter().map(|line| line.cut(size.columns)).collect::<Vec<_>>());
            self.output.print(&[Line::new(), Line::new().and(Tone::Strong, "What happened")]);
        }
        let events = transcript.lines();
        self.print(transcript, events.get(self.printed..).unwrap_or_default());
    }

    fn print(&mut self, transcript: &Transcript, events: &[Event]) {
        self.output.print(&events.iter().map(|event| told(transcript, event)).collect::<Vec<_>>());
        self.printed += events.len();
    }
}

/// The objects of the scenario's Rollout.
pub(crate) fn objects<'a>(frame: &Frame<'a>) -> Objects<'a> {
    Objects {
        rollout: frame.rollout().unwrap_or(&Value::Null),
        replica_sets: frame.all("replicasets"),
        pods: frame.all("pods"),
        runs: frame.all("analysisruns"),
        services: frame.all("services"),
        virtual_services: frame.all("virtualservices"),
        destination_rules: frame.all("destinationrules"),
    }
}

/// How many events will not change any more: sizes at the end may still be joined by others.
fn settled(frame: &Frame<'_>, events: &[Event]) -> usize {
    let sizes = events.iter().rev().take_while(|event| event.kind == Kind::Sized).count();
    let old = |event: &&Event| frame.at.duration_since(event.at) >= SETTLES;
    events.iter().take(events.len() - sizes).take_while(old).count()
}

/// An event as a line.
pub(crate) fn told(transcript: &Transcript, event: &Event) -> Line {
    let tone = match event.kind {
        Kind::Deed | Kind::Begins => Tone::Strong,
        Kind::Verdict if event.text.ends_with("Successful") => Tone::Good,
        Kind::Verdict | Kind::Aborted => Tone::Bad,
        Kind::Progress if event.text == "Healthy" => Tone::Good,
        _ => Tone::Plain,
    };
    let line = Line::new().and(Tone::Quiet, format!("{}  ", transcript.clock(event.at)));
    line.and(Tone::Plain, format!("{:<10}  ", event.subject)).and(tone, &event.text).hanging(INDENT)
}

/// A picture with as many of the last events below it as there is room for.
fn filled(mut picture: Vec<Line>, events: &[Line], size: Size) -> Vec<Line> {
    let room = size.rows.saturating_sub(picture.len() + 1);
    if room > 0 {
        picture.push(Line::new());
        picture.extend(events.iter().skip(events.len().saturating_sub(room)).cloned());
    }
    picture
}
