//! `get rollout`: a Rollout with everything that belongs to it, once or for as long as somebody watches.

use std::{convert::Infallible, time::Duration};

use futures::future::{join, select_all};
use jiff::Timestamp;
use serde_json::Value;
use serin_crds::names::HASH_LABEL;

use super::{
    Failure, Printer,
    cluster::{ANALYSIS_RUNS, Cluster, Followed, PODS, REPLICA_SETS, ROLLOUTS, Selection},
    tree, while_watched,
};
use crate::{
    terminal::{Line, Live, Output},
    view::{Objects, View},
};

/// How often ages are brought up to date.
const TICK: Duration = Duration::from_secs(1);

/// What can be shown.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Get {
    /// Show a Rollout with its revisions, pods and analysis runs
    #[command(visible_aliases = ["ro", "rollouts"])]
    Rollout(Rollout),
}

/// Shows a Rollout.
#[derive(clap::Args, Clone, Debug)]
pub struct Rollout {
    /// The name of the Rollout
    name: String,
    /// Show every change, until Ctrl-C
    #[arg(long, short, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = clap::ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    watch: bool,
    /// Print no colours; setting `NO_COLOR` does the same
    #[arg(long)]
    no_color: bool,
    /// Stop watching after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0, hide_default_value = true)]
    timeout_seconds: u64,
}

impl Get {
    pub(super) async fn run(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let Self::Rollout(rollout) = self;
        let output = Output { colour: printer.output.colour && !rollout.no_color, ..printer.output };
        if rollout.watch {
            return rollout.watch(cluster, printer, output).await;
        }
        let read = Read::once(cluster, &rollout.name).await?;
        print(printer, output, &read.lines());
        Ok(())
    }
}

fn print(printer: &mut Printer<'_>, output: Output, lines: &[Line]) {
    let text = |line: &Line| line.render(output.colour) + "\n";
    printer.say(&lines.iter().map(text).collect::<String>());
}

/// The objects of a Rollout.
struct Read {
    rollout: Value,
    sets: Vec<Value>,
    pods: Vec<Value>,
    runs: Vec<Value>,
}

impl Read {
    async fn once(cluster: &Cluster, name: &str) -> Result<Self, Failure> {
        let rollout = cluster.get(ROLLOUTS, name).await?;
        let own = selection(cluster, selector(&rollout));
        let (sets, pods) = join(cluster.list(REPLICA_SETS, &own), cluster.list(PODS, &own)).await;
        let ((sets, _), (pods, _)) = (sets?, pods?);
        let runs = match hashes(sets.iter()) {
            hashes if hashes.is_empty() => Vec::new(),
            hashes => cluster.list(ANALYSIS_RUNS, &selection(cluster, hashes)).await?.0,
        };
        Ok(Self { rollout, sets, pods, runs })
    }

    fn lines(&self) -> Vec<Line> {
        let view = View::of(&Objects {
            rollout: &self.rollout,
            replica_sets: self.sets.iter().collect(),
            pods: self.pods.iter().collect(),
            runs: self.runs.iter().collect(),
            services: Vec::new(),
            virtual_services: Vec::new(),
            destination_rules: Vec::new(),
        });
        tree::print(&view, Timestamp::now())
    }
}

fn selection(cluster: &Cluster, labels: String) -> Selection {
    Selection { namespace: cluster.namespace().to_owned(), labels, ..Selection::default() }
}

/// The selector of a Rollout's pods as the API writes it; empty when it has none.
pub(super) fn selector(rollout: &Value) -> String {
    let spec = rollout.pointer("/spec/selector");
    let labels = spec.and_then(|spec| spec.get("matchLabels")?.as_object()).into_iter().flatten();
    let labels = labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    let expressions = spec.and_then(|spec| spec.get("matchExpressions")?.as_array()).into_iter().flatten();
    let all: Vec<String> = labels.chain(expressions.filter_map(expression)).collect();
    if all.is_empty() {
        let observed = rollout.pointer("/status/selector").and_then(Value::as_str);
        return observed.unwrap_or_default().to_owned();
    }
    all.join(",")
}

fn expression(expression: &Value) -> Option<String> {
    let key = expression.get("key")?.as_str()?;
    let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
    let values = values.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    match expression.get("operator")?.as_str()? {
        "In" => Some(format!("{key} in ({values})")),
        "NotIn" => Some(format!("{key} notin ({values})")),
        "Exists" => Some(key.to_owned()),
        "DoesNotExist" => Some(format!("!{key}")),
        _ => None,
    }
}

