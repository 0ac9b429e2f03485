//! What `get rollout` prints: the Rollout, and the tree of what belongs to it.

use jiff::Timestamp;

use super::table::{age, aligned, cell, span};
use crate::{
    terminal::{Line, Tone},
    view::{Counts, Icon, Job, Meta, Pod, Revision, Role, Run, Set, State, View},
};

/// The width of labels.
const LABEL: usize = 17;

/// Everything that there is to see of a Rollout.
pub(super) fn print(view: &View, now: Timestamp) -> Vec<Line> {
    let mut lines = head(view);
    lines.push(Line::new());
    lines.extend(tree(view, now));
    lines
}

fn labelled(label: &str, value: Line) -> Line {
    cell(format!("{label:<LABEL$}")).join(value)
}

fn state(state: &State) -> Line {
    Line::new().and(state.icon.tone(), state.icon.text()).and(Tone::Plain, format!(" {}", state.word))
}

fn head(view: &View) -> Vec<Line> {
    let summary = &view.summary;
    let mut lines = vec![
        labelled("Name:", cell(&summary.meta.name)),
        labelled("Namespace:", cell(&summary.meta.namespace)),
        labelled("Status:", state(&summary.state)),
    ];
    if !summary.message.is_empty() {
        lines.push(labelled("Message:", cell(&summary.message)));
    }
    lines.push(labelled("Strategy:", cell(summary.strategy.name())));
    if let Some(canary) = summary.strategy.canary() {
        lines.push(labelled("  Step:", cell(canary.place())));
        lines.push(labelled("  SetWeight:", cell(canary.set_weight.to_string())));
        lines.push(labelled("  ActualWeight:", cell(view.actual_weight().unwrap_or_default().to_string())));
    }
    for (at, image) in images(view).into_iter().enumerate() {
        lines.push(labelled(if at == 0 { "Images:" } else { "" }, image));
    }
    lines.push(cell("Replicas:"));
    let replicas = &summary.replicas;
    let counts = [
        ("  Desired:", replicas.desired),
        ("  Current:", replicas.current),
        ("  Updated:", replicas.updated),
        ("  Ready:", replicas.ready),
        ("  Available:", replicas.available),
    ];
    lines.extend(counts.map(|(label, count)| labelled(label, cell(count.to_string()))));
    lines
}

/// The images of all `ReplicaSets` that have pods, with the roles in which they run.
fn images(view: &View) -> Vec<Line> {
    let mut images: std::collections::BTreeMap<&str, Vec<Role>> = std::collections::BTreeMap::new();
    for set in view.sets().filter(|set| set.sizes.current > 0) {
        for image in &set.images {
            let roles = images.entry(image).or_default();
            let new: Vec<Role> = set.roles.iter().copied().filter(|role| !roles.contains(role)).collect();
            // The roles of one ReplicaSet stay in their order; those of several are sorted.
            let merged = !roles.is_empty();
            roles.extend(new);
            if merged {
                roles.sort_by_key(|role| role.name());
            }
        }
    }
    let line = |(image, roles): (&str, Vec<Role>)| {
        let line = cell(image);
        if roles.is_empty() {
            line
        } else {
            line.and(Tone::Plain, " (").join(named(&roles, ", ")).and(Tone::Plain, ")")
        }
    };
    images.into_iter().map(line).collect()
}

fn tone(role: Role) -> Tone {
    match role {
        Role::Stable | Role::Active => Tone::Good,
        Role::Canary | Role::Preview | Role::Ping | Role::Pong => Tone::Busy,
    }
}

fn named(roles: &[Role], between: &str) -> Line {
    let mut line = Line::new();
    for (at, role) in roles.iter().enumerate() {
        line = line.and(Tone::Plain, if at == 0 { "" } else { between }).and(tone(*role), role.name());
    }
    line
}

/// The rows of a tree, each below the branches that lead to it.
struct Tree {
    rows: Vec<Vec<Line>>,
    now: Timestamp,
}

/// What stands to the left of a node, and of what is below it.
struct Branch {
    own: String,
    below: String,
}

