//! The demo: two releases of one service, played by the real controller on the in-memory cluster.

mod arguments;
mod picture;
mod screen;
mod served;

use std::cell::Cell;

use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use serin_sim::cluster::SimWorld;
use serin_sim::play::{Pace, in_virtual_time};
use serin_sim::scenario::{Frame, Played, WorldError, play, shipped};

pub use self::arguments::Arguments;
use self::screen::Screen;
pub(crate) use self::screen::{objects, told};
use self::served::Served;
use crate::terminal::{Line, Tone, stopped};

/// About as long as the demo takes in virtual time, and never shorter.
const LONGEST: SignedDuration = SignedDuration::from_secs(200);

/// How the demo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Both releases ended as they have to.
    AsExpected,
    /// At least one did not.
    Otherwise,
    /// A signal ended it.
    Stopped {
        /// The number of the signal.
        signal: u8,
    },
}

impl Ended {
    /// The exit code: 0, 1, or as a shell counts signals.
    pub const fn code(self) -> u8 {
        match self {
            Self::AsExpected => 0,
            Self::Otherwise => 1,
            Self::Stopped { signal } => signal.saturating_add(128),
        }
    }
}

/// Plays the demo; says how it ended.
///
/// # Errors
/// When the simulated world can't be made, or its port can't be opened.
pub fn run(arguments: &Arguments) -> Result<Ended, WorldError> {
    in_virtual_time(async {
        let stopped = stopped();
        let played = Cell::new(None);
        match select(std::pin::pin!(stopped), std::pin::pin!(demo(arguments, &played))).await {
            // Whoever looks around when both releases have ended leaves like this.
            Either::Left((signal, _)) => Ok(played.get().unwrap_or(Ended::Stopped { signal })),
            Either::Right((ended, _)) => ended,
        }
    })
}

async fn demo(arguments: &Arguments, ended: &Cell<Option<Ended>>) -> Result<Ended, WorldError> {
    let scenario = shipped("demo").map_err(|e| WorldError::because("the demo's scenario can't be read", e))?;
    let mut world = SimWorld::new(begin(Timestamp::now(), arguments.pace()))?.paced(Pace::speed(arguments.pace()));
    let served = match arguments.listen() {
        None => None,
        Some(address) => Some(Served::start(&world, address).await?),
    };
    let output = arguments.output();
    output.print(&intro());
    if let Some(served) = &served {
        output.print(&served.intro());
    }
    let mut screen = Screen::new(output);
    let mut show = |frame: &Frame<'_>| screen.show(frame);
    let played = play(&scenario, &mut world, &mut show).await?;
    screen.end(&played.transcript);
    output.print(&outcome(&played));
    let end = if played.passed() { Ended::AsExpected } else { Ended::Otherwise };
    ended.set(Some(end));
    let Some(served) = served else {
        output.print(&next());
        return Ok(end);
    };
    output.print(&served.hints());
    let mut world = world.paced(Pace::Present);
    world.until(std::future::pending()).await
}

/// When virtual time begins, so that it ends at the present: objects are as old as they seem to those who watched.
fn begin(present: Timestamp, speed: f64) -> Timestamp {
    let takes = LONGEST.as_secs_f64() / speed;
    let ahead = SignedDuration::try_from_secs_f64(LONGEST.as_secs_f64() - takes).unwrap_or_default();
    present - ahead.max(SignedDuration::ZERO)
}

fn intro() -> Vec<Line> {
    let texts = [
        "Two releases of the service shop: v2 is good, v3 answers a quarter of its requests with an error.",
        "The controller is the real one; the cluster, its users and its Prometheus are simulated.",
        "",
    ];
    let title = Line::new().and(Tone::Strong, "Serin demo");
    std::iter::once(title).chain(texts.map(plain)).collect()
}

fn outcome(played: &Played) -> Vec<Line> {
    let felt = &played.felt;
    let verdict = if played.passed() {
        vec![Line::new().and(
            Tone::Good,
            "Both releases ended as they should; every guarantee held after every write to the API server.",
        )]
    } else {
        played.report().lines().map(|line| Line::new().and(Tone::Bad, line)).collect()
    };
    let users = format!(
        "Users sent {} requests: {} got an error from v3, {} got one from anything else.",
        felt.requests,
        felt.application_5xx,
        felt.foreign()
    );
    [vec![Line::new()], verdict, vec![plain(users)]].concat()
}

fn next() -> Vec<Line> {
    let texts = [
        "",
        "Next: make demo ARGS=\"--listen 8001\" keeps the API server up for kubectl;",
        "      README.md says how to install Serin in a cluster.",
    ];
    texts.map(plain).to_vec()
}

/// A line of ordinary text, indented below as at its beginning.
fn plain(text: impl AsRef<str>) -> Line {
    let text = text.as_ref();
    Line::new().and(Tone::Plain, text).hanging(text.len() - text.trim_start().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(speed: f64, expect: SignedDuration) {
        let present = Timestamp::UNIX_EPOCH;
        assert_eq!(present.duration_since(begin(present, speed)), expect, "at {speed} times the usual speed");
    }

    #[test]
    fn the_demo_begins_as_much_earlier_as_it_plays_faster() {
        check(1.0, SignedDuration::ZERO);
        check(2.0, LONGEST / 2);
        check(10.0, LONGEST * 9 / 10);
        check(0.1, SignedDuration::ZERO);
    }

    #[test]
    fn the_demo_takes_about_as_long_as_is_believed() {
        let scenario = shipped("demo").unwrap();
        let mut took = SignedDuration::ZERO;
        let played = in_virtual_time(async {
            let mut world = SimWorld::new(Timestamp::UNIX_EPOCH)?;
            let mut watch = |frame: &Frame<'_>| took = frame.at.duration_since(Timestamp::UNIX_EPOCH);
            play(&scenario, &mut world, &mut watch).await
        });
        assert!(played.unwrap().passed());
        assert!(took <= LONGEST && took * 4 >= LONGEST * 3, "{took}");
    }
}
