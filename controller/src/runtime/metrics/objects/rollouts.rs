//! Rollouts: `rollout_info` and its companions.

use std::sync::Arc;

use serin_crds::names;

use super::{Write, object, truth};
use crate::runtime::metrics::{Named, Page, slices};
use crate::runtime::projection::{Projection as _, RolloutFigures, RolloutRow};

/// Phases of `rollout_phase`.
const PHASES: [&str; 6] = ["Completed", "Progressing", "Paused", "Timeout", "Error", "Abort"];

pub(super) fn show_rollouts(rollouts: Arc<[Arc<RolloutRow>]>) -> impl Iterator<Item = Page> {
    let families: [(Named, Write<RolloutRow>); 6] = [
        (Named::new(names::ROLLOUT_INFO, "Rollouts by strategy, traffic router and phase."), show_info),
        (Named::new(names::ROLLOUT_REPLICAS_AVAILABLE, "Available pods."), |rollout, page| {
            show_pods(names::ROLLOUT_REPLICAS_AVAILABLE, rollout, |figures| figures.available, page);
        }),
        (Named::new(names::ROLLOUT_REPLICAS_UNAVAILABLE, "Pods that are not available."), |rollout, page| {
            show_pods(
                names::ROLLOUT_REPLICAS_UNAVAILABLE,
                rollout,
                |of| of.replicas.saturating_sub(of.available),
                page,
            );
        }),
        (Named::new(names::ROLLOUT_REPLICAS_DESIRED, "Desired pods."), |rollout, page| {
            show_pods(names::ROLLOUT_REPLICAS_DESIRED, rollout, |figures| figures.desired, page);
        }),
        (Named::new(names::ROLLOUT_REPLICAS_UPDATED, "Pods of the new version."), |rollout, page| {
            show_pods(names::ROLLOUT_REPLICAS_UPDATED, rollout, |figures| figures.updated, page);
        }),
        (Named::new(names::ROLLOUT_PHASE, "Rollouts by phase (use rollout_info)."), show_phases),
    ];
    families.into_iter().flat_map(move |(named, write)| slices(rollouts.clone(), named, write))
}

fn show_info(rollout: &RolloutRow, page: &mut Page) {
    let [namespace, name] = object(rollout.key());
    let RolloutFigures { strategy, router, phase, .. } = rollout.figures;
    let labels = [namespace, name, ("strategy", strategy), ("traffic_router", router), ("phase", phase)];
    page.sample(names::ROLLOUT_INFO, &labels, 1.0);
}

fn show_pods(family: &str, rollout: &RolloutRow, measure: fn(&RolloutFigures) -> i64, page: &mut Page) {
    #[allow(clippy::cast_precision_loss, reason = "samples are floating-point numbers")]
    page.sample(family, &object(rollout.key()), measure(&rollout.figures) as f64);
}

fn show_phases(rollout: &RolloutRow, page: &mut Page) {
    let [namespace, name] = object(rollout.key());
    let strategy = ("strategy", rollout.figures.strategy);
    for phase in PHASES {
        let labels = [namespace, name, strategy, ("phase", phase)];
        page.sample(names::ROLLOUT_PHASE, &labels, truth(rollout.figures.phase == phase));
    }
}
