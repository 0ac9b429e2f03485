//! `serin simulate`: what would this Rollout do? The real controller on the in-memory cluster, an hour in some seconds.

mod behaviour;
mod chart;
mod manifests;
mod missing;
mod report;
mod samples;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serin_sim::play::{in_virtual_time, world};
use serin_sim::scenario::{self, Behaviour, Check, Entry, Expect, FeltLimits, Frame, Load, Manifest, Release, Scale};
use serin_sim::scenario::{Action, Played, Scenario, Span, WorldError};

use self::behaviour::{Behaves, Who};
use self::manifests::Told;
use self::samples::Samples;
use crate::files;
use crate::lint::source;
use crate::outcome::chain;
use crate::terminal::{Output, say};

/// How long the first version may take to run before anything is released.
const FIRST: Span = Span::seconds(600);

/// Simulate a release of a Rollout
///
/// The controller is the real one; the API server, the pods, their users and Prometheus are simulated: an hour takes some
/// seconds, and no cluster is needed. Prints what happened, with the weight and each metric over time. Exits with 0 when the new
/// version is promoted, 1 when it is not, 2 for what can't be read or is missing, 3 when a person has to decide or time is up.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Files, folders (their .yaml, .yml and .json files, at any depth) or - for standard input
    #[arg(short = 'f', long = "filename", required = true, num_args = 1.., value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The Rollout that is released, where the files have several
    #[arg(long, value_name = "NAME")]
    rollout: Option<String>,
    /// The image that is released; the present one with the tag `next` when left out
    #[arg(long, value_name = "IMAGE")]
    release: Option<String>,
    /// How a version behaves, such as errors=8%,latency=900ms@canary; without @ the canary
    ///
    /// Parts: errors=PERCENT, latency=DURATION, start=DURATION (until a pod is ready), never-ready.
    #[arg(long, value_name = "WHAT", value_parser = behaviour::parse)]
    behaviour: Vec<Behaves>,
    /// Requests of users in a second, such as 200rps
    #[arg(long, value_name = "RATE", default_value = "50rps", value_parser = behaviour::rate)]
    traffic: f64,
    #[arg(long, help = "Fill in Services, VirtualServices and DestinationRules that the files leave out")]
    fill: bool,
    /// End pauses without a duration after this time, as a person would who promotes
    #[arg(long, value_name = "DURATION")]
    promote_after: Option<Span>,
    /// How long the release may take
    #[arg(long, value_name = "DURATION", default_value = "6h")]
    within: Span,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[arg(long, help = "Print no colours; setting NO_COLOR does the same")]
    no_color: bool,
}

/// How a simulation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The new version is stable.
    Promoted,
    /// The new version was aborted, or does not run.
    Refused,
    /// The files can't be read, or leave something out.
    Unreadable,
    /// A person has to decide, or time is up.
    Open,
}

impl Ended {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Promoted => 0,
            Self::Refused => 1,
            Self::Unreadable => 2,
            Self::Open => 3,
        }
    }
}

/// What was simulated.
struct Simulated {
    told: Told,
    scenario: Scenario,
    samples: Samples,
    played: Played,
}

/// Simulates a release; the report goes to standard output, what can't be read or is missing to standard error.
pub fn run(arguments: &Arguments) -> Ended {
    let Some(files) = files::read(&arguments.files) else { return Ended::Unreadable };
    let texts: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
    let simulated = match simulate(arguments, &texts) {
        Ok(simulated) => simulated,
        Err(reasons) => {
            for reason in reasons {
                eprintln!("serin: {reason}");
            }
            return Ended::Unreadable;
        }
    };
    let output = Output::detect(arguments.no_color);
    if arguments.json {
        say(&format!("{:#}\n", report::json(&simulated)));
    } else {
        output.print(&report::lines(&simulated));
    }
    simulated.samples.ended()
}

fn simulate(arguments: &Arguments, files: &[(&str, &str)]) -> Result<Simulated, Vec<String>> {
    let mut objects = Vec::new();
    let mut wrong = Vec::new();
    for (name, text) in files {
        match source::documents(text) {
            Ok(documents) => objects.extend(documents.into_iter().map(|document| document.value)),
            Err(malformed) => {
                wrong.push(format!("{name}:{}:{}: {}", malformed.mark.line, malformed.mark.column, malformed.why));
            }
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let chosen = manifests::choose(objects, arguments.rollout.as_deref()).map_err(|reason| vec![reason])?;
    let (objects, told) = chosen.complete(arguments.fill, arguments.promote_after)?;
    let image = told.image.clone();
    let release = arguments.release.clone().unwrap_or_else(|| next(&image));
    if release == image {
        return Err(vec![format!("--release is {release}, which runs already; name another image")]);
    }
    let scenario = story(arguments, objects, &told, &release);
    let mut samples = Samples::new(&release);
    let played = play(&scenario, &mut |frame| samples.see(frame)).map_err(|error| vec![chain(&error)])?;
    Ok(Simulated { told, scenario, samples, played })
}

/// The image with another tag.
fn next(image: &str) -> String {
    let name = image.split('@').next().unwrap_or(image);
    let tagged = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    format!("{}:next", tagged.map_or(name, |(name, _)| name))
}

fn story(arguments: &Arguments, objects: Vec<serde_json::Value>, told: &Told, release: &str) -> Scenario {
    let mut images: BTreeMap<String, Behaviour> = BTreeMap::new();
    for behaves in &arguments.behaviour {
        let image = if behaves.who == Who::Canary { release } else { &told.image };
        behaves.apply(images.entry(image.to_owned()).or_default());
    }
    let healthy = Check { phase: Some("Healthy".to_owned()), ..Check::default() };
    let begun = Check { desired: Some(release.to_owned()), ..Check::default() };
    let over = Check { over: true, ..Check::default() };
    let entry = |when: Check, within: Span| Entry { when: Some(when), within: Some(within), ..Entry::default() };
    let order = Entry {
        after: Some(Span::seconds(10)),
        actions: vec![Action::Release(Release { image: release.to_owned() })],
        ..Entry::default()
    };
    Scenario {
        name: "simulation".to_owned(),
        description: format!("A release of {release}."),
        scale: Scale::default(),
        manifests: objects.into_iter().map(|object| Manifest { object: Some(object), ..Manifest::default() }).collect(),
        load: Load { host: Some(told.host.clone()), requests_per_second: arguments.traffic, ..Load::default() },
        images,
        faults: Vec::new(),
        timeline: vec![entry(healthy, FIRST), order, entry(begun, Span::seconds(60))],
        expect: Expect {
            within: arguments.within,
            end: over,
            hold: Span::seconds(60),
            quiet: Span::default(),
            felt: FeltLimits { foreign_5xx: u64::MAX, unsplit: true, ..FeltLimits::default() },
        },
    }
}

fn play(scenario: &Scenario, watcher: &mut dyn FnMut(&Frame<'_>)) -> Result<Played, WorldError> {
    in_virtual_time(async {
        let mut world = world()?;
        scenario::play(scenario, &mut world, watcher).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_image_has_another_tag() {
        assert_eq!(next("shop:v1"), "shop:next");
        assert_eq!(next("registry:5000/shop"), "registry:5000/shop:next");
        assert_eq!(next("registry:5000/shop:v1@sha256:00"), "registry:5000/shop:next");
    }
}
