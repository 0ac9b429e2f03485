//! How fast an abort is: from the answer that breaches to the commit of weight 0, each Rollout by itself.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use serin_e2e::world::{Record, eventually};

use crate::{
    Fault,
    bench::Bench,
    contender::Contender,
    floor,
    manifests::{analysis, names},
    spread::Spread,
};

/// How many are aborted alone, one after the other, and how many at once.
const ALONE: usize = 30;
const AT_ONCE: usize = 200;

/// The weight of the canary before.
pub const WEIGHT: i64 = 50;

/// How long the last of all may take; the incumbent needs a minute.
const PATIENCE: Duration = Duration::from_secs(180);

/// A route's write of weight 0.
pub struct Zero {
    /// The route, which has the name of its Rollout.
    pub name: String,
    /// The write.
    pub record: Record,
}

/// Times aborts.
pub async fn figures(contender: Contender) -> Result<(), Fault> {
    let bench = Bench::start(contender, None).await?;
    let strategy = |name: &str| json!({"analysis": analysis(name), "steps": [{"setWeight": WEIGHT}, {"pause": {}}]});
    let (alone, crowd) = (names("one", ALONE), names("many", AT_ONCE));
    let all: Vec<String> = alone.iter().chain(&crowd).cloned().collect();
    bench.create(&all, 4, strategy).await?;
    bench.release(&all).await?;
    bench.all("Paused", all.len()).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;

    for name in &alone {
        bench.judge.condemn(std::slice::from_ref(name));
        aborted(&bench, std::slice::from_ref(name), Duration::from_millis(200)).await?;
    }
    let ones = times(&bench, &aborted(&bench, &alone, Duration::ZERO).await?)?;
    contender.tell("abort alone, breaching answer -> weight 0", &format!("{ones}   (goal p50 <= 8, p99 <= 50)"));

    tokio::time::sleep(Duration::from_secs(3)).await;
    bench.judge.condemn(&crowd);
    let zeros = aborted(&bench, &crowd, Duration::from_secs(2)).await?;
    let many = times(&bench, &zeros)?;
    contender.tell("abort of 200 at once, breaching answer -> weight 0", &format!("{many}"));
    bench.all("Degraded", all.len()).await?;
    if contender == Contender::Serin {
        floor::figures(bench, &zeros, &many).await?;
    }
    Ok(())
}

/// The writes of weight 0 to these routes, once every one of them has its own; looks only so often, since the log is long and
/// the machine small.
///
/// # Errors
/// When an abort does not come, or a weight that was lowered to 0 does not stay there.
async fn aborted(bench: &Bench, names: &[String], look: Duration) -> Result<Vec<Zero>, Fault> {
    let zeros = eventually("aborts", PATIENCE, || async {
        tokio::time::sleep(look).await;
        let zeros = zeros(bench).map_err(|error| error.to_string())?;
        let missing = names.iter().filter(|name| !zeros.contains_key(*name)).count();
        if missing == 0 {
            Ok(zeros)
        } else {
            Err(format!("{missing} of {} routes still send to the canary", names.len()))
        }
    });
    let mut zeros = zeros.await?;
    let own = names.iter().filter_map(|name| zeros.remove(name).map(|record| Zero { name: name.clone(), record }));
    Ok(own.collect())
}

/// The first write of weight 0 behind its own breach, of each route that is at 0 in the end.
fn zeros(bench: &Bench) -> Result<BTreeMap<String, Record>, Fault> {
    let breached = bench.judge.breached();
    let mut zeros = BTreeMap::new();
    for call in bench.calls()? {
        let name = &call.object.name;
        let Some(said) = breached.get(name).filter(|said| lowers(&call) && call.at >= **said) else { continue };
        match weight(&call) {
            Some(0) => {
                zeros.entry(name.clone()).or_insert(call);
            }
            other => return Err(format!("{other:?} was written for {name} after its breach at {said}").into()),
        }
    }
    Ok(zeros)
}

fn lowers(call: &Record) -> bool {
    call.is_about("virtualservices") && call.is_write() && call.succeeded()
}

/// The weight of the canary that a write left.
fn weight(call: &Record) -> Option<i64> {
    call.bodies.response.pointer("/spec/http/0/route/1/weight").map_or(Some(0), Value::as_i64)
}

/// The time from each one's own breach to its own zero.
fn times(bench: &Bench, zeros: &[Zero]) -> Result<Spread, Fault> {
    let breached = bench.judge.breached();
    let time = |zero: &Zero| -> Result<f64, Fault> {
        let said = breached.get(&zero.name).ok_or_else(|| format!("{} never breached", zero.name))?;
        Ok(milliseconds(*said, zero.record.at))
    };
    Ok(Spread::new(zeros.iter().map(time).collect::<Result<_, _>>()?))
}

/// The time between two instants.
pub fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}