/// A selector of what bears one of the hashes of these `ReplicaSets`; empty when there are none.
fn hashes<'a>(sets: impl Iterator<Item = &'a Value>) -> String {
    let hash = |set: &'a Value| set.pointer("/metadata/labels")?.get(HASH_LABEL)?.as_str();
    let mut hashes: Vec<&str> = sets.filter_map(hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    if hashes.is_empty() { String::new() } else { format!("{HASH_LABEL} in ({})", hashes.join(",")) }
}

/// The objects of a Rollout, as long as somebody watches.
struct Watched {
    cluster: Cluster,
    rollout: Followed,
    sets: Followed,
    pods: Followed,
    runs: Option<(String, Followed)>,
}

impl Watched {
    async fn start(cluster: &Cluster, name: &str) -> Result<Self, Failure> {
        // It has to be there in the beginning; what a list does not find is no error.
        let read = cluster.get(ROLLOUTS, name).await?;
        let named = Selection { name: name.to_owned(), ..selection(cluster, String::new()) };
        let own = selection(cluster, selector(&read));
        let mut watched = Self {
            cluster: cluster.clone(),
            rollout: Followed::start(cluster, ROLLOUTS, named).await?,
            sets: Followed::start(cluster, REPLICA_SETS, own.clone()).await?,
            pods: Followed::start(cluster, PODS, own).await?,
            runs: None,
        };
        watched.follow_runs().await?;
        Ok(watched)
    }

    /// Follows the runs of the revisions that there are now.
    async fn follow_runs(&mut self) -> Result<(), Failure> {
        let hashes = hashes(self.sets.objects());
        if hashes.is_empty() || self.runs.as_ref().is_some_and(|(known, _)| *known == hashes) {
            return Ok(());
        }
        let selection = selection(&self.cluster, hashes.clone());
        self.runs = Some((hashes, Followed::start(&self.cluster, ANALYSIS_RUNS, selection).await?));
        Ok(())
    }

    async fn change(&mut self) -> Result<(), Failure> {
        let mut changes = vec![self.rollout.change(), self.sets.change(), self.pods.change()];
        changes.extend(self.runs.as_mut().map(|(_, runs)| runs.change()));
        let (changed, ..) = select_all(changes).await;
        changed?;
        self.follow_runs().await
    }

    fn lines(&self) -> Option<Vec<Line>> {
        let all = |followed: &Followed| followed.objects().cloned().collect();
        let read = Read {
            rollout: self.rollout.objects().next()?.clone(),
            sets: all(&self.sets),
            pods: all(&self.pods),
            runs: self.runs.as_ref().map(|(_, runs)| all(runs)).unwrap_or_default(),
        };
        Some(read.lines())
    }
}

impl Rollout {
    async fn watch(&self, cluster: &Cluster, printer: &mut Printer<'_>, output: Output) -> Result<(), Failure> {
        let mut last = Vec::new();
        let mut live = output.live.then(|| Live::new(output.colour));
        let watching = async {
            let mut watched = Watched::start(cluster, &self.name).await?;
            loop {
                let lines = watched.lines();
                let lines = lines.ok_or_else(|| Failure::Outcome(format!("rollout '{}' was deleted", self.name)))?;
                match &mut live {
                    Some(live) => live.draw(|_| lines.clone()),
                    None if last != lines => print(printer, output, &[lines.as_slice(), &[Line::new()]].concat()),
                    None => {}
                }
                last = lines;
                // On a terminal ages go on; in a pipe only changes count.
                let tick = if live.is_some() { TICK } else { Duration::MAX };
                if let Ok(changed) = tokio::time::timeout(tick, watched.change()).await {
                    changed?;
                }
            }
        };
        let limit = Duration::from_secs(self.timeout_seconds);
        let ended: Result<Option<Infallible>, Failure> = while_watched(limit, watching).await;
        if live.take().is_some() {
            print(printer, output, &last);
        }
        ended.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(rollout: &Value, expect: &str) {
        assert_eq!(selector(rollout), expect);
    }

    #[test]
    fn a_selector_is_written_as_the_api_reads_it() {
        check(&json!({"spec": {"selector": {"matchLabels": {"app": "shop", "tier": "web"}}}}), "app=shop,tier=web");
        let expressions = json!([
            {"key": "a", "operator": "In", "values": ["1", "2"]}, {"key": "b", "operator": "NotIn", "values": ["3"]},
            {"key": "c", "operator": "Exists"}, {"key": "d", "operator": "DoesNotExist"}, {"key": "e", "operator": "?"},
        ]);
        check(&json!({"spec": {"selector": {"matchExpressions": expressions}}}), "a in (1,2),b notin (3),c,!d");
        check(&json!({"status": {"selector": "app=shop"}}), "app=shop");
        check(&json!({}), "");
    }
}