impl Branch {
    fn of(parent: &str, last: bool) -> Self {
        let (own, below) = if last { ("└──", "   ") } else { ("├──", "│  ") };
        Self { own: format!("{parent}{own}"), below: format!("{parent}{below}") }
    }
}

fn tree(view: &View, now: Timestamp) -> Vec<Line> {
    let header = ["NAME", "KIND", "STATUS", "AGE", "INFO"].map(cell).to_vec();
    let mut tree = Tree { rows: vec![header], now };
    let summary = &view.summary;
    tree.row(cell(format!("⟳ {}", summary.meta.name)), "Rollout", &summary.state, &summary.meta, Line::new());
    for (at, revision) in view.revisions.iter().enumerate() {
        tree.revision(revision, &Branch::of("", at + 1 == view.revisions.len()));
    }
    aligned(tree.rows)
}

impl Tree {
    fn row(&mut self, name: Line, kind: &str, stands: &State, meta: &Meta, info: Line) {
        self.rows.push(vec![name, cell(kind), state(stands), cell(age(meta.created, self.now)), info]);
    }

    fn revision(&mut self, revision: &Revision, branch: &Branch) {
        let name = cell(format!("{}# revision:{}", branch.own, revision.number));
        self.rows.push(vec![name, Line::new(), cell(" "), Line::new(), Line::new()]);
        let mut left = revision.sets.len() + revision.runs.len();
        let mut next = || {
            left = left.saturating_sub(1);
            Branch::of(&branch.below, left == 0)
        };
        for set in &revision.sets {
            self.set(set, &next());
        }
        for run in &revision.runs {
            self.run(run, &next());
        }
    }

    fn set(&mut self, set: &Set, branch: &Branch) {
        let tone = set.roles.first().map_or(Tone::Plain, |role| tone(*role));
        let name = cell(format!("{}⧉ ", branch.own)).and(tone, &set.meta.name);
        let mut info = named(&set.roles, ",");
        if let Some(until) = set.until {
            let left = until.duration_since(self.now).as_secs();
            let left = if left < 0 { "passed".to_owned() } else { span(left) };
            let comma = if set.roles.is_empty() { "" } else { "," };
            info = info.and(Tone::Plain, format!("{comma}delay:{left}"));
        }
        self.row(name, "ReplicaSet", &set.state, &set.meta, info);
        for (at, pod) in set.pods.iter().enumerate() {
            self.pod(pod, &Branch::of(&branch.below, at + 1 == set.pods.len()));
        }
    }

    fn pod(&mut self, pod: &Pod, branch: &Branch) {
        let restarts = if pod.restarts > 0 { format!(",restarts:{}", pod.restarts) } else { String::new() };
        let info = cell(format!("ready:{}/{}{restarts}", pod.ready, pod.containers));
        self.row(cell(format!("{}□ {}", branch.own, pod.meta.name)), "Pod", &pod.state, &pod.meta, info);
    }

    fn run(&mut self, run: &Run, branch: &Branch) {
        let name = cell(format!("{}α {}", branch.own, run.meta.name));
        self.row(name, "AnalysisRun", &run.state, &run.meta, counts(&run.counts));
        for (at, job) in run.jobs.iter().enumerate() {
            self.job(job, &Branch::of(&branch.below, at + 1 == run.jobs.len()));
        }
    }

    fn job(&mut self, job: &Job, branch: &Branch) {
        let meta = Meta { created: job.started, ..Meta::default() };
        self.row(cell(format!("{}⊞ {}", branch.own, job.name)), "Job", &job.state, &meta, Line::new());
    }
}

fn counts(counts: &Counts) -> Line {
    let all = [
        (Icon::Ok, counts.successful),
        (Icon::Bad, counts.failed),
        (Icon::Unknown, counts.inconclusive),
        (Icon::Warning, counts.error),
    ];
    let mut line = Line::new();
    for (icon, count) in all.into_iter().filter(|(_, count)| *count > 0) {
        let comma = if line.columns() > 0 { "," } else { "" };
        line = line.and(Tone::Plain, comma).and(icon.tone(), icon.text()).and(Tone::Plain, format!(" {count}"));
    }
    line
}
