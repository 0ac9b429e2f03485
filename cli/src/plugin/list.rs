//! `list rollouts`: a line each.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use jiff::{Timestamp, Unit};
use serde_json::Value;

use super::{
    Failure, Printer,
    cluster::{Cluster, Followed, ROLLOUTS, Selection},
    table::{aligned, cell},
    while_watched,
};
use crate::{
    terminal::Line,
    view::{Canary, Summary},
};

/// What can be listed.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum List {
    /// List Rollouts, a line each
    #[command(visible_aliases = ["ro", "rollout"])]
    Rollouts(Rollouts),
}

/// Lists Rollouts.
#[derive(clap::Args, Clone, Debug)]
pub struct Rollouts {
    /// Only the Rollout with this name
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    name: String,
    /// Those of all namespaces
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    /// Print a line for every change, until Ctrl-C
    #[arg(long, short)]
    watch: bool,
    /// Print when each line was written
    #[arg(long)]
    timestamps: bool,
}

const HEADER: [&str; 9] =
    ["NAME", "STRATEGY", "STATUS", "STEP", "SET-WEIGHT", "READY", "DESIRED", "UP-TO-DATE", "AVAILABLE"];

/// How wide the cells of a column are at least, so that lines that are printed later stand below each other.
const WIDTHS: [usize; 9] = [10, 9, 12, 4, 10, 5, 7, 10, 9];

type Row = [String; 9];

impl List {
    pub(super) async fn run(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let Self::Rollouts(list) = self;
        let namespace = if list.all_namespaces { String::new() } else { cluster.namespace().to_owned() };
        let selection = Selection { namespace, name: list.name.clone(), ..Selection::default() };
        if list.watch {
            return list.watch(cluster, selection, printer).await;
        }
        let (rollouts, _) = cluster.list(ROLLOUTS, &selection).await?;
        if rollouts.is_empty() {
            printer.warn("No resources found.\n");
            return Ok(());
        }
        list.print(true, rollouts.iter().map(row).collect(), printer);
        Ok(())
    }
}

impl Rollouts {
    fn print(&self, header: bool, rows: Vec<(String, Row)>, printer: &mut Printer<'_>) {
        let written = Timestamp::now().round(Unit::Second).map(serin_crds::time::format).unwrap_or_default();
        let line = |first: &str, namespace: &str, cells: Vec<Line>| {
            let first = self.timestamps.then(|| cell(format!("{first:<20}")));
            let namespace = self.all_namespaces.then(|| cell(format!("{namespace:<9}")));
            first.into_iter().chain(namespace).chain(cells).collect::<Vec<Line>>()
        };
        let head = || {
            let first = self.timestamps.then(|| cell("TIMESTAMP"));
            let namespace = self.all_namespaces.then(|| cell("NAMESPACE"));
            first.into_iter().chain(namespace).chain(HEADER.map(cell)).collect::<Vec<Line>>()
        };
        let padded = |(text, width): (String, usize)| cell(format!("{text:<width$}"));
        let rows = rows
            .into_iter()
            .map(|(namespace, row)| line(&written, &namespace, row.into_iter().zip(WIDTHS).map(padded).collect()));
        let table = aligned(header.then(head).into_iter().chain(rows).collect());
        printer.say(&table.iter().map(|line| line.render(false) + "\n").collect::<String>());
    }

    async fn watch(&self, cluster: &Cluster, selection: Selection, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let watching = async {
            let mut followed = Followed::start(cluster, ROLLOUTS, selection).await?;
            let mut told: BTreeMap<(String, String), Row> = BTreeMap::new();
            let mut header = true;
            loop {
                let mut rows = Vec::new();
                for (namespace, row) in followed.objects().map(row) {
                    let name = row.first().cloned().unwrap_or_default();
                    let before = told.insert((namespace.clone(), name), row.clone());
                    if before.as_ref() != Some(&row) {
                        rows.push((namespace, row));
                    }
                }
                if header || !rows.is_empty() {
                    self.print(header, rows, printer);
                }
                header = false;
                followed.change().await?;
            }
        };
        let ended: Result<Option<Infallible>, Failure> = while_watched(Duration::ZERO, watching).await;
        ended.map(drop)
    }
}

/// The namespace and the cells of a Rollout.
fn row(rollout: &Value) -> (String, Row) {
    let Summary { meta, state, strategy, replicas, .. } = Summary::of(rollout);
    let or = |text: String, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text };
    let canary = strategy.canary();
    let row = [
        meta.name,
        or(strategy.name().to_owned(), "unknown"),
        state.word,
        or(canary.map(Canary::place).unwrap_or_default(), "-"),
        or(canary.map(|canary| canary.set_weight.to_string()).unwrap_or_default(), "-"),
        format!("{}/{}", replicas.ready, replicas.current),
        replicas.desired.to_string(),
        replicas.updated.to_string(),
        replicas.available.to_string(),
    ];
    (meta.namespace, row)
}
