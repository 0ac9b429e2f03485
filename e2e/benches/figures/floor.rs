//! The floor: what the API server needs for the same patches when nobody else wants anything of it.

use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};
use serin_e2e::world::{Record, User};

use crate::{
    Fault,
    aborts::{WEIGHT, Zero, milliseconds},
    bench::{Bench, side_by_side},
    contender::Contender,
    manifests::{self, ROUTES},
    spread::Spread,
};

/// How often it is measured; the middle one counts.
const ROUNDS: usize = 5;

/// How many times the floor the slowest of all may take.
const GOAL: f64 = 1.5;

/// Sends the patches of the aborts again, as the controller sent them, without the controller; tells how the aborts compare.
pub async fn figures(mut bench: Bench, zeros: &[Zero], aborts: &Spread) -> Result<(), Fault> {
    bench.controller.kill();
    let concurrency = most_at_once(zeros);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        restore(&bench, zeros).await?;
        rounds.push(round(&bench, zeros, concurrency).await?);
    }
    rounds.sort_by(|a, b| a.max().total_cmp(&b.max()));
    let middle = rounds.get(ROUNDS / 2).ok_or("no round")?;
    let what = format!("the same patches by the API server alone, {concurrency} side by side");
    Contender::Serin.tell(&what, &format!("{middle}"));
    let ratio = aborts.quantile(0.99) / middle.max();
    let figure = format!("{ratio:.2}   (goal <= {GOAL})");
    Contender::Serin.tell("abort of 200 at once: p99, in times of all those patches", &figure);
    single(&bench, zeros).await
}

/// What the API server needs for one patch, with nothing beside it.
async fn single(bench: &Bench, zeros: &[Zero]) -> Result<(), Fault> {
    let some = zeros.get(..zeros.len().min(30)).unwrap_or_default();
    restore(bench, some).await?;
    let mut times = Vec::new();
    for zero in some {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let sent = Timestamp::now();
        replay(bench.world.client(User::Serin), zero.record.clone()).await?;
        times.push(milliseconds(sent, Timestamp::now()));
    }
    Contender::Serin
        .tell("one such patch by the API server alone, sent -> answered", &format!("{}", Spread::new(times)));
    Ok(())
}

/// Puts the weights back to what they were before the aborts, and waits until the server has nothing to do.
async fn restore(bench: &Bench, zeros: &[Zero]) -> Result<(), Fault> {
    let patch = |zero: &Zero| {
        let body = json!({"metadata": {"annotations": null}, "spec": {"http": manifests::http(&zero.name, WEIGHT)}});
        ("PATCH", format!("{ROUTES}/{}", zero.name), body)
    };
    bench.send_all(User::Admin, zeros.iter().map(patch).collect()).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

/// Sends all patches; the time from the first one's sending to the commit of each.
async fn round(bench: &Bench, zeros: &[Zero], concurrency: usize) -> Result<Spread, Fault> {
    let (client, before) = (bench.world.client(User::Serin), bench.calls()?.len());
    let sent = Timestamp::now();
    side_by_side(zeros.iter().map(|zero| replay(client.clone(), zero.record.clone())).collect(), concurrency).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let commits = bench.calls()?.split_off(before);
    let times: Vec<_> =
        commits.iter().filter(|call| call.succeeded()).map(|call| milliseconds(sent, call.at)).collect();
    if times.len() != zeros.len() {
        return Err(format!("{} of {} patches were taken", times.len(), zeros.len()).into());
    }
    Ok(Spread::new(times))
}

/// Sends a patch as it was sent, but for the version that it was made for.
async fn replay(client: Client, patch: Record) -> Result<(), Fault> {
    let mut body = patch.bodies.request;
    if let Some(operations) = body.as_array_mut() {
        operations.retain(|one| one.get("path").and_then(Value::as_str) != Some("/metadata/resourceVersion"));
    }
    let kind = if body.is_array() { "application/json-patch+json" } else { "application/merge-patch+json" };
    let request = http::Request::patch(&patch.uri).header("content-type", kind);
    client.request::<Value>(request.body(body.to_string().into_bytes())?).await?;
    Ok(())
}

/// How many of these writes were under way at the same time, at most.
fn most_at_once(zeros: &[Zero]) -> usize {
    let under_way = |at: Timestamp| {
        let open = |record: &Record| record.received <= at && at < record.at;
        zeros.iter().filter(|zero| open(&zero.record)).count()
    };
    zeros.iter().map(|zero| under_way(zero.record.received)).max().unwrap_or(1).max(1)
}
