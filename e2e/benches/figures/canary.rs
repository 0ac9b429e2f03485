//! What one canary costs.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use serin_e2e::world::Record;

use crate::{
    Fault,
    bench::Bench,
    contender::Contender,
    manifests::{analysis, names},
};

/// What comes behind the release: delays of pods that go, late events.
const BEHIND: Duration = Duration::from_secs(40);

/// Counts the calls of the reference canary: 10 pods, 20 %, five measurements, 60 %, five measurements, 100 %.
pub async fn figures(contender: Contender) -> Result<(), Fault> {
    let bench = Bench::start(contender, Some(5)).await?;
    let one = names("canary", 1);
    let steps = |name: &str| {
        let analysis = analysis(name);
        json!({"steps": [{"setWeight": 20}, {"analysis": analysis}, {"setWeight": 60}, {"analysis": analysis}]})
    };
    bench.create(&one, 10, steps).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = bench.calls()?.len();
    bench.release(&one).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    bench.all("Healthy", one.len()).await?;
    tokio::time::sleep(BEHIND).await;
    let calls = bench.calls()?.split_off(before);

    let mut kinds = BTreeMap::<String, usize>::new();
    for call in &calls {
        *kinds.entry(title(call)).or_default() += 1;
    }
    for (kind, number) in &kinds {
        println!("      {number:>3}  {kind}");
    }
    let events = calls.iter().filter(|call| call.object.resource == "events").count();
    let reads = calls.iter().filter(|call| !call.is_write()).count();
    let writes = calls.len() - events - reads;
    contender.tell("reference canary, object writes", &format!("{writes}   (goal 25)"));
    contender.tell("reference canary, reads", &format!("{reads}   (goal <= 8)"));
    contender.tell("reference canary, events", &format!("{events}"));
    contender.tell("reference canary, all calls", &format!("{}", calls.len()));
    Ok(())
}

fn title(call: &Record) -> String {
    let slash = if call.object.subresource.is_empty() { "" } else { "/" };
    let refused = if call.succeeded() { String::new() } else { format!(" ({})", call.code) };
    format!("{} {}{slash}{}{refused}", call.verb, call.object.resource, call.object.subresource)
}
