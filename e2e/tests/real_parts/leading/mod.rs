//! Two controllers, one lease: one of them writes, and when it ends, however it ends, the other one goes on from what is
//! written.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serin_e2e::{
    runner::{Fault, Trial},
    world::User,
};

mod log;
mod pair;

use log::{Log, is_of_lease, text};
use pair::{LEASE, Pair};

/// How long a controller may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(10);
/// The failure at which the analysis of the trials fails.
const LAST: i64 = 4;
/// How many measurements it takes.
const ALL: i64 = 6;

/// What happens in a trial.
type Story = for<'a> fn(&'a mut Pair) -> BoxFuture<'a, Result<(), Fault>>;

/// The trials with two controllers.
pub fn trials() -> [Trial; 3] {
    let trial = |name: &str, story: Story| {
        Trial::new(name, move || play(story)).within(Duration::from_secs(120)).beside_others()
    };
    [
        trial("a leader is killed while an analysis fails, and the other one takes the release back", |pair| {
            Box::pin(killed(pair))
        }),
        trial("a leader that is told to end gives its lease back, and the other one goes on at once", |pair| {
            Box::pin(told_to_end(pair))
        }),
        trial("a leader that hangs for longer than its lease writes nothing more, and ends", |pair| {
            Box::pin(hung(pair))
        }),
    ]
}

async fn play(story: Story) -> Result<(), Fault> {
    let mut pair = Pair::start().await?;
    let told = story(&mut pair).await;
    told.map_err(|fault| pair.explained(&fault))?;
    pair.keeps_its_promises().await.map_err(|fault| pair.explained(&fault))
}

async fn killed(pair: &mut Pair) -> Result<(), Fault> {
    pair.release(0.3).await?;
    pair.first.kill();
    let killed = Timestamp::now();
    pair.taken_back().await?;

    let log = Log::read(&pair.world)?;
    let late = log.of(User::Serin).filter(|record| record.received > killed).count();
    expect(late == 0, || format!("{late} calls of a controller that was killed"))?;
    taken_after_its_end(&log)?;
    went_on(&log.measured("failed"), LAST)?;
    kept_warm(&log)
}

async fn told_to_end(pair: &mut Pair) -> Result<(), Fault> {
    pair.release(0.0).await?;
    pair.first.terminate();
    let ended = pair.first.end(GRACE).await?;
    expect(ended == "exit status: 0", || format!("the first controller ended with {ended}"))?;
    pair.promoted().await?;

    let log = Log::read(&pair.world)?;
    let changes = log.changes();
    let leaders = log.leaders();
    expect(leaders == [Some(User::Serin), None, Some(User::SerinBeside)], || format!("{leaders:?} led"))?;
    let [_, given_back, taken] = changes.as_slice() else {
        return Err("three leaders in fewer changes".into());
    };
    // Its first look after that: it has waited for nothing but that.
    let between = |at: Timestamp| given_back.record.at < at && at < taken.record.received;
    let looks = log.of(User::SerinBeside).filter(|record| is_of_lease(record) && !record.is_write());
    let looks = looks.filter(|record| between(record.received)).count();
    expect(looks <= 1, || format!("the second controller looked {looks} times at a lease that nobody held"))?;
    let transitions =
        taken.record.bodies.response.pointer("/spec/leaseTransitions").and_then(serde_json::Value::as_i64);
    expect(transitions == Some(1), || format!("{transitions:?} transitions of the lease"))?;
    went_on(&log.measured("count"), ALL)?;
    kept_warm(&log)
}

async fn hung(pair: &mut Pair) -> Result<(), Fault> {
    pair.release(0.3).await?;
    pair.first.freeze();
    pair.taken_back().await?;
    pair.first.thaw();
    let ended = pair.first.end(GRACE).await?;
    expect(ended == "exit status: 1", || format!("the first controller ended with {ended}"))?;
    let said = pair.first.log();
    expect(said.contains("lost the lease"), || "the first controller doesn't say why it ended".to_owned())?;

    let log = Log::read(&pair.world)?;
    taken_after_its_end(&log)?;
    went_on(&log.measured("failed"), LAST)?;
    kept_warm(&log)
}

/// The second controller took the lease, once, when it had run out.
fn taken_after_its_end(log: &Log) -> Result<(), Fault> {
    let leaders = log.leaders();
    expect(leaders == [Some(User::Serin), Some(User::SerinBeside)], || format!("{leaders:?} led"))?;
    let turns = log.turns();
    let renewed = turns.iter().rfind(|turn| turn.leader == Some(User::Serin));
    let taken = turns.iter().find(|turn| turn.leader == Some(User::SerinBeside));
    let (Some(renewed), Some(taken)) = (renewed, taken) else {
        return Err("two leaders in fewer turns".into());
    };
    let before = text(renewed.record, "/spec/holderIdentity");
    let after = text(taken.record, "/spec/holderIdentity");
    expect(before != after, || format!("both call themselves {before}"))?;
    let waited = taken.record.received.duration_since(renewed.record.received).unsigned_abs();
    expect(waited >= LEASE, || format!("the lease was taken {waited:?} after it was renewed"))
}

/// Both controllers wrote down what they measured; the second one counted on from where the first one had come.
fn went_on(measured: &[(User, i64)], last: i64) -> Result<(), Fault> {
    let told: Vec<_> = measured.iter().filter(|(_, number)| *number > 0).collect();
    let rising = told.is_sorted_by(|(_, before), (_, after)| before < after);
    let whole = told.last().is_some_and(|(_, number)| *number == last);
    let mut by: Vec<_> = told.iter().map(|(user, _)| *user).collect();
    by.dedup();
    let both = by == [User::Serin, User::SerinBeside];
    expect(rising && whole && both, || format!("measured {measured:?}, not up to {last} by one after the other"))
}

/// The second controller knew everything when it took over: it had listed before, and did not do so again.
fn kept_warm(log: &Log) -> Result<(), Fault> {
    let changes = log.changes();
    let taken = changes.iter().find(|turn| turn.leader == Some(User::SerinBeside));
    let taken = taken.ok_or("the second controller never led")?.record.received;
    let watched = |resource: &str| {
        let mut watches = log.of(User::SerinBeside).filter(|record| record.verb == "watch" && record.succeeded());
        watches.any(|record| record.object.resource == resource && record.received < taken)
    };
    for resource in ["rollouts", "analysisruns", "replicasets", "services", "virtualservices", "analysistemplates"] {
        expect(watched(resource), || format!("the second controller did not follow {resource} before it led"))?;
    }
    let mut lists = log.of(User::SerinBeside).filter(|record| record.verb == "list" && record.received >= taken);
    let list = lists.next().map(|record| record.uri.clone());
    expect(list.is_none(), || format!("the second controller listed when it led: {list:?}"))
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}
