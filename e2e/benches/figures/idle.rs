//! What Rollouts cost that have nothing to do.

use std::time::Duration;

use serde_json::json;
use serin_e2e::world::{Controller, Memory};

use crate::{Fault, bench::Bench, contender::Contender, manifests::names};

/// How many there are.
const IDLE: usize = 1000;
/// How long their requests are counted.
const COUNTED: Duration = Duration::from_secs(30);

/// Counts requests, and looks at the memory.
pub async fn figures(contender: Contender) -> Result<(), Fault> {
    let mut bench = Bench::start(contender, Some(1)).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let none = memory(&mut bench.controller)?;
    let steps = json!({"steps": [{"setWeight": 50}, {"pause": {}}]});
    bench.create(&names("idle", IDLE), 2, |_| steps.clone()).await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before = bench.calls()?.len();
    tokio::time::sleep(COUNTED).await;
    let calls = bench.calls()?.len() - before;
    contender.tell("1,000 idle Rollouts, requests in 30 s", &format!("{calls}   (goal 0)"));
    contender.tell("memory without objects", &none.to_string());
    let all = memory(&mut bench.controller)?;
    contender.tell("memory with 1,000 idle Rollouts", &format!("{all}   (goal 20)"));
    Ok(())
}

/// Where the controller's memory goes; it stands still meanwhile.
fn memory(controller: &mut Controller) -> Result<Memory, Fault> {
    let pid = controller.pid().ok_or("no controller runs")?;
    controller.freeze();
    let memory = Memory::of(pid);
    controller.thaw();
    Ok(memory?)
}
