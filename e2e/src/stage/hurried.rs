//! A scenario on the simulator in the time that it takes on real parts: shortened, and late by chance as on a busy machine.
//!
//! Where two events have to come in an order and shortened time lets chance decide it, this shows it at once, and each
//! time. Real parts would show it now and then.

use std::time::Duration;

use serin_sim::{
    play,
    scenario::{CallFault, Fault as Wrong, Outcome, Played, Scenario, Span, WorldError},
    transcript::Line,
};

use super::{faults, score};

/// How much longer pods may take to start.
const START: Duration = Duration::from_secs(2);

/// How much later people, and whatever else a scenario does, may act.
const ACT: Duration = Duration::from_secs(1);

/// How much longer each call of the controller may take.
const CALL: Duration = Duration::from_millis(150);

/// What came of a scenario in shortened time; the seed says what is late, and by how much.
///
/// # Errors
/// When the world itself fails.
pub(super) fn play(scenario: &Scenario, seed: u64) -> Result<Hurried, WorldError> {
    play::play(&late(scenario, seed)).map(Hurried)
}

/// What came of it.
pub(super) struct Hurried(Played);

impl Hurried {
    /// What it did not do that the scenario says, by the time that it says. What is promised to users is asked elsewhere:
    /// calls take no time in the simulator, so promises allow for none.
    pub(super) fn fault(&self) -> Option<String> {
        let ours = |failure: &&String| ["timeline[", "expect.end"].iter().any(|place| failure.starts_with(place));
        let said: Vec<_> = self.0.failures.iter().filter(ours).map(String::as_str).collect();
        (!said.is_empty()).then(|| said.join("\n"))
    }

    /// What it told, but for the calls that are late.
    pub(super) fn lines(&self) -> Vec<Line> {
        let told = self.0.transcript.lines();
        told.into_iter().filter(|line| !line.text.contains("is answered")).collect()
    }
}

fn late(scenario: &Scenario, seed: u64) -> Scenario {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut more =
        |most: Duration| Duration::from_millis(random.u64(0..=u64::try_from(most.as_millis()).unwrap_or_default()));
    let mut hurried = score::in_real_time(scenario);
    for image in score::images(scenario) {
        let mut behaviour = hurried.behaviour(&image);
        behaviour.ready_after = Span::from(behaviour.ready_after.duration() + more(START));
        hurried.images.insert(image, behaviour);
    }
    for entry in &mut hurried.timeline {
        for span in [&mut entry.at, &mut entry.after].into_iter().flatten() {
            *span = Span::from(span.duration() + more(ACT));
        }
    }
    // One plan of faults would hide another.
    if !faults::any(scenario) {
        let verbs = ["get", "create", "update", "patch", "delete"].map(str::to_owned).to_vec();
        let what = Outcome::Delay(Span::from(more(CALL)));
        let calls = CallFault { verbs, kind: None, subresource: None, nth: 1, times: None, span: None, what };
        hurried.faults.push(Wrong::Calls(calls));
    }
    hurried
}
