//! Sizes: how many pods each side should have now, as a pure function of what is declared and observed.
//!
//! Without traffic routing the number of pods *is* the traffic, so each pass moves as far as the surge and
//! availability limits allow. With traffic routing the stable side stays whole and the canary follows its weight.

use super::weight::Weight;

/// `maxSurge` or `maxUnavailable` as declared: pods, or a share of the desired pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A number of pods.
    Pods(i64),
    /// A share of the desired pods in percent.
    Percent(i64),
}

/// The two limits of a rolling change, resolved to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pods above the desired number that may exist.
    pub surge: i64,
    /// Pods below the desired number that may be missing.
    pub unavailable: i64,
}

impl Limits {
    /// Resolves the declared limits for `desired` pods: surge is rounded up, unavailable down; if both are zero
    /// one pod may be missing, since otherwise nothing could ever move.
    pub fn resolve(surge: Bound, unavailable: Bound, desired: i64) -> Self {
        let share = |percent: i64| percent.max(0).saturating_mul(desired);
        let surge = match surge {
            Bound::Pods(pods) => pods.max(0),
            Bound::Percent(percent) => super::weight::ceil_div(share(percent), 100),
        };
        let mut unavailable = match unavailable {
            Bound::Pods(pods) => pods.max(0),
            Bound::Percent(percent) => share(percent) / 100,
        };
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Self { surge, unavailable: unavailable.min(desired.max(0)) }
    }
}

/// The size of one `ReplicaSet`: what is asked of it and what of that answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// `spec.replicas`.
    pub spec: i64,
    /// Pods that have been ready for `minReadySeconds`.
    pub available: i64,
}

impl Side {
    /// Available pods that the next pass can rely on: never more than asked for.
    fn counted(self, by_spec: bool) -> i64 {
        if by_spec { self.spec } else { self.available.min(self.spec) }
    }
}

/// A pair of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// `spec.replicas` of the canary's `ReplicaSet`.
    pub canary: i64,
    /// `spec.replicas` of the stable `ReplicaSet`.
    pub stable: i64,
}

/// What a basic canary (no traffic routing) has to move.
#[derive(Clone, Copy, Debug)]
pub struct Basic {
    /// Desired pods of the Rollout.
    pub desired: i64,
    /// The share of pods the canary should have.
    pub weight: Weight,
    /// The limits of the move.
    pub limits: Limits,
    /// The canary's `ReplicaSet`, if it exists.
    pub canary: Option<Side>,
    /// The stable `ReplicaSet`, if it exists and is not the canary's.
    pub stable: Option<Side>,
    /// Sum of `spec.replicas` of all other `ReplicaSet`s.
    pub older: i64,
}

/// Chooses the split of `desired` pods that comes nearest to `weight`.
///
/// Between 1 % and 99 % both sides keep at least one pod wherever `desired` >= 2 or a surge is allowed; ties go to the
/// larger canary.
pub fn nearest(desired: i64, weight: Weight, surge: i64) -> Sizes {
    if desired <= 0 {
        return Sizes { canary: 0, stable: 0 };
    }
    let w = weight.percent();
    let up = super::weight::ceil_div(desired * w, 100);
    let down = desired * w / 100;
    let tied = |total: i64| (total * w) % 100 == 50;
    let may_be_zero = w == 0 || w == 100 || (desired == 1 && surge == 0);
    let down_counts = |total: i64| !tied(total) && (down != 0 || may_be_zero);
    let options = [
        (up < desired || may_be_zero).then_some((up, desired)),
        down_counts(desired).then_some((down, desired)),
        (surge > 0).then_some((up, desired + 1)),
        (surge > 0 && down_counts(desired + 1)).then_some((down, desired + 1)),
    ];
    let mut best: Option<(i64, i64)> = None;
    for (canary, total) in options.into_iter().flatten() {
        // |canary/total - w| compared without division: cross-multiplied distances.
        let distance = |c: i64, t: i64| (c * 100 - w * t).abs();
        let nearer = best.is_none_or(|(c, t)| distance(canary, total) * t < distance(c, t) * total);
        if nearer {
            best = Some((canary, total));
        }
    }
    let (canary, total) = best.unwrap_or((0, desired));
    Sizes { canary, stable: total - canary }
}

/// One pass of a basic canary towards its split, inside its limits.
///
/// # Guarantees
/// The result never has more than `desired + surge` pods in all unless there already are, and never takes
/// an available pod away below `desired - unavailable`.
pub fn basic(input: &Basic) -> Sizes {
    let goal = match input.stable {
        Some(_) => nearest(input.desired, input.weight, input.limits.surge),
        None => Sizes { canary: input.desired, stable: 0 },
    };
    let grown = grow(input, goal);
    // Others are drained first: nothing of the two sides shrinks while a third one still holds pods.
    if input.older > 0 {
        return grown;
    }
    shrink(input, goal, grown)
}

fn grow(input: &Basic, goal: Sizes) -> Sizes {
    let canary = input.canary.unwrap_or_default().spec;
    let stable = input.stable.unwrap_or_default().spec;
    let mut budget = (input.desired + input.limits.surge - input.older - canary - stable).max(0);
    let mut raise = |have: i64, want: i64| {
        let more = (want - have).clamp(0, budget);
        budget -= more;
        have + more
    };
    let stable = if input.stable.is_some() { raise(stable, goal.stable) } else { stable };
    let canary = if input.canary.is_some() { raise(canary, goal.canary) } else { canary };
    Sizes { canary, stable }
}

fn shrink(input: &Basic, goal: Sizes, now: Sizes) -> Sizes {
    let floor = input.desired - input.limits.unavailable;
    let cap = input.desired + input.limits.surge;
    let increasing = input.canary.is_none_or(|canary| goal.canary >= canary.spec);
    let counted = |side: Option<Side>, by_spec| side.map_or(0, |side| side.counted(by_spec));
    // Pods of the side that is drained count even when broken: they are what goes first.
    let total = counted(input.canary, !increasing) + counted(input.stable, increasing);
    if total <= floor {
        return now;
    }
    let budget = total - floor;
    if increasing {
        let Some(stable) = input.stable else { return now };
        let drained = if stable.spec > goal.stable { goal.stable.max(stable.spec - budget) } else { now.stable };
        let (stable, canary) = fit(input.stable, input.canary, (drained, now.canary), (floor, cap));
        Sizes { canary, stable }
    } else {
        let spec = input.canary.unwrap_or_default().spec;
        let drained = if spec > goal.canary { goal.canary.max(spec - budget) } else { now.canary };
        let (canary, stable) = fit(input.canary, input.stable, (drained, now.stable), (floor, cap));
        Sizes { canary, stable }
    }
}

/// Fits a drained and a growing side under the cap while availability stays at the floor.
fn fit(
    drained: Option<Side>,
    growing: Option<Side>,
    (mut down, mut up): (i64, i64),
    (floor, cap): (i64, i64),
) -> (i64, i64) {
    let over = (up + down - cap).max(0);
    let mut available = drained.map_or(0, |side| side.available.min(down));
    if let Some(growing) = growing {
        up -= over;
        available += growing.available.min(up);
        let taken = (growing.available - up).max(0);
        up += taken.min((floor - available).max(0));
        down -= (up + down - cap).max(0);
    }
    (down, up)
}

#[cfg(test)]
mod tests;
